"""The number that is explained: one of the answers a model gives about a pair."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from models.outputs import PairOutput

ANSWERS: dict[str, Callable[[PairOutput], Tensor]] = {
    "similarity": lambda o: o.similarity,  # cosine of the embeddings, in [-1, 1]
    "logit": lambda o: o.logit.mean(1),  # calibrated log-odds, mean over both orders
    "score": lambda o: o.score,  # calibrated probability, in [0, 1]
}


def answer(output: PairOutput, name: str) -> Tensor:
    """(B,) the named answer.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if name not in ANSWERS:
        raise ValueError(f"no answer {name!r}; there are: {', '.join(ANSWERS)}")
    return ANSWERS[name](output)
