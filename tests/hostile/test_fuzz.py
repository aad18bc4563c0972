"""Valid files with some bytes changed: a photo, or words; never another exception, never for long.

The long form with 10,000 files is `python -m benchmarks.hostile --only files`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from benchmarks.hostile.mutations import CASES, mutated, read
from models.faces.photo import PhotoError, open_photo

FILES = int(os.environ.get("KINSIGHT_FUZZ", "400"))
SECONDS = 10.0


@pytest.mark.parametrize("part", range(8))
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore")
def test_mutated_files_give_a_photo_or_words(part: int, tmp_path: Path) -> None:
    bad = []
    for seed in range(part, FILES, 8):
        folder = tmp_path / str(seed)
        folder.mkdir()
        start = time.perf_counter()
        try:
            read(*mutated(seed), folder, open_photo)
        except Exception as error:
            bad.append((seed, repr(error)))
        if (took := time.perf_counter() - start) > SECONDS:
            bad.append((seed, f"{took:.0f} s"))
    assert bad == []


@pytest.mark.parametrize("path", sorted(CASES.glob("26_*")), ids=lambda p: p.name)
def test_files_that_once_broke_a_reader(path: Path, tmp_path: Path) -> None:
    read(path.read_bytes(), path.suffix == ".zip", tmp_path, open_photo)
    if path.suffix != ".zip":
        with pytest.raises(PhotoError):
            open_photo(path)
