"""The study of partial-face networks: rows are what their reports say, differences are paired by fold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.stats import t

import training.studies.summary
from models.weights import file_sha256
from training.studies.part_study import label, main
from training.studies.summary import studies

FOLDS = {"attention": [0.9, 0.8, 0.85], "average": [0.8, 0.82, 0.81]}


def write_run(folder: Path, model: str, folds: list[float], pairs: int = 30, **facts) -> Path:
    folder.mkdir()
    save_file({"x": torch.tensor(folds)}, folder / "model.safetensors")
    known = {"model": model, "config": "{}", "partial": True, "diversity": 0.2, "command": "python -m x", **facts}
    (folder / "model.json").write_text(json.dumps(known))
    column = {"runs": 1, "pairs": pairs, "accuracy": float(np.mean(folds)), "accuracy_ci95": [0.7, 0.9]}
    report = {
        "weight": f"{folder.name}/model",
        "weight_sha256": file_sha256(folder / "model.safetensors"),
        "protocol": "p",
        "inference": "bf16, largest change",
        "breakdown": {"partial-cross": column | {"per_fold": folds}},
    }
    if model == "partial_face":
        report["maps"] = {"overlap": 0.31, "overlap_ci95": [0.3, 0.32], "intervals": "bootstrap"}
    (folder / "partial_lfw.json").write_text(json.dumps(report))
    return folder


def test_differences_are_paired_by_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_run(tmp_path / "a", "partial_face", FOLDS["attention"])
    second = write_run(tmp_path / "b", "partial_average", FOLDS["average"], partial=False)
    out = tmp_path / "part_study.json"
    main([str(first), str(second), "--json", str(out)])
    report = json.loads(out.read_text())
    assert [row["name"] for row in report["rows"]] == ["attention", "average pooling, whole faces only"]
    cell = report["differences"]["average pooling, whole faces only"]["partial-cross"]
    apart = np.subtract(*FOLDS.values())
    half = t.ppf(0.975, 2) * apart.std(ddof=1) / np.sqrt(3)
    assert cell["mean"] == pytest.approx(0.04) and cell["ci95"] == pytest.approx([0.04 - half, 0.04 + half])
    monkeypatch.setattr(training.studies.summary, "RESULTS", tmp_path)
    (text,) = studies()
    assert "| attention | 85.0 (70.0 to 90.0) |" in text and "| attention | 0.310 (0.300 to 0.320) |  |  |" in text
    assert "| **attention - average pooling, whole faces only** | +4.00 (" in text
    assert "- attention (bf16): `python -m x`" in text


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a", "partial_face", FOLDS["attention"])
    fewer = write_run(tmp_path / "b", "partial_average", FOLDS["average"], pairs=12)
    alike = write_run(tmp_path / "c", "partial_face", FOLDS["average"])
    out = tmp_path / "study.json"
    for other, message in (
        (fewer, "other pairs or sizes"),
        (alike, "one name"),
        (tmp_path / "none", "no finished, evaluated run"),
    ):
        with pytest.raises(SystemExit, match=message):
            main([str(first), str(other), "--json", str(out)])
    save_file({"x": torch.zeros(3)}, first / "model.safetensors")
    with pytest.raises(SystemExit, match="on other weights"):
        main([str(first), str(alike), "--json", str(out)])
    assert not out.exists()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"config": '{"parts": 4}'}, "attention, K = 4"),
        ({"config": '{"recalibrate": false}'}, "attention, without recalibration"),
        ({"diversity": 0}, "attention, without L_wDIV"),
        ({"model": "partial_average", "diversity": 0}, "average pooling"),
    ],
)
def test_runs_are_called_by_what_is_unusual_about_them(facts: dict, words: str) -> None:
    assert label({"model": "partial_face", "config": "{}", "diversity": 0.2, "partial": True, **facts}) == words


def test_a_run_measured_on_less_shows_its_maps_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_run(tmp_path / "a", "partial_face", FOLDS["attention"])
    maps = write_run(tmp_path / "b", "partial_face", FOLDS["average"], pairs=12, diversity=0)
    main([str(first), str(maps), "--json", str(tmp_path / "part_study.json")])
    report = json.loads((tmp_path / "part_study.json").read_text())
    assert report["rows"][1]["columns"] == {} and report["differences"] == {}
    monkeypatch.setattr(training.studies.summary, "RESULTS", tmp_path)
    (text,) = studies()
    assert "| attention, without L_wDIV | 0.310 (0.300 to 0.320) |" in text and text.count("85.0") == 1
