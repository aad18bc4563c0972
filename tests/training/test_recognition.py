"""The recognition recipe: faces are dressed once, the network learns, a run continues bit for bit, shards included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState

from tests.training.forked import run_in_two
from tests.training.recognition_worker import embedding, faces, lesson, train
from training.data.augment import Augment
from training.data.worn_crops import SHARES, worn_crops
from training.tools.loop import Run, read_log


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def test_faces_are_dressed_once_and_alike(tmp_path: Path) -> None:
    crops = lesson(range(4)).crops[0]
    worn = worn_crops(crops)  # type: ignore[arg-type]
    changed = (np.asarray(worn.image) != crops.image).any(-1).mean((1, 2))  # type: ignore[union-attr]
    assert (changed > 0.03).all() and (changed < 0.9).all()
    files = list((tmp_path / "cache").glob("worn-*.npy"))
    before = files[0].stat().st_mtime_ns
    assert np.array_equal(worn_crops(crops).image, worn.image)  # type: ignore[arg-type]
    assert len(files) == 1 and files[0].stat().st_mtime_ns == before
    assert not np.array_equal(worn_crops(crops, seed=1).image, worn.image)  # type: ignore[arg-type]
    assert sum(SHARES.values()) == pytest.approx(1)


def test_a_batch_wears_what_it_is_told() -> None:
    part, rows = faces(range(8)), np.array([5, 1, 2])
    batch = part.batch(rows, np.array([True, False, True]))
    assert torch.equal(batch.image[1], part.clean.faces(rows).image[1])
    assert torch.equal(batch.image[0], part.worn.faces(rows).image[0])
    assert part.classes == 4 and part.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_the_faces_are_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "draw_curve", lambda _: None)
    train(tmp_path, 31, Augment(0, 1, 0, 0, 0, 0, 0, 0, 0), worn=0.0)
    rows = [row for row in read_log(tmp_path / "log.jsonl") if "loss" in row]
    assert rows[-1]["distillation"] < 0.8 * rows[0]["distillation"] and rows[-1]["margin"] < rows[0]["margin"]
    assert (tmp_path / "model.safetensors").exists()


def test_gates_learn_at_a_rate_of_their_own(tmp_path: Path) -> None:
    """After one step AdamW has moved every weight by about the rate: thirty times as far in the gates."""
    still = {n: p.clone() for n, p in train(tmp_path / "0", 1, gate="se", lr=1e-9)[0].named_parameters()}
    moved = []
    for rate in (1.0, 30.0):
        AcceleratorState._reset_state(reset_partial_state=True)
        student = train(tmp_path / str(rate), 1, gate="se", lr=1e-5, gate_rate=rate, weight_decay=0.0)[0]
        apart = {n: float((p - still[n]).detach().abs().mean()) for n, p in student.named_parameters()}
        moved.append([np.mean([d for n, d in apart.items() if (".gate." in n) == gates]) for gates in (True, False)])
    (gates, rest), (fast, same) = moved
    assert fast == pytest.approx(30 * gates, rel=0.1) and same == pytest.approx(rest, rel=0.01)


def test_one_epoch_and_another_are_two(tmp_path: Path) -> None:
    whole = embedding(train(tmp_path / "whole", 2)[0])
    for epochs in (1, 2):
        AcceleratorState._reset_state(reset_partial_state=True)
        student, _ = train(tmp_path / "parts", epochs)
    assert torch.equal(embedding(student), whole)


def test_shards_of_two_processes_are_kept(tmp_path: Path) -> None:
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    runs = [f"{tmp_path / 'whole'}=2", f"{tmp_path / 'parts'}=1", f"{tmp_path / 'parts'}=2"]
    run_in_two("tests.training.recognition_worker", *runs)
    for rank in (0, 1):
        states = [
            torch.load(tmp_path / f / f"state-{rank}.pt", weights_only=True)["states"]["head"]["weight"]
            for f in ("whole", "parts")
        ]
        assert torch.equal(*states) and states[0].shape[0] == 3
    found = [np.load(tmp_path / f / "embedding-0.npy") for f in ("whole", "parts")]
    np.testing.assert_array_equal(*found)
