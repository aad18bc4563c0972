"""Masked LFW, MFR2 and the attention by region, end to end on a tiny tree of photos that may be shown to anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from explain.attention.region_mass import attention_mass
from explain.methods.grad_cam import cam_maps
from models import load_model, open_photo, predict
from models.faces.align import ARCFACE_112, DLIB_150
from models.faces.regions import MASS_REGIONS
from models.registry import MODELS
from tests.explain.attention.arms import SIZE, make_arms
from tests.ui.untrained import write_arms
from training.data.detections import central_face
from training.data.sets import identity_of, lfw_pairs
from training.evaluate.__main__ import main as evaluate
from training.evaluate.masked import (
    FARS,
    MASKED,
    deal_folds,
    dressed_face,
    fold_verdicts,
    masked_crops,
    tars,
)
from training.evaluate.metrics import fold_accuracy, tar_at_far
from training.evaluate.scoring import Scored, unique_images
from training.studies.attention_mass import (
    flat_shares,
    hires_cam,
    lfw_faces,
    main,
    mfr2_faces,
    shares,
    summary,
    targets,
    verdict,
)
from training.studies.gate_comparison import FIGURES
from training.studies.gate_comparison import main as compare

OBAMA, BIDEN = "Barack_Obama", "Joe_Biden"


@pytest.fixture(scope="module")
def tree(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people: two folds of LFW, eight pairs of MFR2."""
    root = tmp_path_factory.mktemp("data")
    faces = {OBAMA: ["obama", "obama2"], BIDEN: ["biden", "biden"]}
    for person, files in faces.items():
        for number, file in enumerate(files, 1):
            picture = Image.open(photos / f"{file}.jpg").convert("RGB")
            picture.thumbnail((260, 260))
            if file == "biden" and number == 2:
                picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            for folder, name in (("lfw/images", person), ("mfr2", person.replace("_", ""))):
                target = root / folder / name / f"{name}_{number:04d}.jpg"
                target.parent.mkdir(parents=True, exist_ok=True)
                picture.save(target, quality=95)
    lines = ["2 1", f"{OBAMA} 1 2", f"{OBAMA} 1 {BIDEN} 1", f"{BIDEN} 1 2", f"{BIDEN} 2 {OBAMA} 2"]
    (root / "lfw" / "pairs.txt").write_text("\n".join(lines))
    o, b = OBAMA.replace("_", ""), BIDEN.replace("_", "")
    pairs = [
        f"{o} 1 2",
        f"{b} 1 2",
        f"{o} 1 {b} 1",
        f"{o} 2 {b} 2",
        f"{o} 2 1",
        f"{b} 2 1",
        f"{b} 1 {o} 2",
        f"{b} 2 {o} 1",
    ]
    (root / "mfr2" / "pairs.txt").write_text("\n".join(pairs))
    labels = [f"{o}, 1, no-mask", f"{o}, 2, KN95", f"{b}, 1, no-mask", f"{b}, 2, surgical_blue"]
    (root / "mfr2" / "mfr2_labels.txt").write_text("\n".join(labels))
    return root


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path_factory.getbasetemp() / "masked-cache"))


def run(task: str, tree: Path, out: Path) -> dict:
    evaluate([task, "--model", "dlib_resnet", "--data", str(tree), "--json", str(out)])
    return json.loads(out.read_text())


def test_the_mask_covers_the_mouth_and_is_the_same_for_every_model(tree: Path):
    names = unique_images(lfw_pairs(tree))
    folder = tree / "lfw" / "images"
    photo = open_photo(folder / names[0])
    bare, dressed = central_face(photo), dressed_face(photo, 0)
    np.testing.assert_array_equal(bare.keypoints, dressed.keypoints)
    mouth, eye = np.rint(bare.keypoints[3:].mean(0)).astype(int), np.rint(bare.keypoints[0]).astype(int)
    assert (dressed.photo[mouth[1], mouth[0]] != photo[mouth[1], mouth[0]]).any()
    assert (dressed.photo[eye[1], eye[0]] == photo[eye[1], eye[0]]).all()
    assert (dressed_face(photo, 0).photo == dressed.photo).all()
    assert (dressed_face(photo, 1).photo != dressed.photo).any()
    for spec in (ARCFACE_112, DLIB_150):
        crops = masked_crops(folder, spec, names)
        expected = dressed_face(photo, 0).aligned(spec).pixels()[0]
        np.testing.assert_array_equal(crops.image[0], expected)


