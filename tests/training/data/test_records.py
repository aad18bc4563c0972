"""Records written here by hand, byte by byte, come back."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.faces.align import ARCFACE_112
from training.data.records import Records, read_record, record_crops
from training.data.sets import DataError, by_identity

MAGIC = b"\x0a\x23\xd7\xce"


def jpeg(grey: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (112, 112), (grey, grey, grey)).save(out, "JPEG")
    return out.getvalue()


def record(*parts: bytes) -> bytes:
    """One whole record, or one cut where its payload held the magic number."""
    kinds = [0] if len(parts) == 1 else [1, *[2] * (len(parts) - 2), 3]
    return b"".join(
        MAGIC + struct.pack("<I", kind << 29 | len(part)) + part + bytes(-len(part) % 4)
        for kind, part in zip(kinds, parts, strict=True)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of two identities, then an identity record; labels as number and as list."""
    payloads = {
        0: struct.pack("<IfQQ", 2, 0, 0, 0) + struct.pack("<2f", 4, 6),
        1: struct.pack("<IfQQ", 0, 7, 1, 0) + jpeg(50),
        2: struct.pack("<IfQQ", 2, 0, 2, 0) + struct.pack("<2f", 7, 0) + jpeg(100),
        3: struct.pack("<IfQQ", 0, 9, 3, 0) + jpeg(150),
        4: struct.pack("<IfQQ", 2, 0, 4, 0) + struct.pack("<2f", 1, 3),
    }
    blob, index = b"", []
    for key, payload in payloads.items():
        index.append(f"{key}\t{len(blob)}")
        blob += record(payload)
    (tmp_path / "train.rec").write_bytes(blob)
    (tmp_path / "train.idx").write_text("\n".join(index) + "\n")
    return tmp_path


def test_images_and_identities_come_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(folder / "cache"))
    records = Records(folder)
    assert records.labels == {1: 7, 2: 7, 3: 9}
    assert records.image(2) == jpeg(100)
    crops = record_crops(folder, ARCFACE_112)
    assert by_identity(crops.names) == {"7": ["7/1.jpg", "7/2.jpg"], "9": ["9/3.jpg"]}
    assert [int(np.median(i)) for i in crops.image] == [50, 100, 150]


def test_a_payload_cut_at_the_magic_number_is_joined(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"head" + record(b"abcde", b"", b"fg"))
    assert read_record(tmp_path / "x", 4) == b"abcde" + MAGIC + MAGIC + b"fg"


def test_damage_and_absence_are_said(folder: Path) -> None:
    with pytest.raises(ValueError, match="no whole record at 2"):
        read_record(folder / "train.rec", 2)
    whole = (folder / "train.rec").read_bytes()
    (folder / "cut").write_bytes(whole[:60])
    with pytest.raises(ValueError, match="no whole record at 44"):
        read_record(folder / "cut", 44)
    (folder / "train.idx").unlink()
    with pytest.raises(DataError, match=r"train\.idx"):
        Records(folder)
