"""The command of the partial-face comparison, end to end, and what a user may get wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explain.partial.__main__ import main
from explain.partial.find import ATTENTION, NETWORKS
from models.faces.partial_crops import SIDE
from tests.ui.partial.untrained import write_partial_weights

WEIGHTS = ("--weights", "partial_face", "partial_average", "dlib_resnet")


@pytest.fixture(autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_partial_weights(tmp_path_factory.mktemp("weights"))
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(folder))


def run(*arguments: str | Path) -> int:
    return main([*(str(a) for a in arguments), *WEIGHTS])


def test_two_photos_in_a_report_out(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    assert run(photos / "obama.jpg", photos / "obama2.jpg", "--part", "left eye", "--centred", "--out", out) == 0
    told, values = capsys.readouterr().out, json.loads((out / "partial.json").read_text())
    assert str(out) in told and "33.8% of the face is visible" in told
    assert values["edit"]["shift_px"] == pytest.approx([28.06, 16.29]) and values["edit"]["centred"]
    assert set(values["networks"]) == set(values["parts_that_can_go"]) == set(NETWORKS)
    assert f"{values['networks'][ATTENTION]['now']['score']:.3f} now" in told
    assert len(values["visible_area_curve"]["visible"]) == 9
    raw = np.load(out / "arrays.npz")
    assert raw["maps_b_now"].shape == (12, 20, 20) and raw["weights_b_now"].sum() == pytest.approx(1)
    assert Image.open(out / "partial_b.png").size == (SIDE, SIDE)
    assert np.asarray(Image.open(out / "partial_b.png"))[0, 0].tolist() == [128, 128, 128]


def test_a_mask_and_two_keypoints_in_a_zip(photos: Path, tmp_path: Path) -> None:
    mask, out = tmp_path / "mask.png", tmp_path / "report"
    Image.fromarray(np.repeat([[255], [0]], 80, 0).repeat(160, 1).astype(np.uint8)).save(mask)
    points = ("--keypoint", "1", "150", "180", "--keypoint", "2", "220", "180")
    command = (photos / "obama.jpg", photos / "obama2.jpg", "--part", "whole", "--erased", mask, *points)
    assert run(*command, "--out", out, "--zip") == 0
    values = json.loads((out / "partial.json").read_text())
    assert values["visible"] == 0.5 and values["visible_area_curve"] is None and out.with_suffix(".zip").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--factor", "0"), "--factor is a number from 0.05 to 1, got 0"),
        (("--keypoint", "6", "1", "1"), "--keypoint 6 does not exist; they are numbered 1 to 5"),
        (("--keypoint", "0", "1", "1"), "--keypoint 0 does not exist"),
        (("--keypoint", "1", "9", "9"), "Two keypoints at least"),
        (("--erased", "PHOTO"), "a mask has 160 x 160 pixels"),
        (("--face-b", "2"), "--face-b 2 does not exist; 1 found, numbered 1"),
        (("--face-b", "0"), "--face-b 0 does not exist"),
    ],
)
def test_mistakes_are_said(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    pair = (photos / "obama.jpg", photos / "biden.jpg")
    typed = [str(pair[0]) if a == "PHOTO" else a for a in arguments]
    assert run(*pair, *typed, "--out", tmp_path / "x") == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [("A", "A", "--erased", "BROKEN"), ("A", "BROKEN", "--keypoint", "1", "9", "9", "--keypoint", "2", "50", "9")],
)
def test_a_damaged_file_is_named(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...]
) -> None:
    files = {"A": photos / "obama.jpg", "BROKEN": tmp_path / "broken.jpg"}
    files["BROKEN"].write_bytes(files["A"].read_bytes()[:300])
    assert run(*(files.get(word, word) for word in given), "--out", tmp_path / "x") == 2
    assert capsys.readouterr().err.startswith(f"error: {files['BROKEN']}: This image file is damaged")


def test_everything_hidden_is_said(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (SIDE, SIDE), 255).save(tmp_path / "all.png")
    assert run(photos / "obama.jpg", photos / "biden.jpg", "--erased", tmp_path / "all.png") == 2
    assert "Nothing of the face is left" in capsys.readouterr().err