def test_masked_lfw_gives_all_three_conditions(tree: Path, tmp_path: Path):
    report = run("masked_lfw", tree, tmp_path / "r.json")
    assert list(report["breakdown"]) == ["plain", "one masked", "both masked"]
    assert all(part["pairs"] == 4 and len(part["accuracy_ci95"]) == 2 for part in report["breakdown"].values())
    assert report["accuracy"] == report["breakdown"]["one masked"]["accuracy"]
    assert report["breakdown"]["plain"]["auc"] == 1.0
    assert report["tar"] == {}  # two non-mates cannot resolve a FAR of 0.01
    assert "seed 0" in report["protocol"]


def test_mfr2_by_number_of_masks(tree: Path, tmp_path: Path):
    report = run("mfr2", tree, tmp_path / "r.json")
    counts = {name: part["pairs"] for name, part in report["breakdown"].items()}
    assert counts == {"0 masked": 1, "1 masked": 6, "2 masked": 1}
    assert "auc" not in report["breakdown"]["0 masked"] and report["auc"] == 1.0
    assert (report["pairs"], report["image_pairs"]) == (8, 6)
    right = sum(part["accuracy"] * part["pairs"] for part in report["breakdown"].values())
    assert report["accuracy"] == pytest.approx(right / 8)


def test_folds_are_dealt_evenly_and_by_the_seed():
    same = np.random.default_rng(0).random(848) < 0.5
    fold = deal_folds(same, 10, 0)
    for kind in (True, False):
        sizes = np.bincount(fold[same == kind], minlength=10)
        assert sizes.max() - sizes.min() <= 1
    assert (deal_folds(same, 10, 0) == fold).all() and (deal_folds(same, 10, 1) != fold).any()


def test_verdicts_are_those_of_the_ten_folds():
    rng = np.random.default_rng(1)
    same = rng.random(300) < 0.5
    score, fold = rng.normal(same, 0.8), deal_folds(same, 10, 0)
    right = fold_verdicts(score, same, fold)
    per_fold = [right[fold == k].mean() for k in range(10)]
    np.testing.assert_allclose(per_fold, fold_accuracy(score, same, fold))
    assert 0.5 < right.mean() < 0.95


def test_tars_only_where_they_can_be_resolved():
    rng = np.random.default_rng(2)
    same = np.arange(400) % 2 == 0
    scored = Scored(rng.normal(2 * same), np.zeros(400), same)
    found = tars(scored, [str(i % 40) for i in range(400)], rounds=50)
    assert set(found["tar"]) == {"0.01"} and FARS == (1e-2, 1e-3)
    assert found["tar"]["0.01"] == tar_at_far(scored.score, same, 0.01)
    low, high = found["tar_ci95"]["0.01"]
    assert low <= found["tar"]["0.01"] <= high and low < high


def test_batched_hires_cam_and_shares_equal_the_explainer(tree: Path):
    """Another implementation of the same method: the package's arithmetic on a pair."""
    model = make_arms()["edgeface_cbam"]
    faces = lfw_faces(tree, model)
    rows = [0, 1, 2, 3]
    batch, wanted = faces.crops.batch(rows), targets(model, faces)
    maps = hires_cam(model, batch, wanted)
    found = shares(maps, batch.keypoints.numpy(), 112)
    for row in rows:
        result = predict(model, batch[row : row + 1], faces.bare.batch([row]), grad=True)
        expected = cam_maps(result, "hires_cam")[0]
        positive = replace(expected, values=expected.values.clip(0), signed=False)
        np.testing.assert_allclose(maps[row], positive.values, rtol=1e-3, atol=1e-7)
        mass = attention_mass(positive, batch.keypoints[row].numpy(), 112)
        np.testing.assert_allclose(found[row], mass.share, atol=1e-3)


def test_the_target_in_mfr2_is_the_persons_other_photos(tree: Path):
    model = make_arms()["edgeface_se"]
    faces = mfr2_faces(tree, model)
    wanted = targets(model, faces)
    with torch.inference_mode():
        batch = faces.crops.batch(range(4))
        unit = model.embedding(model.encode(batch.image, batch.keypoints))
    other = {i: j for i in range(4) for j in range(4) if i != j and _person(faces, i) == _person(faces, j)}
    for i, j in other.items():  # two photos each: the other one
        np.testing.assert_allclose(wanted[i], unit[j], atol=1e-5)


def _person(faces, row: int) -> str:
    return identity_of(faces.crops.names[row])


