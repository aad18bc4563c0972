"""The report, the pictures, the animation and the command about a moved face, on untrained weights."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explain.core import render
from explain.keypoints import render as draw
from explain.keypoints.__main__ import main
from explain.keypoints.findings import Sweep
from tests.ui.keypoints.untrained import write_vits

NAMES = ["vit_kprpe", "vit_irpe", "vit_abs"]


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINSIGHT_WEIGHTS", str(write_vits(tmp_path_factory.mktemp("weights"))))
        yield


def test_the_command_writes_what_was_used(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--rotation", "20", "--layer", "2", "--head", "2", "--query", "0.5", "0.2", "--gif", "rotation"]
    out = tmp_path / "report"
    assert main([str(photos / "obama.jpg"), *asked, "--weights", *NAMES, "--out", str(out)]) == 0
    assert "vit_kprpe 0." in capsys.readouterr().out
    values, raw = json.loads((out / "report.json").read_text()), np.load(out / "offsets.npz")
    assert values["query"] == {"row": 7, "column": 2, "block": 2, "head": 2} and values["move"]["rotation"] == 20
    for model in ("vit_kprpe", "vit_irpe"):
        field = raw[f"{model}_moved"][1, 7 * 14 + 2].reshape(14, 14)
        np.testing.assert_allclose(values["models"][model]["offsets"], field, atol=1e-6)
        still = raw[f"{model}_aligned"][1, 7 * 14 + 2].reshape(14, 14)
        np.testing.assert_allclose(values["models"][model]["difference"], field - still, atol=1e-6)
        for what in ("offsets", "difference", "attention"):
            assert Image.open(out / f"{model}_{what}.png").size == (448, 448)
    assert set(values["sweeps"]) == {"rotation", "scale", "shift_x", "shift_y"}
    assert set(values["sweeps"]["scale"]["similarity"]) == {"vit_kprpe", "vit_irpe", "vit_abs"}
    assert "offsets" not in values["models"]["vit_abs"]
    assert Image.open(out / "sweep.gif").n_frames == 24


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--layer", "8"], "these networks have 8"),
        (["--head", "7"], "this layer has 6"),
        (["--face", "0"], "--face 0 does not exist; 1 found, numbered 1"),
        (["--query", "2", "0"], "in [0, 1]"),
        (["--scale", "0"], "--scale is a number from 0.25 to 4"),
    ],
)
def test_what_cannot_be_ends_with_a_sentence(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str], said: str
) -> None:
    assert main([str(photos / "obama.jpg"), *asked, "--weights", *NAMES, "--out", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_untrained_models_are_named(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(photos / "obama.jpg"), "--weights", "nothing", "nothing", "nothing"]) == 2
    assert "untrained" in capsys.readouterr().err


def test_fields_share_a_scale_centred_on_zero() -> None:
    crop, keypoints = np.full((112, 112, 3), 128, np.uint8), np.full((5, 2), 0.9)
    values = np.zeros((14, 14), np.float32)
    values[0, 0], values[13, 0] = 2, -2
    drawn = draw.field_picture(crop, values, (5, 5), keypoints, opacity=1, limit=4)
    for place, value in (((16, 16), 2), ((432, 16), -2), ((16, 200), 0)):
        expected = render.colours(np.array(value, np.float32), 4, signed=True)
        assert np.abs(drawn[place] - expected).max() <= 1


def test_edited_keypoints_show_where_they_came_from() -> None:
    crop, detected = np.full((112, 112, 3), 128, np.uint8), np.full((5, 2), 0.5)
    edited = detected.copy()
    edited[0] = [0.5, 0.2]
    same, moved = (draw.keypoints_picture(crop, k, detected) for k in (detected, edited))
    assert (same[100:200, 224] == 128).all() and (moved[115:195, 224] != 128).any(1).all()  # the line between them


def test_an_animation_goes_there_and_back_in_one_palette() -> None:
    frames = [np.full((20, 30, 3), 10 * i, np.uint8) for i in range(5)]
    gif = Image.open(io.BytesIO(draw.animate(frames)))
    assert gif.n_frames == 8 and gif.size == (30, 20)
    seen = []
    for i in range(8):
        gif.seek(i)
        seen.append(int(np.asarray(gif.convert("RGB"))[0, 0, 0]))
    assert np.abs(np.array(seen) - [0, 10, 20, 30, 40, 30, 20, 10]).max() <= 10
    with pytest.raises(ValueError, match="at least one frame"):
        draw.animate([])


def test_curves_have_one_honest_axis() -> None:
    y = np.array([0.9, 1, 0.95], np.float32)
    figure = draw.sweep_figure(
        Sweep("shift_x", np.array([-0.3, 0, 0.3], np.float32), {"vit_abs": y}), 0.1, {"vit_abs": 0.97}
    )
    assert figure.layout.yaxis.range[0] == 0.5  # a small loss looks small
    np.testing.assert_allclose(figure.data[0].x, [-30, 0, 30], atol=1e-4)
    assert figure.data[1].x == (10,) and figure.data[1].y == (0.97,)
