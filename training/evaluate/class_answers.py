"""What networks with classes answer about aligned faces, and the figures of one set of labelled faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from models.face_model import ClassModel
from models.faces.face import FaceBatch
from training.data.crops import Crops
from training.evaluate.class_figures import bootstrap, confusion, macro_f1, per_class

BATCH = 32


@torch.inference_mode()
def class_logits(model: ClassModel, crops: Crops, what: str = "answering") -> np.ndarray:
    """(N, K) float32 calibrated logits of every face, aligned as the model wants them."""
    starts = tqdm(range(0, len(crops), BATCH), desc=what, unit="batch")
    return np.concatenate([logits_of(model, crops.batch(np.arange(s, min(s + BATCH, len(crops))))) for s in starts])


@torch.inference_mode()
def logits_of(model: ClassModel, faces: FaceBatch) -> np.ndarray:
    """(B, K) float32 calibrated logits of a batch."""
    faces = faces.to(next(model.parameters()).device)
    found: np.ndarray = model.classify(model.encode(faces.image, faces.keypoints)).float().cpu().numpy()
    return found


def labelled_figures(
    labels: np.ndarray, predicted: np.ndarray, names: Sequence[str], groups: Sequence[str] | None = None
) -> dict[str, Any]:
    """Accuracy, macro F1 with intervals, classes under "breakdown", and the confusion table (row: true class).

    Args:
        labels, predicted: (N,) among `names`.
        groups: of each face (its person), for intervals over them; None: faces are independent.
    """
    k, right = len(names), labels == predicted
    return {
        "faces": len(labels),
        "accuracy": float(right.mean()),
        "accuracy_ci95": bootstrap(lambda r: float(right[r].mean()), len(labels), groups),
        "macro_f1": macro_f1(labels, predicted, k),
        "macro_f1_ci95": bootstrap(lambda r: macro_f1(labels[r], predicted[r], k), len(labels), groups),
        "classes": list(names),
        "confusion": confusion(labels, predicted, k).tolist(),
        "breakdown": per_class(labels, predicted, names, groups),
    }