def test_summaries_are_paired_and_leave_empty_maps_out():
    rng = np.random.default_rng(3)
    people = [str(i // 4) for i in range(80)]
    none = rng.dirichlet(np.ones(6), 80)
    cbam = none + np.array([0.1, 0, 0, -0.1, 0, 0])
    cbam[5] = np.nan
    report = summary({"edgeface_none": none, "edgeface_cbam": cbam}, np.full((80, 6), 1 / 6), people)
    assert (report["faces"], report["left_out"]) == (79, 1)
    apart = report["difference"]["edgeface_cbam - edgeface_none"]
    assert apart["eyes"]["mean"] == pytest.approx(0.1) and apart["eyes"]["ci95"] == pytest.approx([0.1, 0.1])
    kept = [i for i in range(80) if i != 5]
    assert report["mean"]["edgeface_none"]["nose"]["mean"] == pytest.approx(none[kept, 1].mean())


@pytest.mark.parametrize(
    ("interval", "word"), [([0.01, 0.02], "confirmed"), ([-0.02, -0.01], "refuted"), ([-0.01, 0.01], "not confirmed")]
)
def test_the_verdict_follows_the_interval(interval: list[float], word: str):
    assert verdict({"eyes": {"mean": 0, "ci95": interval}}).startswith(word)


def test_the_command_writes_numbers_for_every_arm(tree: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(write_arms(tmp_path)))
    out = tmp_path / "mass.json"
    main(["--data", str(tree), "--json", str(out)])
    report = json.loads(out.read_text())
    for values in report["sets"].values():
        assert values["faces"] + values["left_out"] == 4 and set(values["mean"]) == set(report["weights"])
        for means in values["mean"].values():
            whole = sum(means[r]["mean"] for r in ("eyes", "mask area", "forehead", "background"))
            assert whole == pytest.approx(1, abs=1e-4)
    assert set(report["sets"]["mfr2"]["parts"]) == {"masked", "bare"}
    assert "CBAM moves attention to the eyes" in capsys.readouterr().out


def test_flat_shares_are_areas(tree: Path):
    faces = lfw_faces(tree, load_model("dlib_resnet", "cpu"))
    flat = flat_shares(faces)
    assert flat.shape == (4, len(MASS_REGIONS)) and (flat[:, [0, 3, 4, 5]].sum(1) == pytest.approx(1))


def test_untrained_arms_are_said_to_be(tree: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("models.weights.SHIPPED", tmp_path)
    monkeypatch.delenv("KINSIGHT_WEIGHTS", raising=False)
    with pytest.raises(SystemExit, match="edgeface_none is untrained"):
        main(["--data", str(tree), "--json", str(tmp_path / "x.json")])
    assert not (tmp_path / "x.json").exists() and MASKED == "+mask"


def test_gates_are_compared_within_a_seed(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for seed in (0, 1):
        for name, arm in make_arms(seed).items():
            folder = tmp_path / "arms" / f"{name.removeprefix('edgeface_')}-{seed}"
            folder.mkdir(parents=True)
            save_file(arm.state_dict(), folder / "model.safetensors")
            (folder / "model.json").write_text(json.dumps({"steps": 1}))
    small = SIZE
    out = tmp_path / "gates.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "edgeface_none", replace(MODELS["edgeface_none"], values=small))
        for gate in ("se", "cbam"):
            patch.setitem(
                MODELS, f"edgeface_{gate}", replace(MODELS[f"edgeface_{gate}"], values={**small, "gate": gate})
            )
        compare(["--runs", str(tmp_path / "arms"), "--data", str(tree), "--json", str(out)])
        patch.setattr("training.studies.gate_comparison.figures", lambda *_: pytest.fail("asked twice"))
        compare(["--runs", str(tmp_path / "arms"), "--data", str(tree), "--json", str(out)])
    report = json.loads(out.read_text())
    assert set(report["runs"]) == {"none", "se", "cbam"} and set(report["training"]) == {
        f"{g}-{s}" for g in ("none", "se", "cbam") for s in (0, 1)
    }
    eyes = FIGURES[-1]
    apart = [report["runs"]["cbam"][s][eyes] - report["runs"]["none"][s][eyes] for s in ("0", "1")]
    cell = report["differences"]["cbam - none"][eyes]
    assert cell["mean"] == pytest.approx(np.mean(apart)) and cell["seeds"] == 2
    half = 12.706 * np.std(apart, ddof=1) / 2**0.5  # Student's t, one degree of freedom
    assert cell["ci95"] == pytest.approx([cell["mean"] - half, cell["mean"] + half], rel=1e-3)
    assert "cbam - none" in capsys.readouterr().out


def test_a_missing_arm_is_said(tmp_path: Path):
    with pytest.raises(SystemExit, match="such as none-0 and cbam-0"):
        compare(["--runs", str(tmp_path)])
