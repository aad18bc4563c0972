"""Sections of the results' page that are about more than one weight say what the files say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import training.studies.summary
from training.studies.digits import CONTROL, TEST_SETS, Recipe, tabulate
from training.studies.summary import studies
from training.studies.wording import seen


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(training.studies.summary, "RESULTS", tmp_path)
    return tmp_path


def test_nothing_measured_nothing_said():
    assert studies() == []


def test_gates_by_seed_and_their_differences(results: Path):
    runs = {g: {"0": {"LFW": 0.9412}, "1": {"LFW": 0.9388}} for g in ("none", "cbam")}
    apart = {"cbam - none": {"LFW": {"mean": -0.0021, "seeds": 2, "ci95": [-0.01, 0.0058]}}}
    report = {"protocol": "views", "runs": runs, "differences": apart}
    (results / "gate_comparison.json").write_text(json.dumps(report))
    (text,) = studies()
    assert "| cbam, seed 1 | 93.88 |" in text and "| **cbam - none** | -0.21 (-1.00 to +0.58) |" in text
    apart["cbam - none"]["LFW"]["ci95"] = None
    (results / "gate_comparison.json").write_text(json.dumps(report))
    assert "| **cbam - none** | -0.21 |" in studies()[0]


def test_differences_in_words():
    clear = {"mean": -0.02, "ci95": [-0.03, -0.01]}
    apart = {"a - b": {"x": clear, "y": {"mean": 0.01, "ci95": [0.0, 0.02]}}, "a - c": {"x": {"mean": 1, "ci95": None}}}
    first, second = seen(apart).splitlines()
    assert first == "- a - b: x -2.00 (-3.00 to -1.00)."  # an interval that ends at 0 holds it
    assert second == "- a - c: no difference is seen in any of 1 columns."


def test_attention_by_region_and_the_claim(results: Path):
    found = {
        "faces": 269,
        "mean": {"edgeface_none": {"eyes": {"mean": 0.31}}},
        "difference": {"edgeface_cbam - edgeface_none": {"eyes": {"mean": 0.02, "ci95": [0.01, 0.03]}}},
        "flat_map": {"eyes": 0.2},
        "claim": "confirmed",
    }
    said = {"claim": "CBAM moves", "method": "m", "intervals": "i", "regions": "r", "sets": {"mfr2": found}}
    (results / "attention_mass.json").write_text(json.dumps(said))
    (text,) = studies()
    assert "| mfr2, 269 faces | eyes |" in text and "+2.00 (+1.00 to +3.00)" in text
    assert "CBAM moves, mfr2: confirmed." in text


def test_ablation_rows(results: Path):
    row = {
        "name": "all",
        "part": "head",
        "steps": 5,
        "seeds": [0, 1],
        "command": "python -m training.ablation --only 'a b'",
    }
    row["auc"] = {"mean": 0.79, "least": 0.78, "most": 0.8}
    row["starts"] = {"init": {"file": "a.safetensors", "steps": 966, "held_out_cosine": 0.64}}
    other = {**row, "command": "python -m training.ablation --only recipe"}
    (results / "ablation.json").write_text(json.dumps({"rows": [row, other]}))
    (text,) = studies()
    assert text.count("`python -m training.studies.ablation --only NAME`") == 1  # where the module is now
    assert "| all | fusion head on the frozen distilled backbone | 5 | 0, 1 | 0.7900 (0.7800 to 0.8000) |  |" in text
    assert "- `--init`: `a.safetensors`, distilled for 966 steps, held-out cosine 0.640" in text


def test_backbones_after_distillation(results: Path):
    row = {"weight": "svit_distill/model", "accuracy": 0.91, "accuracy_ci95": [0.9, 0.92], "auc": 0.97, "protocol": "p"}
    row |= {"single_view": {"accuracy": 0.9}, "command": "python -m x", "steps": 966, "held_out_cosine": 0.64}
    shipped = {k: v for k, v in row.items() if k not in ("steps", "held_out_cosine")} | {"weight": "edgeface_none"}
    (results / "distill_study.json").write_text(json.dumps({"rows": [row, shipped]}))
    (text,) = studies()
    assert "| svit_distill/model | 91.0 (90.0 to 92.0) | 0.9700 | 90.0 | 0.640 | 966 |" in text
    assert "| edgeface_none | 91.0 (90.0 to 92.0) | 0.9700 | 90.0 |  |  |" in text


def test_links_and_what_they_bring(results: Path):
    found = {"weight": "facor", "pairs": 10, "protocol": "pairs", "auc": 0.8, "auc_links_alike": 0.79}
    found |= {"places": {"of": 49, "median": 20.04, "p5": 9, "p95": 30}, "mean_change_of_log_odds": 0.3}
    found["gain"] = {"mean": 0.01, "ci95": [-0.02, 0.03]}
    (results / "link_study.json").write_text(json.dumps(found))
    (text,) = studies()
    assert "| 20.0 of 49 (9.0 to 30.0) | 0.8000 | 0.7900 | +1.00 (-2.00 to +3.00) |" in text
    assert "the weighing hardly counts" in text
    found["gain"] = {"mean": 0.01, "ci95": [0.001, 0.03]}
    (results / "link_study.json").write_text(json.dumps(found))
    assert "the weighing counts" in studies()[0]


def test_digits_beside_the_published_ones(results: Path):
    near = {"kprpe": [0.8, 0.9], "irpe": [0.7, 0.7], "abs": [0.6, 0.6]}
    runs = {p: [dict.fromkeys([*TEST_SETS, CONTROL], v) for v in values] for p, values in near.items()}
    (results / "digits.json").write_text(json.dumps(tabulate(runs, Recipe())))
    (text,) = studies()
    assert "| kprpe | 85.0 (21.5 to 100.0) |" in text and "| 98.1 |" in text and "In per cent, 2 seeds" in text
    assert "| **kprpe - irpe** |  |  | +15.00 (-48.53 to +78.53) |" in text
