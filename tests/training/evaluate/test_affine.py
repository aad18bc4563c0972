"""The task affine_lfw end to end on a tree of four photos in LFW's layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models import FaceBatch, load_model, read_sidecar
from models.nets.vit_kprpe import VitConfig, VitKprpe
from training.evaluate.__main__ import main
from training.evaluate.affine import JITTER, Faces, affine_lfw, conditions, jittered, template
from training.evaluate.setup import Setup

PEOPLE = {"Obama": ("obama", "obama2"), "Biden": ("biden", "biden")}
PAIRS = "2\t1\nObama\t1\t2\nObama\t1\tBiden\t1\nBiden\t1\t2\nObama\t2\tBiden\t2\n"


@pytest.fixture(scope="module")
def data(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for person, files in PEOPLE.items():
        (root / "lfw" / "images" / person).mkdir(parents=True)
        for i, file in enumerate(files, 1):
            photo = Image.open(photos / f"{file}.jpg").convert("RGB")
            photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if (person, i) == ("Biden", 2) else photo
            photo.thumbnail((260, 260))
            photo.save(root / "lfw" / "images" / person / f"{person}_{i:04d}.jpg", quality=95)
    (root / "lfw" / "pairs.txt").write_text(PAIRS)
    return root


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINSIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


NAMES = ("Biden/Biden_0001.jpg", "Obama/Obama_0001.jpg")


def test_a_network_that_reads_no_keypoints(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "report.json"
    main(["affine_lfw", "--model", "dlib_resnet", "--data", str(data), "--json", str(out)])
    report = json.loads(out.read_text())
    assert {"accuracy", "accuracy_ci95", "auc", "tar", "protocol", "model", "weight_sha256"} <= report.keys()
    assert report["pairs"] == 4 and report["undetected"] == 0 and report["reads_keypoints"] is False
    assert report["accuracy"] == 1.0
    assert [*report["breakdown"]] == [c.name for c in conditions() if not c.reads][1:]
    for row in report["breakdown"].values():
        assert row["loss"] == pytest.approx(report["accuracy"] - row["accuracy"])
    assert report["loss_unaligned"] == report["breakdown"]["unaligned"]["loss"]
    printed = capsys.readouterr().out
    assert "ViT-S + KP-RPE (published)" in printed and "0.936" in printed and "other sets" in printed


def test_a_network_that_reads_keypoints_has_jittered_twins(data: Path):
    torch.manual_seed(0)
    model = VitKprpe(VitConfig(dim=24, depth=2, heads=2, embed_dim=16, feature_taps=1)).eval().requires_grad_(False)
    torch.nn.init.normal_(model.net.rpe.linear.weight, std=20)
    report = affine_lfw(Setup(model, read_sidecar("dlib_resnet"), data))
    assert report["reads_keypoints"] is True
    assert [*report["breakdown"]] == [c.name for c in conditions()][1:]
    twin, plain = report["breakdown"]["aligned, jittered"], report
    assert twin["best_threshold"] != plain["best_threshold"]


def test_conditions_are_the_same_for_every_run_and_move_keypoints_with_pixels(data: Path):
    faces, model = Faces(data / "lfw" / "images", NAMES), load_model("dlib_resnet", "cpu")
    face = faces.face[1]
    crops: dict[str, FaceBatch] = {c.name: c.crop(NAMES[1], face, model) for c in conditions() if not c.reads}
    assert torch.equal(crops["aligned"].image, face.aligned(model.spec).image)
    still = crops["aligned"].keypoints[0].numpy()

    def eyes(name: str) -> np.ndarray:
        return crops[name].keypoints[0].numpy()[1] - crops[name].keypoints[0].numpy()[0]

    angle = {n: np.degrees(np.arctan2(*eyes(n)[::-1]) - np.arctan2(*eyes("aligned")[::-1])) for n in crops}
    assert abs(angle["rotation 30°"]) == pytest.approx(30, abs=1e-3) and abs(angle["scale 0.7"]) < 1e-3
    assert np.linalg.norm(eyes("scale 1.4")) == pytest.approx(1.4 * np.linalg.norm(eyes("aligned")), rel=1e-4)
    shift = crops["shift 20%"].keypoints[0].numpy() - still
    np.testing.assert_allclose(np.linalg.norm(shift, axis=1), 0.2, atol=1e-5)
    again = next(c for c in conditions() if c.name == "shift 20%").crop(NAMES[1], face, model)
    assert torch.equal(again.image, crops["shift 20%"].image)
    other = next(c for c in conditions() if c.name == "shift 20%").crop("another", face, model)
    assert not torch.equal(other.keypoints, again.keypoints)


def test_template_keypoints_are_those_of_an_aligned_face():
    model = VitKprpe(VitConfig(dim=24, depth=4, embed_dim=16))
    keypoints = template(model)
    assert keypoints.shape == (1, 5, 2)
    assert [c.name for c in conditions() if c.still] == ["unaligned, template keypoints"]
    points = 112 * keypoints[0].numpy() - 0.5  # pixels whose centres are whole numbers
    assert np.allclose(points, np.asarray(model.spec.template), atol=1e-4)


def test_jitter_moves_keypoints_alone():
    crop = FaceBatch(torch.rand(1, 3, 8, 8), torch.full((1, 5, 2), 0.5))
    noise = torch.cat([jittered(crop, f"image {i}").keypoints - 0.5 for i in range(400)])
    assert float(noise.std()) == pytest.approx(JITTER, rel=0.1) and abs(float(noise.mean())) < JITTER / 10
    assert torch.equal(jittered(crop, "a").image, crop.image)
    assert torch.equal(jittered(crop, "a").keypoints, jittered(crop, "a").keypoints)
