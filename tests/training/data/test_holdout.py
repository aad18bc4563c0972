"""One list of held-out families for every recipe, and what is said of weights that held out fewer."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import training.tools.lessons
from models.faces.align import ARCFACE_112
from models.weights import find_weight, read_sidecar
from tests.training.kin_worker import tiny
from tests.training.test_distill import Flat
from training.data.holdout import (
    EARLIER,
    HELD_OUT_ROW,
    held_out_families,
    held_out_row,
    is_held_out,
    listed_hash,
    place,
    start_facts,
    start_notes,
    unseen_by,
)
from training.data.kin_batches import held_out_list, split
from training.data.sets import family_of, fiw_crops, fiw_train_pairs
from training.kinship import Settings, lesson_of
from training.kinship_head import KinDraw
from training.tools.lessons import faces_of, lessons
from training.tools.teachers import Teacher
from training.tools.verification_export import held_out_names

FAMILIES = [f"F{i:04d}" for i in range(1, 400)]
HELD = [f for f in FAMILIES if place(f) < 0.1]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """FIW train with three families below .06, three between .06 and .1, eight above; and CelebA identities."""
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    parts = [(0, 0.06, 3), (0.06, 0.1, 3), (0.1, 1, 8)]
    families = [f for low, high, n in parts for f in [f for f in FAMILIES if low <= place(f) < high][:n]]
    celeba = next(str(i) for i in range(100) if is_held_out(str(i)))  # an identity is no family
    members = [f"fiw/train/{f}/MID{m}" for f in families for m in (1, 2)]
    noise = np.random.default_rng(0)
    for k, folder in enumerate([*members, f"celeba/{celeba}"]):
        (tmp_path / folder).mkdir(parents=True)
        pixels = noise.integers(0, 256, (112, 112, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / folder / f"P{k}_face0.jpg")
    rows = "".join(f"{f}/MID1,{f}/MID2,fs\n" for f in families)
    (tmp_path / "fiw" / "train_pairs.csv").write_text(f"member_a,member_b,relation\n{rows}")
    return tmp_path


def families_of(root: Path) -> set[str]:
    return {folder.name for folder in (root / "fiw" / "train").iterdir()}


def test_every_recipe_trains_on_all_families_but_these(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = Teacher("flat", ARCFACE_112, data / "fiw" / "train_pairs.csv", lambda _: Flat())
    monkeypatch.setattr(training.tools.lessons, "teacher_of", lambda *_: teacher)
    everybody = families_of(data)
    held = {f for f in everybody if place(f) < 0.1}
    assert len(held) == 6 and set(held_out_families(everybody)) == held
    trained, tried = {}, {}

    train, out = lessons(data, ARCFACE_112)  # distill, recognition and partial
    names = [n for crops in train.crops for n in crops.names]
    trained["lessons"] = {family_of(names[i]) for i in train.rows}
    assert {f for f in trained["lessons"] if not f.startswith("F")} != set()
    trained["lessons"] &= everybody
    tried["lessons"] = {family_of(names[i]) for i in out.rows}
    assert len(faces_of(train).labels) == len(train)  # the same faces

    crops = fiw_crops(data, "train", ARCFACE_112)
    lesson = lesson_of(data, tiny("siamese_ir"), Settings(pairs=8, groups=1), "")  # kinship
    trained["kinship"] = {f for by_family in lesson.batches.families.values() for f in by_family}
    drawn = {family_of(lesson.crops.names[row]) for step in range(20) for row in lesson.batches(step).rows}
    assert drawn == trained["kinship"]
    tried["kinship"] = {family_of(n) for p in lesson.held for n in (p.a, p.b)}

    pairs, held_pairs = split(fiw_train_pairs(data))  # kinship_head, average, join
    draw = KinDraw(crops.names, pairs)
    trained["kinship_head"] = {family_of(crops.names[row]) for row in draw(99, random.Random(0))[0]}
    tried["kinship_head"] = {family_of(p.a) for p in held_out_list(crops.names, held_pairs)}

    tried["calibration of verification"] = set(map(family_of, held_out_names(crops)))
    assert trained == dict.fromkeys(trained, everybody - held)
    assert tried == dict.fromkeys(tried, held)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Weights and runs that held out lists of several lengths."""
    thirty, all_of = ([f for f in FAMILIES if place(f) < x] for x in (0.06, 0.1))

    def row(families: list[str], **more: int) -> dict[str, object]:
        return {"name": HELD_OUT_ROW, "size": len(families), "hash": listed_hash(families), **more}

    trained = {"name": "fiw/train"}
    said = {
        "short": {"data": [trained, row(thirty)]},
        "whole": {"data": [trained, row(all_of)]},
        "started": {"data": [trained, row(all_of, seen_by_start=5)]},
        "before": {"data": [trained]},
        "elsewhere": {"data": [{"name": "fiw/train (calibration)"}]},
        "run": {"held_out": 0.1},
        "run of a start": {"held_out": 0.1, "unseen_by_start": 7},
        "run of nobody knows": {"held_out": 0.1, "unseen_by_start": None},
        "old run": {"epochs": 3},
    }
    for name, facts in said.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(facts))
    return {name: tmp_path / f"{name}.safetensors" for name in [*said, "alone"]}


def test_what_a_start_never_saw(files: dict[str, Path]) -> None:
    whole, short = len(HELD), sum(place(f) < EARLIER for f in HELD)
    assert 0 < short < whole
    want = {"short": short, "whole": whole, "started": whole - 5, "before": short, "elsewhere": whole, "run": whole}
    want |= {"run of a start": 7, "run of nobody knows": None, "old run": None, "alone": None}
    assert {name: unseen_by([file], HELD) for name, file in files.items()} == want
    assert unseen_by([], HELD) == whole
    assert unseen_by([files["whole"], files["short"]], HELD) == short
    assert unseen_by([files["whole"], files["alone"]], HELD) is None


def test_a_start_that_saw_held_out_families_is_named(files: dict[str, Path]) -> None:
    whole, short = len(HELD), sum(place(f) < EARLIER for f in HELD)
    assert start_notes([files["whole"]], FAMILIES) == []
    assert start_notes([files["short"]], FAMILIES)[0].startswith(
        f"Of the {whole} held-out families, {whole - short} were in the training"
    )
    assert "does not say" in start_notes([files["alone"]], FAMILIES)[0]
    assert start_facts([files["whole"]], FAMILIES) == {"held_out": 0.1}
    assert start_facts([files["short"]], FAMILIES) == {"held_out": 0.1, "unseen_by_start": short}
    row = {"name": HELD_OUT_ROW, "size": whole, "hash": listed_hash(HELD)}
    assert held_out_row(FAMILIES) == held_out_row(FAMILIES, [files["whole"]]) == row
    assert held_out_row(FAMILIES, [files["short"]]) == {**row, "seen_by_start": whole - short}


def test_shipped_weights_say_how_many_they_held_out() -> None:
    counts = {name: unseen_by([find_weight(name)], FAMILIES) for name in ("edgeface_none", "svit", "dlib_resnet")}
    sizes = {name: row["size"] for name in counts for row in read_sidecar(name).data if row["name"] == HELD_OUT_ROW}
    assert counts["dlib_resnet"] == len(FAMILIES) and counts["edgeface_none"] == sizes["edgeface_none"]
    assert counts["svit"] == sizes["svit"]
