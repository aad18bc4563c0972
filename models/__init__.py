"""Face networks and what they need to answer. Nothing here knows of gradio, plots or training.

faces_a, faces_b = detect_faces(open_photo("a.jpg")), detect_faces(open_photo("b.jpg"))
model = load_model()  # the default, or a name
result = predict(model, faces_a[0], faces_b[0])
result.score, result.evidence
"""

from models.errors import UserError
from models.faces.detect import default_face, detect_faces
from models.faces.face import KEYPOINT_NAMES, Face, FaceBatch, InputSpec
from models.faces.photo import PhotoError, open_photo
from models.outputs import ClassOutput, PairOutput
from models.predict import Result, predict
from models.registry import create_model, create_pair, list_models
from models.taps import record
from models.tasks import TASKS
from models.weights import WeightError, available_weights, default_model, load_model, load_pair, read_sidecar

__all__ = [
    "KEYPOINT_NAMES",
    "TASKS",
    "ClassOutput",
    "Face",
    "FaceBatch",
    "InputSpec",
    "PairOutput",
    "PhotoError",
    "Result",
    "UserError",
    "WeightError",
    "available_weights",
    "create_model",
    "create_pair",
    "default_face",
    "default_model",
    "detect_faces",
    "list_models",
    "load_model",
    "load_pair",
    "open_photo",
    "predict",
    "read_sidecar",
    "record",
]
