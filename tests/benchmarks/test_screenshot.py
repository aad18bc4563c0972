"""The README's picture is of today's page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.screenshot import ROOT, settled, sources_sha256


def test_the_picture_is_of_these_sources():
    made_from = json.loads((ROOT / "docs" / "screenshot.json").read_text())["sources_sha256"]
    assert made_from == sources_sha256(), "ui/ or app.py has changed: python -m benchmarks.screenshot"


def test_the_hash_sees_every_change(tmp_path: Path):
    (tmp_path / "ui" / "a").mkdir(parents=True)
    for name in ("app.py", "ui/a/page.py", "ui/a/style.css"):
        (tmp_path / name).write_text(name)
    first = sources_sha256(tmp_path)
    (tmp_path / "ui" / "__pycache__").mkdir()
    (tmp_path / "ui" / "__pycache__" / "page.pyc").write_text("built")
    (tmp_path / "notes.txt").write_text("elsewhere")
    assert sources_sha256(tmp_path) == first
    (tmp_path / "ui/a/style.css").write_text("other")
    changed = sources_sha256(tmp_path)
    (tmp_path / "ui/a/style.css").write_text("ui/a/style.css")
    (tmp_path / "app.py").write_text("other")
    assert len({first, changed, sources_sha256(tmp_path)}) == 3
    (tmp_path / "app.py").write_text("app.py")
    shutil.move(tmp_path / "ui/a/page.py", tmp_path / "ui/a/other.py")
    assert sources_sha256(tmp_path) != first


def test_it_waits_until_nothing_moves():
    shades = iter([1, 2, 2, 3, 3, 3, 3, 9])
    waits: list[float] = []
    picture = settled(lambda: Image.new("RGB", (2, 2), (next(shades),) * 3), waits.append)
    assert picture.getpixel((0, 0)) == (3, 3, 3) and len(waits) == 6
    moving = iter(range(256))
    with pytest.raises(TimeoutError):
        settled(lambda: Image.new("RGB", (2, 2), (next(moving), 0, 0)), waits.append)
