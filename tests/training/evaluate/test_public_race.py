"""face-api's expressions beside ours: classes by name, contempt out of reach."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from models.expressions import EXPRESSIONS
from training.data.crops import Crops
from training.evaluate.public_race import public_figures, public_shares
from training.tools.face_api import PUBLIC_EXPRESSIONS, PublicExpressions


class Said(PublicExpressions):
    """Answers with the face's first pixel: that number of its own classes."""

    def forward(self, image: Tensor, margin: float = 0.0) -> Tensor:
        return torch.nn.functional.one_hot((image[:, 0, 0, 0] * 255).round().long(), 7).float()


def test_its_classes_are_ours_by_name():
    image = np.zeros((7, 4, 4, 3), np.uint8) + np.arange(7, dtype=np.uint8)[:, None, None, None]
    crops = Crops(tuple("abcdefg"), image, np.zeros((7, 5, 2), np.float32), np.ones(7, bool))
    shares = public_shares(Said(), crops, 0.0)
    assert [EXPRESSIONS[k] for k in shares.argmax(1)] == list(PUBLIC_EXPRESSIONS)
    assert shares[:, EXPRESSIONS.index("contempt")].max() == 0


def test_contempt_counts_against_it_and_stands_beside():
    labels = np.array([0, 1, 2, EXPRESSIONS.index("contempt")])
    shares = np.eye(8, dtype=np.float32)[[0, 1, 2, 0]]
    report = public_figures(labels, shares)
    assert report["accuracy"] == 0.75 and report["without_contempt"]["accuracy"] == 1.0
    assert report["breakdown"]["contempt"]["recall"] == 0.0
    assert report["ece"] == pytest.approx(0.25)
