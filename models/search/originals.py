"""The photo behind a face of an index, where it still lies where it was taken from."""

from __future__ import annotations

import zipfile
from pathlib import Path

from models.faces.zips import MEMBER_FAULTS, member_name
from models.search.build import MOST_BYTES, digest_of
from models.search.rows import FaceIndexError
from models.search.store import Store

GONE = "The photo {name} is no longer where it was when the index was made, or it has changed."
_FAULTS: tuple[type[Exception], ...] = (OSError, *MEMBER_FAULTS)


def original(store: Store, digest: bytes, scratch: Path) -> Path:
    """A file with this content: the photo itself, or what a zip holds of it, unpacked.

    Args:
        store: its sources are found from the folder of the index.
        scratch: an existing folder, for what comes out of a zip.

    Raises:
        FaceIndexError: no file has this content any more.
    """
    places = store.places(digest)
    for source, name in places:
        where = (store.folder / source).resolve()
        path = where / name if where.is_dir() else where
        try:
            if zipfile.is_zipfile(path):
                path = _unpacked(path, name, scratch / digest.hex())
            if path.is_file() and digest_of(path) == digest:
                return path
        except _FAULTS:
            continue
    raise FaceIndexError(GONE.format(name=places[0][1] if places else ""))


def _unpacked(archive: Path, name: str, target: Path) -> Path:
    """A member of a zip as a file; `target` where there is none of this name, unwritten."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            if member_name(member) == name and member.file_size < MOST_BYTES:
                with opened.open(member) as source, target.open("wb") as copy:
                    while chunk := source.read(1 << 20):
                        copy.write(chunk)
    return target
