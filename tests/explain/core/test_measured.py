"""The default method is the one that was measured best, on the very weight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from explain.core import measured
from models import read_sidecar


def row(sha256: str, **shares: float) -> dict:
    figures = {
        m: {"seconds": 1.0, "beats_random": {"pairs": {"share": s, "ci95": [s - 0.1, s + 0.1], "count": 40}}}
        for m, s in shares.items()
    }
    return {"sha256": sha256, "methods": figures}


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    weights = {
        "svit": row(read_sidecar("svit").sha256, grad_cam=0.2, occlusion=0.9, attention=0.95),
        "facor": row("another file", grad_cam=1.0, occlusion=0.1),
    }
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps({"weights": weights}))
    monkeypatch.setattr(measured, "FILE", path)
    measured._weights.cache_clear()
    yield path
    measured._weights.cache_clear()


def test_the_best_that_is_offered() -> None:
    assert measured.default_method("svit", ["grad_cam", "occlusion", "attention"]) == "attention"
    assert measured.default_method("svit", ["grad_cam", "occlusion"]) == "occlusion"
    assert list(measured.measured("svit")) == ["attention", "occlusion", "grad_cam"]
    assert measured.measured("svit")["occlusion"].words == "beats a random order on 90 % of 40 pairs"


def test_figures_of_another_file_do_not_count() -> None:
    assert measured.measured("facor") == {}
    # means over all rows: attention .95, grad_cam .6, occlusion .5
    assert measured.default_method("facor", ["occlusion", "grad_cam"]) == "grad_cam"
    assert measured.default_method("no such weight", ["occlusion", "grad_cam"]) == "grad_cam"
    assert measured.default_method("facor", ["unheard_of"]) == "unheard_of"


def test_trusted_when_most_pairs_are_won_for_sure() -> None:
    found = measured.measured("svit")
    assert found["occlusion"].trusted and not found["grad_cam"].trusted
    assert not measured.Measured("m", 0.55, (0.45, 0.65), 40, 1.0).trusted


def test_without_a_file_nothing_is_measured(file: Path) -> None:
    file.unlink()
    measured._weights.cache_clear()
    assert measured.measured("svit") == {} and measured.default_method("svit", ["a", "b"]) == "a"
    assert measured.default_method("svit", ["grad_cam", "occlusion"]) == "occlusion"
