"""The expressions a face is asked for; apart from the network, so that a page can name them without loading one."""

EXPRESSIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""Order of the logits, that of FER+'s columns."""
