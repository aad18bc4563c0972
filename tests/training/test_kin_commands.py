"""From a folder of families to a weight, by the commands a person types: two runs, their mean, an answer."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image
from safetensors.torch import load_file

import training.average
import training.kinship
from models.weights import load_model, read_sidecar
from training.data.holdout import is_held_out
from training.tools.kin_export import ship, ship_run

SMALL = json.dumps({"width": 4, "dim": 8})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight families to learn from and three held out, two members each; nothing in their photos says who is kin."""
    every = [f"F{i:04d}" for i in range(1, 400)]
    families = [f for f in every if is_held_out(f)][:3] + [f for f in every if not is_held_out(f)][:8]
    names = [f"{f}/MID{m}/P{m}{i}_face0.jpg" for f in families for m in (1, 2) for i in (0, 1)]
    rng = np.random.default_rng(0)
    for name in names:
        (tmp_path / "data" / "fiw" / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(rng.uniform(0, 255, 3) + rng.normal(0, 50, (112, 112, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / "fiw" / "train" / name)
    rows = "".join(f"{f}/MID1,{f}/MID2,fs\n" for f in families)
    (tmp_path / "data" / "fiw" / "train_pairs.csv").write_text(f"member_a,member_b,relation\n{rows}")
    return tmp_path / "data"


def test_two_runs_and_their_mean(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")

    def typed(module: str, *arguments: str) -> None:
        AcceleratorState._reset_state(reset_partial_state=True)
        given = ["--model", "siamese_ir", "--config", SMALL, "--data", str(data), *arguments]
        monkeypatch.setattr(sys, "argv", [module, *given])
        getattr(training, module).main()

    runs, weights = [tmp_path / "one", tmp_path / "two"], tmp_path / "weights"
    how = ["--steps", "2", "--pairs", "8", "--groups", "1", "--warmup", "1", "--lr", "1e-2", "--no-export"]
    typed("kinship", *how, "--out", str(runs[0]))
    first = ["--init", str(runs[0] / "model.safetensors"), "--frozen", "trunk.fc."]
    typed("kinship", *how, *first, "--seed", "1", "--noise", "0.1", "--out", str(runs[1]))
    monkeypatch.setattr(training.average, "ship", functools.partial(ship, folder=weights))
    typed("average", "--runs", *map(str, runs), "--own", "trunk.conv1.")
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(weights))
    a, b = (load_file(run / "model.safetensors") for run in runs)
    shipped, sidecar = load_model("siamese_ir", "cpu").state_dict(), read_sidecar("siamese_ir")
    assert torch.equal(a["trunk.fc.weight"], b["trunk.fc.weight"])  # it was frozen
    for name in ("trunk.bn2.weight", "trunk.conv1.weight"):
        half = {k: v.half().float() for k, v in (("a", a[name]), ("b", b[name]), ("mean", (a[name] + b[name]) / 2))}
        assert not any(torch.equal(half["mean"], half[k]) for k in "ab")
        assert torch.equal(shipped[name], half["a" if "conv1" in name else "mean"])
    assert sidecar.config == json.loads(SMALL) and 0 < sidecar.rule.threshold < 1
    assert [row["size"] for row in sidecar.data] == [44, 3] and "AUC" in sidecar.notes[1]

    monkeypatch.setattr(training.kinship, "ship_run", functools.partial(ship_run, folder=weights))
    with pytest.raises(SystemExit):
        typed("kinship", "--export-only", "--out", str(tmp_path / "nothing"))
    typed("kinship", "--export-only", "--out", str(runs[1]))  # a run that was made elsewhere
    exported = read_sidecar("siamese_ir")
    assert torch.equal(load_model("siamese_ir", "cpu").state_dict()["trunk.bn2.weight"], b["trunk.bn2.weight"].half())
    assert "seed 1" in exported.notes[0] and "command" not in exported.notes[0]
    assert "--export-only" not in exported.command
