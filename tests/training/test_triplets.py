"""Triplets: what is drawn, what is fitted, what goes into a sidecar, and the evaluation on two kinds of lists."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models import load_model, predict, read_sidecar
from models.tri import predict_tri
from models.weights import file_sha256
from tests.training.families import HALF, Colour, colours, paint, sidecar
from training import triplets as tri
from training.data.detections import central_face
from training.data.holdout import HELD_OUT_ROW, held_out_of, is_held_out, place
from training.data.sets import DataError, family_of, identity_of
from training.data.triplets import RELATIONS as BY_GENDER
from training.data.triplets import Trio, Triplet, draw_triplets, held_out_triplets, read_triplets, trios_of
from training.evaluate.scoring import encode_photos
from training.evaluate.setup import Setup
from training.evaluate.tasks import TASKS
from training.evaluate.triplets import score_triplets, triplet_log_odds
from training.tools import checkpoint

GENDERS = {"A/1": "m", "A/2": "f", "A/3": "f", "B/1": "f", "B/2": "m", "B/3": "f", "C/1": "m", "C/3": "f"}
RELATIONS = [
    ("A/1", "A/3", "parent"),
    ("A/3", "A/2", "child"),
    ("A/1", "A/2", "spouse"),
    ("B/1", "B/3", "parent"),
    ("B/2", "B/3", "parent"),
    ("C/1", "C/3", "parent"),
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))


def test_a_trio_is_a_child_with_one_father_and_one_mother():
    assert trios_of(GENDERS, RELATIONS) == [Trio("A/1", "A/2", "A/3", "f"), Trio("B/2", "B/1", "B/3", "f")]
    second_father = [*RELATIONS, ("C/1", "A/3", "parent")]
    assert [t.child for t in trios_of(GENDERS, second_father)] == ["B/3"]


def many(families: int = 8) -> tuple[list[Trio], dict[str, list[str]]]:
    """A son in every even family, a daughter in every odd one; three images of everybody."""
    trios = [Trio(f"F{i}/1", f"F{i}/2", f"F{i}/3", "fm"[i % 2 == 0]) for i in range(families)]
    members = [m for t in trios for m in (t.father, t.mother, t.child)]
    return trios, {m: [f"{m}/P{i}_face0.jpg" for i in range(3)] for m in members}


def test_strangers_have_the_gender_of_the_child_and_another_family():
    trios, images = many()
    listed = draw_triplets(trios, images, each=4)
    gender = {t.child: t.gender for t in trios}
    assert sum(t.kin for t in listed) == sum(not t.kin for t in listed) == 4 * len(trios)
    for t in listed:
        assert family_of(t.father) == family_of(t.mother) and identity_of(t.father).endswith("/1")
        assert (family_of(t.child) == family_of(t.father)) == t.kin
        assert BY_GENDER[gender[identity_of(t.child)]] == t.relation
    kin = [(t.father, t.mother) for t in listed if t.kin]
    assert kin == [(t.father, t.mother) for t in listed if not t.kin]  # the parents alone tell nothing
    assert len({(t.father, t.mother, t.child) for t in listed if t.kin}) == 4 * len(trios)


def test_the_draw_follows_the_seed_and_needs_images():
    trios, images = many()
    assert draw_triplets(trios, images, seed=1) == draw_triplets(trios, images, seed=1)
    assert draw_triplets(trios, images, seed=1) != draw_triplets(trios, images, seed=2)
    del images["F3/2"]
    assert not any("F3" in (family_of(t.father), family_of(t.child)) for t in draw_triplets(trios, images))
    assert all(t.kin for t in draw_triplets(trios[:1], images))  # nobody to be a stranger


def test_log_odds_are_the_mean_of_both_parents():
    codes = {n: torch.tensor(v) for n, v in (("f", [1.0, 0, 0]), ("m", [0, 1.0, 0]), ("c", [0.6, 0.8, 0]))}
    order = [
        Triplet("f", "m", "c", "FMS", True),
        Triplet("m", "f", "c", "FMS", True),
        Triplet("f", "c", "m", "", False),
    ]
    odds, cosine = triplet_log_odds(Colour(), codes, order)
    assert cosine == pytest.approx([0.7, 0.7, 0.4])  # father and mother may change places, parent and child may not
    assert odds == pytest.approx([-2, -2, -8], abs=1e-4)
    scored = score_triplets(Colour(), codes, order, HALF)
    assert scored.score == pytest.approx([1 / (1 + math.exp(-o)) for o in odds])


def test_calibration_is_platt_with_the_best_balanced_threshold():
    rng = np.random.default_rng(0)
    kin = np.arange(4000) % 2 == 0
    odds = rng.normal(1.0 + 2 * kin, 1.0)  # two normals one apart either side of 2: true log-odds 2 (x - 2)
    listed = [Triplet(f"F{i % 50}/1/a", "m", "c", "FMS", bool(k)) for i, k in enumerate(kin)]
    operating = tri.calibrate_tri(odds, listed)
    assert (operating.slope, operating.offset) == (pytest.approx(2, abs=0.15), pytest.approx(-4, abs=0.3))
    assert operating.threshold == pytest.approx(0.5, abs=0.08)
    far, tar = operating.points.at(0.5)
    assert (far, tar) == (pytest.approx(0.16, abs=0.03), pytest.approx(0.84, abs=0.03))
    assert "50 held-out" in operating.protocol and "2000 kin, 2000 non-kin" in operating.protocol


FAMILIES = [f"F{i:04d}" for i in range(300)]


def test_the_sidecar_tells_which_families_were_held_out():
    fifteen = [f for f in FAMILIES if is_held_out(f, 0.15)]
    row = {"name": HELD_OUT_ROW, "size": len(fifteen), "hash": hashlib.sha256("\n".join(fifteen).encode()).hexdigest()}
    assert held_out_of(reversed(FAMILIES), [{"name": "fiw/train"}, row]) == fifteen
    assert held_out_of(FAMILIES, []) == [f for f in FAMILIES if place(f) < 0.06]
    assert max(map(place, fifteen)) < 0.15
    with pytest.raises(ValueError, match="not among"):
        held_out_of(FAMILIES[:150], [row])


def write(path: Path, heading: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([heading, *rows]) + "\n")


def test_the_command_writes_the_sidecar_and_leaves_the_weight(
    train: Path, weight: Path, capsys: pytest.CaptureFixture[str]
):
    before, sha = read_sidecar("tiny"), file_sha256(weight)
    tri.main(["--model", "tiny", "--data", str(train)])
    operating = read_sidecar("tiny").rule.tri
    assert (
        operating is not None and "12 held-out" in operating.protocol and operating.protocol in capsys.readouterr().out
    )
    assert file_sha256(weight) == sha and before.rule.tri is None
    after = read_sidecar("tiny")
    assert after.metrics == before.metrics and after.rule.threshold == before.rule.threshold
    text = weight.with_suffix(".json").read_text()
    assert "threshold of three faces" in (weight.parent / "cards" / "tiny.md").read_text()
    tri.main(["--model", "tiny", "--data", str(train)])
    assert weight.with_suffix(".json").read_text() == text
    with pytest.raises(SystemExit, match="untrained"):
        tri.main(["--model", "nothing", "--data", str(train)])


def test_nothing_is_entered_from_a_dirty_tree(
    train: Path, weight: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    text = weight.with_suffix(".json").read_text()
    monkeypatch.setattr(checkpoint, "SHIPPED", weight.parent)
    monkeypatch.setattr(checkpoint, "changed_files", lambda: ["training/x.py"])
    monkeypatch.delenv(checkpoint.OVERRIDE, raising=False)
    with pytest.raises(SystemExit, match=r"training/x\.py differ"):
        tri.main(["--model", "tiny", "--data", str(train)])
    assert weight.with_suffix(".json").read_text() == text and not (weight.parent / "cards").exists()
    monkeypatch.setenv(checkpoint.OVERRIDE, "1")
    tri.main(["--model", "tiny", "--data", str(train)])
    assert "training/x.py" in read_sidecar("tiny").notes[-1]


def test_families_without_trios_are_refused(train: Path):
    with pytest.raises(ValueError, match="no kin and non-kin"):
        held_out_triplets(train, ["F9999"])
    with pytest.raises(DataError):
        held_out_triplets(train / "nowhere", FAMILIES)


def validation(folder: Path, kin_is_right: bool = True) -> Path:
    """FIW val of six families: as many kin as non-kin triplets, with the label right or drawn at random."""
    families = [f"F{i:04d}" for i in range(6)]
    names = {f: [f"{f}/MID{k}/P{i}_face{k}.jpg" for k in (1, 2, 3) for i in range(3)] for f in families}
    paint(
        folder / "fiw" / "val", [n for own in names.values() for n in own], dict(zip(families, colours(6), strict=True))
    )
    rows, draw = [], np.random.default_rng(1)
    for i, f in enumerate(families):
        for j in range(6):
            other = families[(i + 1 + j % 5) % 6] if j % 2 else f
            kin = (other == f) if kin_is_right else draw.random() < 0.5
            father, mother, child = names[f][j % 3], names[f][3 + j % 3], names[other][6 + j % 3]
            rows.append(f"{father},{mother},{child},{'FMS' if i % 2 else 'FMD'},{int(kin)}")
    write(folder / "fiw" / "val_triplets.csv", "father,mother,child,relation,kin", rows)
    return folder


def test_a_network_that_knows_families_is_always_right(tmp_path: Path):
    report = TASKS["tri"].run(Setup(Colour(), sidecar(), validation(tmp_path)))
    assert report["task"] == "tri" and report["accuracy"] == report["auc"] == 1.0
    assert report["accuracy_ci95"] == [1.0, 1.0] and report["pairs"] == 36 and report["matching"] == 18
    assert {k: v["pairs"] for k, v in report["breakdown"].items()} == {"FMD": 18, "FMS": 18}
    assert {"protocol", "model", "weight_sha256", "tar", "threshold", "calibrated_on"} <= report.keys()
    assert report["published"]["rows"]["S-ViT"] == {
        "father, mother and son": 0.76,
        "father, mother and daughter": 0.75,
    }


def test_labels_drawn_at_random_are_not_predicted(tmp_path: Path):
    report = TASKS["tri"].run(Setup(Colour(), sidecar(), validation(tmp_path, kin_is_right=False)))
    assert 0.25 < report["accuracy"] < 0.75 and 0.25 < report["auc"] < 0.75


def test_the_threshold_is_the_one_of_triplets(tmp_path: Path):
    never = TASKS["tri"].run(
        Setup(Colour(), sidecar(HALF.__class__(1, 0, 1.1, HALF.points, "x")), validation(tmp_path))
    )
    assert never["accuracy"] == 0.5 and never["auc"] == 1.0 and never["threshold"] == 1.1


def test_what_is_missing_is_said(tmp_path: Path):
    with pytest.raises(ValueError, match=r"training\.triplets --model colour"):
        TASKS["tri"].run(Setup(Colour(), sidecar(None), tmp_path))
    with pytest.raises(ValueError, match="--images"):
        TASKS["tri"].run(Setup(Colour(), sidecar(), triplets=tmp_path / "list.csv"))


@pytest.mark.parametrize("text", ["father,mother,child\na,b,c\n", "father,mother,child,kin\na,b,c,yes\n", ""])
def test_bad_lists_are_refused(tmp_path: Path, text: str):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ValueError, match=r"columns|0 or 1"):
        read_triplets(tmp_path / "list.csv")


def test_a_list_of_raw_photos(photos: Path, tmp_path: Path):
    model, names = load_model("dlib_kin", "cpu"), ["obama.jpg", "biden.jpg", "obama2.jpg"]
    for name in names:
        photo = Image.open(photos / name)
        photo.resize((240, 240 * photo.height // photo.width)).save(tmp_path / name)
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "blank.png")
    with (tmp_path / "list.csv").open("w", newline="") as file:
        rows = [["father", "mother", "child", "kin"], [*names, 1], ["obama.jpg", "biden.jpg", "blank.png", 0]]
        csv.writer(file).writerows(rows)
    setup = Setup(model, sidecar(), triplets=tmp_path / "list.csv", images=tmp_path)
    report = TASKS["tri"].run(setup)
    assert (report["task"], report["pairs"], report["images"]) == ("triplets", 2, 4)
    assert report["undetected_images"] == ["blank.png"] and report["breakdown"] == {} and report["published"] == {}
    json.dumps(report)
    faces = [central_face(np.asarray(Image.open(tmp_path / n).convert("RGB"))) for n in names]
    father, mother, child = faces
    listed = [Triplet(*names, "", True)]
    codes, _ = encode_photos(model, tmp_path, names)
    scored = score_triplets(model, codes, listed, HALF)
    assert scored.score[0] == pytest.approx(predict_tri(model, father, mother, child, HALF).score, abs=1e-5)
    both = [predict(model, parent, child).similarity for parent in (father, mother)]
    assert scored.similarity[0] == pytest.approx(np.mean(both), abs=1e-5)
