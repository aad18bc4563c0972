"""LFW after distillation is said of the weights it was measured on, and of no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.weights import file_sha256, read_sidecar
from training.studies.distill_study import FIGURES, main, row_of

FACTS = {"command": "python -m training.distill", "config": "{}", "steps": 4, "held_out_cosine": 0.5}


def report(weight: str, sha256: str) -> str:
    return json.dumps({**dict.fromkeys(FIGURES, 0.9), "model": "svit", "weight": weight, "weight_sha256": sha256})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors")
    (tmp_path / "model.json").write_text(json.dumps(FACTS))
    (tmp_path / "lfw.json").write_text(report("x/model", file_sha256(tmp_path / "model.safetensors")))
    return tmp_path


def test_a_run_says_how_it_was_made(run: Path) -> None:
    row = row_of(run / "lfw.json")
    assert row["accuracy"] == 0.9 and {k: row[k] for k in FACTS} == FACTS


def test_a_report_on_other_weights_is_refused(run: Path) -> None:
    save_file({"a": torch.ones(2)}, run / "model.safetensors")
    with pytest.raises(ValueError, match="other weights"):
        row_of(run / "lfw.json")


def test_a_shipped_weight_has_its_command(tmp_path: Path) -> None:
    (tmp_path / "lfw.json").write_text(report("edgeface", read_sidecar("edgeface").sha256))
    main([str(tmp_path / "lfw.json"), "--json", str(tmp_path / "study.json")])
    (row,) = json.loads((tmp_path / "study.json").read_text())["rows"]
    assert row["command"] == read_sidecar("edgeface").command and "steps" not in row


def test_nothing_at_all_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no report"):
        main([str(tmp_path / "lfw.json")])
