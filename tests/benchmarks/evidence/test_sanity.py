"""Maps that follow the weights and the partner pass; one that does not is told apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.evidence.sanity import alike, sanity_records, shuffled
from tests.explain.tiny import Seeded, noise_faces, ready


def test_alike_is_the_correlation_of_ranks() -> None:
    a = np.array([[1.0, 2.0, 3.0, 40.0]])
    assert alike(a, a**3) == pytest.approx(1) and alike(a, -a) == pytest.approx(-1)
    assert alike(a, np.array([[1.0, 3.0, 2.0, 4.0]])) == pytest.approx(0.8)
    assert alike(a, np.zeros_like(a)) == 0


def test_the_last_tensors_are_shuffled_and_keep_their_values() -> None:
    model = ready(Seeded())
    half = shuffled(model, 0.5)
    pairs = list(zip(model.parameters(), half.parameters(), strict=True))
    moved = [not torch.equal(a, b) for a, b in pairs]
    assert moved[-1] and not any(moved[: len(moved) // 2])
    assert all(torch.equal(a.flatten().sort().values, b.flatten().sort().values) for a, b in pairs)


def test_a_method_that_looks_at_no_partner_is_seen() -> None:
    model = ready(Seeded())
    faces = noise_faces(model, 0), noise_faces(model, 1)
    gradient, eigen = sanity_records(model, faces, noise_faces(model, 2), ["grad_cam", "eigen_cam"])
    assert eigen["partner"] == 1 and gradient["partner"] < 0.99
    assert gradient["again"] == eigen["again"] == 0
    assert gradient["randomised"]["1.0"] < 0.9
