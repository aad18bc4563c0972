"""A verification run becomes a weight: calibrated on identities that training never saw, with its data named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from models import create_model
from models.weights import find_weight, load_model, read_sidecar
from training.data.holdout import HELD_OUT_ROW, is_held_out
from training.tools.verification_export import ship, told

SMALL = {"width": 4, "dim": 8}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten families of two members, and two celebrities, three images each."""
    rng = np.random.default_rng(0)
    held = [f for f in (f"F{i:04}" for i in range(400)) if is_held_out(f)][:6]
    folders = [f"fiw/train/{f}/MID{m}" for f in [*held, "F0500", "F0501"] for m in (1, 2)] + ["celeba/1", "celeba/2"]
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        person = rng.uniform(0, 255, (1, 1, 3))
        for i in range(3):
            pixels = np.clip(person + rng.normal(0, 50, (112, 112, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{i}.jpg")
    return tmp_path


def test_a_run_is_calibrated_and_shipped(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    save_file(create_model("ir18_se.paper", **SMALL, reduction=4).state_dict(), tmp_path / "model.safetensors")
    config = {**SMALL, "reduction": 4}
    model, out = create_model("ir18_se.paper", **config), tmp_path / "weights"
    (tmp_path / "model.json").write_text(json.dumps({"epochs": 2, "init": "", "command": "python -m x"}))
    save_file({"x": torch.zeros(1)}, tmp_path / "first.safetensors")
    path = ship(model, config, tmp_path / "model.safetensors", root, 7, tmp_path / "first.safetensors", out)
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(out))
    sidecar, shipped = read_sidecar("ir18_se.paper"), load_model("ir18_se.paper", "cpu")
    assert path == out / "ir18_se.paper.safetensors" and sidecar.task == "verification" and sidecar.seed == 7
    assert sidecar.rule.threshold == pytest.approx(0.5, abs=0.5) and sidecar.rule.threshold not in (0, 1)
    assert float(shipped.logit.slope) > 0 and float(shipped.logit.slope) == float(model.logit.slope)  # type: ignore
    rows = {row["name"]: row for row in sidecar.data}
    assert rows["fiw/train"]["size"] == 48 and rows[HELD_OUT_ROW]["size"] == 6 and rows["celeba"]["size"] == 6
    assert sidecar.notes[0] == "Training: epochs 2, command python -m x."
    assert sidecar.notes[1].startswith("It started from: sha256 ") and "AUC" in sidecar.notes[2]


def test_a_start_with_a_card_of_its_own_is_named_alone():
    edgeface = read_sidecar("edgeface")
    assert told(find_weight("edgeface")) == f"weight edgeface, sha256 {edgeface.sha256}"
