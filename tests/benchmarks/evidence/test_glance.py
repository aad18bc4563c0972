"""The picture of all methods on all weights."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from benchmarks.evidence.__main__ import RESULTS
from benchmarks.evidence.glance import PICTURE, SOURCE, draw, fingerprint, mean_ranks


def test_mean_ranks_by_hand() -> None:
    found = {"w": {"a": 0.9, "b": 0.5, "c": 0.5}, "v": {"b": 0.7, "a": 0.2}}
    assert mean_ranks(found) == {"a": 1.5, "b": 1.75, "c": 2.5}


def test_the_picture_is_of_the_figures_in_the_file() -> None:
    report = json.loads(RESULTS.read_text())
    with Image.open(PICTURE) as picture:
        assert picture.text[SOURCE] == fingerprint(report), "python -m benchmarks.evidence"  # type: ignore[attr-defined]


def test_a_picture_says_what_it_was_drawn_from(tmp_path: Path) -> None:
    report = json.loads(RESULTS.read_text())
    draw(report, tmp_path / "a.png")
    next(iter(report["weights"].values()))["best"] = "grad_cam"
    draw(report, tmp_path / "b.png")
    marks = [Image.open(tmp_path / name).text[SOURCE] for name in ("a.png", "b.png")]  # type: ignore[attr-defined]
    assert marks[0] != marks[1] and marks[1] == fingerprint(report)
