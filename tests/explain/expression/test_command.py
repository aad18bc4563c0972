"""The command line and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from explain import explain, faithfulness
from explain.expression.__main__ import main
from explain.expression.cover import covered
from explain.expression.report import NOTICE
from models import Face, predict
from models.nets.expression import Expression


def test_a_report_of_a_difference_with_something_covered(
    model: Expression, face: Face, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(photos / "obama.jpg"), "--method", "hires_cam", "--target", "happiness - fear"]
    assert main([*asked, "--cover", "mouth", "--out", str(tmp_path / "out"), "--zip"]) == 0
    said = capsys.readouterr().out
    values = json.loads((tmp_path / "out" / "expression.json").read_text())
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    result = predict(model, face, grad=True)
    assert values["shares"] == pytest.approx(result.probabilities, abs=1e-5)
    assert values["sentence"] in said and values["words"] in said and NOTICE in said
    then = predict(model, covered(face, model.spec, ("mouth",))).probabilities
    assert values["covered"]["the mouth"]["shares"] == pytest.approx(then, abs=1e-5)
    (heatmap,) = explain(result, "hires_cam", target="happiness - fear")
    stored = np.load(tmp_path / "out" / "maps.npz")["hires_cam_a"]
    np.testing.assert_allclose(stored, heatmap.values, atol=1e-5)
    curve = report["methods"]["hires_cam"]["faithfulness"]["a"]
    direct = faithfulness(result, heatmap, target="P(happiness - fear)")
    assert curve["answer"] == "P(happiness - fear)" and curve["deletion_auc"] == pytest.approx(
        direct.deletion_auc, 1e-3
    )
    assert report["regions"][0]["answer"] == "share of happiness among happiness and fear"
    assert (tmp_path / "out.zip").exists() and "expression.json" in (tmp_path / "out" / "README.txt").read_text()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--target", "joy"], "--target: no answer 'joy'"),
        (["--face", "3"], "--face 3 does not exist"),
        (["--model", "edgeface"], "edgeface does not tell expressions"),
        (["--model", "nothing"], "nothing is untrained"),
        (["--method", "attention"], "has no method 'attention'"),
    ],
)
def test_what_cannot_be_used_is_said(
    words: list[str], error: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(photos / "obama.jpg"), *words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert error in said and said.startswith("error: ") and not (tmp_path / "out").exists()
