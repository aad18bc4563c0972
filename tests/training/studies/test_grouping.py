"""The study of groups counts pairs as by hand, and what the code groups by is what its file says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models import read_sidecar
from models.search.people import PERSON_FAR
from training.studies.grouping import judged, study, table

ROOT = Path(__file__).parents[3]


def named(*people: str) -> list[str]:
    return [f"{person}/P{i:05d}_face0.jpg" for i, person in enumerate(people)]


def test_pairs_are_counted_as_by_hand() -> None:
    names = named("F0001/MID1", "F0001/MID1", "F0001/MID2", "F0002/MID1", "F0001/MID1")
    said = judged(np.array([1, 1, 1, 1, 2]), names)
    assert (said["right"], said["relatives"], said["strangers"]) == (1, 2, 3)
    assert said["precision"] == pytest.approx(1 / 6) and said["recall"] == pytest.approx(1 / 3)
    for times, precision in ((1, 1 / 6), (10, 1 / 33), (100, 1 / 303)):
        assert said["f"][times] == pytest.approx(1.25 / (0.25 / (1 / 3) + 1 / precision))
    assert judged(np.array([1, 2]), named("F0001/MID1", "F0002/MID1"))["f"] == {1: 0.0, 10: 0.0, 100: 0.0}


def test_the_level_that_groups_best_is_chosen() -> None:
    degrees = np.radians([0, 10, 40, 50, 90])
    vectors = np.stack([np.cos(degrees), np.sin(degrees)], 1).astype(np.float32)
    names = named("F0001/MID1", "F0001/MID1", "F0001/MID2", "F0001/MID2", "F0002/MID1")
    found = study(vectors, names, {0.01: 0.5, 0.001: 0.95, 0.0: 0.9999})
    assert found["best"] == 0.001 and (found["images"], found["people"], found["families"]) == (5, 3, 2)
    assert [row["right"] for row in found["levels"]] == [2, 2, 0]
    assert "| 1.000 | **1.000** | 1.000 |" in table(json.loads(json.dumps({"weight": "x", **found})))


def test_the_code_groups_by_the_level_of_the_file() -> None:
    said = json.loads((ROOT / "benchmarks" / "results" / "grouping.json").read_text())
    assert said["best"] == PERSON_FAR and said["weight_sha256"] == read_sidecar(said["weight"]).sha256
    assert table(said) in (ROOT / "docs" / "search.md").read_text()
