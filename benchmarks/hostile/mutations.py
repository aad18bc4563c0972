"""Valid files with some bytes changed. The seed of a file is its number: each can be made again."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, features

from benchmarks.hostile.running import ROOT
from models.faces.files import GalleryError, gather
from models.faces.photo import PhotoError, open_mask

CASES = ROOT / "tests" / "hostile" / "cases"
PORTRAIT = ROOT / "tests" / "photos" / "obama.jpg"
KINDS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", *(["AVIF"] if features.check("avif") else [])]
MODES = (("CMYK", "JPEG"), ("I;16", "PNG"), ("F", "TIFF"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "TIFF"))
METHODS = (0, 8, 12, 14)
"""Kinds of compression of the zips: stored, deflate, bzip2, LZMA."""


@lru_cache
def valid() -> list[bytes]:
    """One small photo of every format, with EXIF where it has any; files of the cases; and zips of two of them."""
    with Image.open(PORTRAIT) as opened:
        small = opened.convert("RGB").resize((96, 120))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    found = []
    for kind in KINDS:
        buffer = io.BytesIO()
        small.save(buffer, kind, **({"exif": exif} if kind not in ("BMP", "GIF") else {}))
        found.append(buffer.getvalue())
    for mode, kind in MODES:
        buffer = io.BytesIO()
        (small.convert("L").convert(mode) if mode == "I;16" else small.convert(mode)).save(buffer, kind)
        found.append(buffer.getvalue())
    found += [(CASES / name).read_bytes() for name in ("01_phone.jpg", "05_nan.tif", "06_twelve.png", "10_pages.tif")]
    return found + [_zipped(found, method) for method in METHODS]


def _zipped(members: list[bytes], method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in (0, 1):
            member = zipfile.ZipInfo(f"{i}.jpg", (2000, 1, 1, 0, 0, 0))  # or the file of a seed would hold today's date
            archive.writestr(member, members[i], method)
    return buffer.getvalue()


def mutated(seed: int) -> tuple[bytes, bool]:
    """A file of a seed, and whether it was a zip: bytes changed near the start or anywhere, cut, doubled or put in."""
    rng = np.random.default_rng(seed)
    which = int(rng.integers(len(valid())))
    data = bytearray(valid()[which])
    for _ in range(int(rng.integers(1, 12))):
        place = int(rng.integers(min(len(data), 400 if rng.random() < 0.6 else len(data))))
        data[place] = int(rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))]))
    if rng.random() < 0.2:
        del data[int(rng.integers(1, len(data))) :]
    if rng.random() < 0.1:
        a, b = sorted(int(v) for v in rng.integers(0, len(data), 2))
        data[a:a] = data[a:b]
    return bytes(data), which >= len(valid()) - len(METHODS)


def read(data: bytes, is_zip: bool, folder: Path, reader: Callable[[object], np.ndarray]) -> None:
    """What the app does with a file: as a photo, as a mask, as a gallery.

    Args:
        folder: an empty one.  reader: of a photo, from bytes or a path.
    """
    for opener in (reader, open_mask):
        with contextlib.suppress(PhotoError):
            assert opener(data).size
    path = folder / ("g.zip" if is_zip else "g.jpg")
    path.write_bytes(data)
    (folder / "unpacked").mkdir()
    with contextlib.suppress(PhotoError, GalleryError):
        for file in gather([path], folder / "unpacked")[0]:
            reader(file.path)
