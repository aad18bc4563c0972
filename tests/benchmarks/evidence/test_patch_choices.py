"""The study of occlusion's patches: every choice is measured, and the app's are the ones the page gives reasons for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.evidence.curves import RANDOM, Protocol
from benchmarks.evidence.page import PAGE, patches
from benchmarks.evidence.patch_choices import BESIDE, RESULTS, TRIED, chosen_on, records_of, same_person_list
from explain.methods.occlusion import GRIDS
from models import predict, read_sidecar
from models.faces.align import ARCFACE_112
from tests.explain.tiny import Planted, planted_faces, ready
from training.docs.text import put


def test_every_patch_is_measured_once() -> None:
    model = ready(Planted())
    result = predict(model, *planted_faces(model), grad=True)
    records = records_of(3, True, result, Protocol(steps=4, orders=2, fills=("blur", "grey")))
    assert [r["method"] for r in records] == [*map(json.dumps, TRIED), BESIDE, RANDOM]
    assert {(r["pair"], r["same"], r["target"]) for r in records} == {(3, True, "similarity")}
    assert all(r["seconds"] > 0 for r in records[: len(TRIED)])


def test_nothing_is_chosen_on_what_evaluates() -> None:
    with pytest.raises(ValueError, match="no pairs to choose on for same_person"):
        chosen_on("same_person", Path(), ARCFACE_112, 1)


def test_same_person_pairs_are_of_one_person_or_of_two_families() -> None:
    names = [f"F000{f}/MID{m}/{i}.jpg" for f in (1, 2) for m in (1, 2) for i in range(3)]
    listed = same_person_list(names)
    assert sum(pair.same for pair in listed) == len(listed) / 2 == 4 * 3
    for pair in listed:
        (a, b) = (name.split("/")[:2] for name in (pair.a, pair.b))
        assert (a == b) if pair.same else a[0] != b[0]


@pytest.mark.parametrize("classes", [False, True])
def test_the_app_s_patches_are_no_worse_than_finer_ones(classes: bool) -> None:
    """No worse: its share lies in the interval of the best one."""
    for name, row in json.loads(RESULTS.read_text())["weights"].items():
        if (row["unit"] == "faces") == classes:
            best = max((r["both"] for r in row["rows"]), key=lambda both: both["share"])
            fit = [(r["patch"], r["side"]) for r in row["rows"] if r["both"]["share"] >= best["ci95"][0]]
            assert GRIDS[classes] in fit, name


def test_the_page_is_of_the_file() -> None:
    page, found = PAGE.read_text(), json.loads(RESULTS.read_text())
    assert put(page, "patch choices", patches(found)) == page
    for name, row in found["weights"].items():
        assert row["sha256"] == read_sidecar(name).sha256, (
            f"{name} has changed: python -m benchmarks.evidence.patch_choices"
        )
