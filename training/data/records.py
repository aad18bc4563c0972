"""InsightFace's training sets (train.rec with train.idx, for instance MS1MV2 or WebFace), read without mxnet.

    crops = record_crops(folder, ARCFACE_112)       # aligned faces, named "<identity>/<key>.jpg"

train.idx is text, "key<TAB>offset" a line. At an offset of train.rec lies a RecordIO record: the magic number, a word
whose upper 3 bits say whether the record is whole (0), begun (1), continued (2) or ended (3) and whose lower 29 bits
give its length, and the payload, padded to 4 bytes. A payload in which the magic number itself occurs was cut there:
it is put back between the parts. An image's payload is a header (flag, label, two ids), `flag` further labels when
flag is above 0, and a JPEG of an aligned 112 px face. Record 0 says where the images end: those above are identities.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from training.data.crops import Crops, cached_crops, template_face
from training.data.sets import need

MAGIC = 0xCED7230A
HEADER = struct.Struct("<IfQQ")


class Records:
    """The images of one set.

    Attributes:
        labels: key -> identity, in the order of the keys.

    Raises:
        DataError: train.rec or train.idx is missing.  ValueError: a damaged record.
    """

    def __init__(self, folder: Path) -> None:
        self.path = need(folder / "train.rec")
        lines = need(folder / "train.idx").read_text().split("\n")
        self.offset = {int(key): int(offset) for key, offset in (line.split() for line in lines if line.strip())}
        self.labels = {key: int(self._read(key)[0][0]) for key in self._image_keys()}

    def image(self, key: int) -> bytes:
        """The JPEG of an image."""
        return self._read(key)[1]

    def _image_keys(self) -> Sequence[int]:
        labels, payload = self._read(0) if 0 in self.offset else ([], b"x")
        if not payload and labels:  # the sets' own first record: (last image + 1, last identity + 1)
            return [key for key in sorted(self.offset) if 0 < key < int(labels[0])]
        return sorted(self.offset)

    def _read(self, key: int) -> tuple[list[float], bytes]:
        """Labels and content of a record."""
        payload = read_record(self.path, self.offset[key])
        flag, label, _, _ = HEADER.unpack_from(payload)
        if flag == 0:
            return [label], payload[HEADER.size :]
        end = HEADER.size + 4 * flag
        return list(struct.unpack(f"<{flag}f", payload[HEADER.size : end])), payload[end:]


def read_record(path: Path, offset: int) -> bytes:
    """The payload that begins at an offset.

    Raises:
        ValueError: no record there, or one cut short.
    """
    parts = []
    with path.open("rb") as file:
        file.seek(offset)
        while True:
            head = file.read(8)
            magic, word = struct.unpack("<II", head) if len(head) == 8 else (0, 0)
            length = word & (1 << 29) - 1
            part = file.read(length)
            if magic != MAGIC or len(part) < length:
                raise ValueError(f"{path}: no whole record at {offset}")
            parts.append(part)
            file.seek(-length % 4, 1)
            if word >> 29 in (0, 3):
                return struct.pack("<I", MAGIC).join(parts)


def record_crops(folder: Path, spec: InputSpec) -> Crops:
    """Aligned faces of a set, decoded once into the cache. Names are "<identity>/<key>.jpg"."""
    records = opened(folder)
    names = [f"{label}/{key}.jpg" for key, label in records.labels.items()]
    return cached_crops(
        f"rec_{folder.name}", folder, names, spec, partial(template_face, source=ARCFACE_112), read_named
    )


@lru_cache(maxsize=2)
def opened(folder: Path) -> Records:
    return Records(folder)


def read_named(folder: Path, name: str) -> bytes:
    """The JPEG behind a name of record_crops."""
    return opened(folder).image(int(Path(name).stem))
