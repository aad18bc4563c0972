"""Grouping: who is one person, in the order of the faces, and no chain of near faces makes one of two."""

from __future__ import annotations

import numpy as np
import pytest

from models.search import vectors
from models.search.people import group, joined, same_person_cosine
from models.search.rows import FaceIndexError
from models.weights import load_pair, read_sidecar


def at(*degrees: float) -> np.ndarray:
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], 1).astype(np.float32)


def test_near_faces_are_one_person_and_a_chain_is_not() -> None:
    assert group(at(0, 90, 2, 91, 200), range(5), 0.95).tolist() == [1, 2, 1, 2, 3]
    chain = at(*range(0, 90, 9))
    found = group(chain, range(10), 0.95)
    assert 3 <= found.max() < 10
    for person in set(found.tolist()):
        rows = chain[found == person]
        assert (rows @ rows.T).mean() > 0.9, "the mean cosine within a group"


def test_two_faces_of_one_photo_are_two_people() -> None:
    assert group(at(0, 1, 2), ["a", "a", "b"], 0.9).tolist() in ([1, 2, 1], [1, 2, 2])


def test_neighbours_of_many_faces_give_the_same_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, 16))
    rows = (np.repeat(centres, 4, 0) + 0.1 * rng.normal(size=(800, 16))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    exact = group(rows, range(800), 0.9)
    assert exact.tolist() == np.repeat(np.arange(200) + 1, 4).tolist()
    monkeypatch.setattr(vectors, "EXACT", 100)
    assert joined(rows, range(800), 0.9, *vectors.near_pairs(rows, 0.9)).tolist() == exact.tolist()


def test_the_threshold_is_the_weights_own_and_kinship_tells_nobody_apart() -> None:
    model, sidecar = load_pair("edgeface", "cpu"), read_sidecar("edgeface")
    cosine = same_person_cosine(model, sidecar)
    score = float((model.logit.slope * cosine + model.logit.offset).sigmoid())
    assert sidecar.rule.operating_points.at(score)[0] <= 2e-4 < sidecar.rule.operating_points.at(score - 0.02)[0]
    with pytest.raises(FaceIndexError, match="cannot group"):
        same_person_cosine(load_pair("edgeface_kin", "cpu"), read_sidecar("edgeface_kin"))
