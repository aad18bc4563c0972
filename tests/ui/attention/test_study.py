"""The Attention tab's tables over whole data sets: from the files, and only for the weights in use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.weights import read_sidecar
from tests.ui.untrained import ARMS, write_arms
from ui.attention import study as attention_study
from ui.attention.study import study


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(attention_study, "RESULTS", tmp_path)
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(write_arms(tmp_path)))
    return tmp_path


def mass(weights: dict[str, str]) -> dict:
    cell = {"mean": 0.312, "ci95": [0.3, 0.324]}
    found = {
        "faces": 1269,
        "people": 53,
        "mean": {arm: {"eyes": cell} for arm in ARMS},
        "difference": {"edgeface_cbam - edgeface_none": {"eyes": {"mean": -0.02, "ci95": [-0.03, -0.01]}}},
        "flat_map": {"eyes": 0.2},
        "claim": "refuted: attention moves away from the eyes",
    }
    return {"claim": "CBAM moves attention to the eyes", "regions": "r", "weights": weights, "sets": {"mfr2": found}}


def test_without_files_nothing_is_said():
    assert study() == ""


def test_attention_is_told_for_the_weights_in_use_alone(results: Path):
    used = {arm: read_sidecar(arm).sha256 for arm in ARMS}
    (results / "attention_mass.json").write_text(json.dumps(mass(used)))
    text = study()
    assert "1,269 faces of 53 people" in text and "refuted: attention moves away" in text
    assert "31.2 %<small>30.0 to 32.4</small>" in text and "-2.00<small>-3.00 to -1.00</small>" in text
    assert "CBAM − no gate" in text
    (results / "attention_mass.json").write_text(json.dumps(mass({**used, "edgeface_se": "0" * 64})))
    assert study() == ""


def test_accuracy_over_seeds(results: Path):
    runs = {g: {"0": {"LFW": 0.94}, "1": {"LFW": 0.95}} for g in ("none", "cbam")}
    apart = {"cbam - none": {"LFW": {"mean": 0.004, "seeds": 2, "ci95": [-0.01, 0.018]}}}
    report = {"protocol": "cosine of views", "runs": runs, "differences": apart}
    (results / "gate_comparison.json").write_text(json.dumps(report))
    text = study()
    assert "Over 2 training seeds" in text and "94.5 %" in text and "+0.40<small>-1.00 to +1.80</small>" in text
    assert "CBAM − no gate" in text and "Cosine of views." in text
