"""Tasks "ckplus" and "jaffe": posed expressions of people no network here has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from models.face_model import ClassModel
from training.data.crops import Crops
from training.data.expression_sets import Posed, ckplus_crops, jaffe_crops
from training.data.expression_sets import ckplus as read_ckplus
from training.data.expression_sets import jaffe as read_jaffe
from training.evaluate.class_answers import class_logits, labelled_figures
from training.evaluate.class_figures import bootstrap

ACROSS = (
    "across data sets: nothing is trained or chosen on these faces; accuracy: the leading of all classes is what was "
    "asked for (among_shown: of the classes the set has); intervals: bootstrap over people"
)
CKPLUS = f"CK+ at 48 px, last three frames of each sequence, taken as framed like FER2013, no neutral faces; {ACROSS}"
JAFFE = f"JAFFE, detection and alignment as in the app, no contempt; {ACROSS}"


def ckplus(model: ClassModel, root: Path) -> dict[str, Any]:
    """Seven posed expressions of 118 people.

    Raises:
        DataError: the set is not there.
    """
    posed = read_ckplus(root)
    return posed_figures(model, posed, ckplus_crops(root, posed, model.spec), CKPLUS)


def jaffe(model: ClassModel, root: Path) -> dict[str, Any]:
    """Six posed expressions and neutral faces of ten Japanese women.

    Raises:
        DataError: the set is not there.
    """
    posed = read_jaffe(root)
    crops = jaffe_crops(root, posed, model.spec)
    return {**posed_figures(model, posed, crops, JAFFE), "undetected": int((~crops.found).sum())}


def posed_figures(model: ClassModel, posed: Posed, crops: Crops, protocol: str) -> dict[str, Any]:
    """The report of one set: labelled_figures, number of people, protocol, and accuracy among the set's classes."""
    logits = class_logits(model, crops, protocol.split(",")[0].split(" ")[0])
    shown = np.isin(np.arange(logits.shape[1]), posed.labels)
    among = np.where(shown, logits, -np.inf).argmax(1) == posed.labels
    return {
        "protocol": protocol,
        "people": len(set(posed.people)),
        **labelled_figures(posed.labels, logits.argmax(1), model.classes, posed.people),
        "accuracy_among_shown": float(among.mean()),
        "accuracy_among_shown_ci95": bootstrap(lambda r: float(among[r].mean()), len(among), posed.people),
    }
