"""Every training test finds accelerate as a fresh process does; a small FIW train and a weight for some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image

from models import create_model
from models.weights import OperatingPoints
from training.data.holdout import EARLIER, is_held_out
from training.tools.calibration import Calibration
from training.tools.checkpoint import RESEARCH, Facts, export
from training.tools.loop import Run


@pytest.fixture(autouse=True)
def fresh_accelerate() -> Iterator[None]:
    """accelerate keeps one state a process; a test must not hand its precision to the next."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops are kept in the test's folder; no learning curve is drawn, which takes longer than these runs."""
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Run, "draw_curve", lambda _: None)


@pytest.fixture
def train(tmp_path: Path) -> Path:
    """A FIW train of noise with a father, a mother and a child in each of twelve held-out families."""
    chosen = [f for f in (f"F{i:04d}" for i in range(300)) if is_held_out(f, EARLIER)][:12]
    folder = tmp_path / "data" / "fiw"
    members = [(f"{f}/MID{k}", g) for i, f in enumerate(chosen) for k, g in ((1, "m"), (2, "f"), (3, "mf"[i % 2]))]
    rng = np.random.default_rng(0)
    for member, _ in members:
        for i in range(2):
            path = folder / "train" / member / f"P{i}_face0.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (112, 112, 3), np.uint8)).save(path)
    write(folder / "train_members.csv", "member,gender,images", [f"{m},{g},2" for m, g in members])
    write(folder / "train_pairs.csv", "member_a,member_b,relation", [f"{f}/MID1,{f}/MID3,fs" for f in chosen])
    both = [f"{f}/MID{k},{f}/MID3,parent" for f in chosen for k in (1, 2)]
    write(folder / "train_relations.csv", "member_a,member_b,a_is_the", both)
    return tmp_path / "data"


def write(path: Path, heading: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([heading, *rows]) + "\n")


@pytest.fixture
def weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An untrained network exported to a folder of its own: only its file and sidecar matter here."""
    folder = tmp_path / "weights"
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(folder))
    points = Calibration(0.5, "by hand", OperatingPoints([0.5], [0.1], [0.8], "by hand"))
    torch.manual_seed(0)
    facts = Facts(RESEARCH, [{"name": "x", "size": 1, "hash": "0" * 64}], points, config={"dim": 16})
    return export(create_model("dlib_kin", dim=16), "tiny", facts, folder=folder)
