"""The method that is shown unless another is asked for: on the pages, in reports, on the command lines."""

from __future__ import annotations

from explain.core.measured import default_method
from explain.registry import EXPLAINERS, methods_for
from models.face_model import FaceModel


def first_method(weight: str, model: FaceModel) -> str:
    """The method preferred on a weight, of those that need not sample, as one waits for the first map.

    Args:
        weight: its name.  model: the network it was loaded into.
    """
    return default_method(weight, [m for m in methods_for(model) if EXPLAINERS[m].refine is None])
