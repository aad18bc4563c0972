"""A map without relevance is named as such: in the finding, the report, the command and on the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from explain import explain
from explain.core.findings import Heatmap
from explain.kinship.__main__ import main
from models import detect_faces, load_model, open_photo, predict

EXAMPLES = Path(__file__).parents[2] / "ui" / "examples"
A, B = EXAMPLES / "obama_2012.jpg", EXAMPLES / "biden_2010.jpg"
EMPTY, WHY = "This map holds nothing", "The cosine of the two faces is at its maximum"


@pytest.mark.parametrize(("largest", "empty"), [(0.0, True), (0.9e-6, True), (1e-6, False), (-2e-6, False)])
def test_the_noise_floor_decides(largest: float, empty: bool) -> None:
    values = np.zeros((2, 2), np.float32)
    values[0, 1] = largest
    assert Heatmap(values, 0, "grad_cam", True, "unit", "caption", floor=float(np.float32(1e-6))).empty is empty


@pytest.mark.usefixtures("three_parts")
def test_the_same_photo_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(A), str(A), "--model", "dlib_resnet", "--method", "grad_cam", "--out", str(tmp_path / "r")]) == 0
    said = capsys.readouterr().out
    assert f"grad_cam, face a: {EMPTY}" in said and WHY in said
    row = json.loads((tmp_path / "r" / "report.json").read_text())["methods"]["grad_cam"]
    assert row["empty"] == {"a": True, "b": True} and row["captions"]["b"].startswith(EMPTY)


def test_two_people_have_maps() -> None:
    faces = [detect_faces(open_photo(path))[0] for path in (A, B)]
    result = predict(load_model("dlib_resnet", "cpu"), *faces, grad=True)
    for heatmap in explain(result, "grad_cam"):
        assert not heatmap.empty and EMPTY not in heatmap.caption
