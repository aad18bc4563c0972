"""The study of more epochs: it goes on from the shipped network and reports both heads, before and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.weights import file_sha256
from tests.training.voted import write_ferplus
from training.expression import faces_of
from training.studies.expression_curve import HOW, NAMES, SHIPPED, studied

pytestmark = pytest.mark.usefixtures("own_cache")


def test_an_epoch_is_a_row_and_the_start_is_the_shipped_network(tmp_path: Path) -> None:
    write_ferplus(tmp_path)
    parts = {
        part: replace(f, single=f.shares.argmax(1) % 7)
        for part in ("train", "valid")
        if (f := faces_of(tmp_path, part, False))
    }
    report = studied(replace(HOW, epochs=2, batch=8, warmup=1), tmp_path / "run", parts)
    assert report["sha256"] == file_sha256(SHIPPED / "expression.safetensors")
    assert len(report["epochs"]) == 2 and report["faces"] == {p: len(f.crops) for p, f in parts.items()}
    found = [report["before"]["train"], report["before"]["valid"], report["train_after"], *report["epochs"]]
    assert all(set(row) == set(NAMES.values()) and all(0 <= v <= 1 for v in row.values()) for row in found)
