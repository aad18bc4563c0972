"""Many photos at once: files, folders and zips -> paths that open_photo can read, and what was left out and why.

A zip is never trusted: its members are written under names made here, so none can leave the folder, whatever it calls
itself; bytes are counted as they come out and not as the zip states them.
"""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path, PurePosixPath

from models.errors import UserError
from models.faces.signatures import HEAD, archive_of
from models.faces.zips import MEMBER_FAULTS, PASSWORD, directory_bytes, is_sealed, member_name, reason_of, why_not

MAX_PHOTOS = 2_000
MAX_FILE_BYTES = 64_000_000
MAX_BYTES = 2_000_000_000
"""All zips of a gallery together, unpacked."""
_CHUNK = 1 << 20
MAX_RATIO = 100
"""Unpacked bytes of a zip for each of its own; photos hardly shrink, so that only made-up files go beyond."""
MAX_DIRECTORY_BYTES = 8_000_000
"""Length of a zip's list of members, which is read whole: some 80,000 of them."""
MAX_SKIPPED = 200
"""Files left out that are named one by one; the rest is counted."""
MAX_NAME = 200
"""Characters of a name; a longer one keeps its end."""

BROKEN = "This zip is damaged or incomplete. Please make it again."
NESTED = "A zip inside a zip is not opened. Choose it by itself."
LARGE = f"This file is larger than {MAX_FILE_BYTES // 1_000_000} MB."
EMPTY = "This file is empty."
EMPTY_ZIP = "There is nothing in this zip."
LONG_LIST = "This zip lists far more files than a gallery may hold. Please choose fewer."
DENSE = f"This zip unpacks to more than {MAX_RATIO} times its size, as no photos do. The rest of it was left out."
OTHER_ARCHIVE = "This is an archive of a kind that is not opened here ({kind}). Unpack it, or make a zip of its photos."


class GalleryError(UserError, ValueError):
    """A collection that cannot be used at all; the message is written for the person who chose it."""


@dataclass(frozen=True)
class PhotoFile:
    """One file that may be a photo.

    Attributes:
        path: where it lies now.
        name: what its owner calls it: the path inside its folder or zip; no two of a collection are equal.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Skipped:
    """A file that gave no face, and the reason in the user's words.

    Attributes:
        unread: it could not be read this time, or not all of it; what it holds is unknown.
    """

    name: str
    reason: str
    unread: bool = False


@dataclass
class _Basket:
    """What has been gathered so far, the folder that zips are unpacked into, and the most it may hold."""

    folder: Path
    most: int
    most_bytes: int
    files: list[PhotoFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unnamed: int = 0
    unread: bool = False
    unpacked: int = 0

    def add(self, path: Path, name: str) -> None:
        if len(self.files) == self.most:
            raise GalleryError(f"There are more than {self.most:,} photos here. Please choose fewer.")
        self.files.append(PhotoFile(path, _short(name)))

    def skip(self, name: str, reason: str, *, unread: bool = False) -> None:
        if len(self.skipped) < MAX_SKIPPED:
            self.skipped.append(Skipped(_short(name), reason, unread))
        else:
            self.unnamed, self.unread = self.unnamed + 1, self.unread or unread

    def left_out(self) -> list[Skipped]:
        """The files left out, with one last row for those that are not named."""
        more = [Skipped(f"{self.unnamed:,} more", "They were left out too.", self.unread)] if self.unnamed else []
        return self.skipped + more


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else "…" + name[1 - MAX_NAME :]


def gather(
    sources: Sequence[str | Path], folder: Path, most: int | None = None, most_bytes: int | None = None
) -> tuple[list[PhotoFile], list[Skipped]]:
    """Files, folders (with all below them) and zips -> files that may be photos; what they hold is not looked at.

    Hidden files and the notes that operating systems leave behind are passed over in silence.

    Args:
        sources: what the user chose.
        folder: an empty one, for what comes out of zips.
        most, most_bytes: photos of all sources, and bytes that zips may unpack to; by default MAX_PHOTOS, MAX_BYTES.

    Returns:
        Files in the order of the sources, sorted by name within each; and what was left out.

    Raises:
        GalleryError: more than `most` photos, or zips that unpack to more than `most_bytes`.
        OSError: the folder cannot be written.
    """
    basket = _Basket(folder, most or MAX_PHOTOS, most_bytes or MAX_BYTES)
    for source in map(Path, sources):
        if source.is_dir():
            for path in _below(source, basket):
                _add(basket, path, path.relative_to(source).as_posix())
        else:
            _add(basket, source, source.name)
    return _distinct(basket.files), basket.left_out()


def _below(folder: Path, basket: _Basket) -> list[Path]:
    """Every file in a folder and the folders below it."""

    def unread(error: OSError) -> None:
        name = os.path.relpath(error.filename, folder)
        basket.skip(name, _fault("folder", error), unread=True)

    paths = (Path(top) / name for top, _, names in os.walk(folder, onerror=unread) for name in names)
    return sorted(path for path in paths if path.is_file())


def _fault(what: str, error: OSError) -> str:
    return f"This {what} cannot be read: {(error.strerror or 'unknown fault').lower()}."


def _add(basket: _Basket, path: Path, name: str) -> None:
    if _is_litter(name):
        return
    try:
        size, head = path.stat().st_size, _head(path)
    except OSError as error:
        basket.skip(name, _fault("file", error), unread=True)
        return
    kind = archive_of(head)
    if path.suffix.lower() == ".zip" and kind in ("", "zip"):
        _unpack(basket, path, name)
    elif kind:
        basket.skip(name, OTHER_ARCHIVE.format(kind=kind))
    elif not 0 < size <= MAX_FILE_BYTES:
        basket.skip(name, LARGE if size else EMPTY)
    else:
        basket.add(path, name)


def _head(path: Path) -> bytes:
    if not path.is_file():  # a pipe would wait for its writer
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        return file.read(HEAD)


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(p.startswith(".") and p != ".." for p in parts) or "__MACOSX" in parts or parts[-1:] == ("Thumbs.db",)


def _unpack(basket: _Basket, path: Path, name: str) -> None:
    """Members of a zip into the basket; one that cannot be read costs only itself."""
    if directory_bytes(path) > MAX_DIRECTORY_BYTES:
        basket.skip(name, LONG_LIST)
        return
    try:
        archive = zipfile.ZipFile(path)
    except Exception:  # on damaged bytes zipfile may raise anything
        basket.skip(name, BROKEN, unread=True)
        return
    with archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        if not members:
            basket.skip(name, EMPTY_ZIP)
        elif all(map(is_sealed, members)):
            basket.skip(name, PASSWORD)
        else:
            _unpack_members(basket, archive, members, name)


def _unpack_members(
    basket: _Basket, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], archive_name: str
) -> None:
    before, most = basket.unpacked, MAX_FILE_BYTES + MAX_RATIO * Path(str(archive.filename)).stat().st_size
    for name, member in sorted(((member_name(m), m) for m in members), key=lambda pair: pair[0]):
        if _is_litter(name):
            continue
        if reason := _why_not(member, name):
            basket.skip(name, reason)
        else:
            _unpack_member(basket, archive, member, name)
        if basket.unpacked - before > most:
            basket.skip(archive_name, DENSE)
            return


def _why_not(member: zipfile.ZipInfo, name: str) -> str:
    if PurePosixPath(name).suffix.lower() == ".zip":
        return NESTED
    if not member.file_size:
        return EMPTY
    return why_not(member) or (LARGE if member.file_size > MAX_FILE_BYTES else "")


def _unpack_member(basket: _Basket, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    path = basket.folder / f"{len(basket.files):06d}"
    path.touch()  # a folder that cannot be written to is no fault of the member
    try:
        written = _write(archive, member, path, MAX_FILE_BYTES)
    except MEMBER_FAULTS as error:
        basket.unpacked += path.stat().st_size
        path.unlink()
        basket.skip(name, reason_of(error), unread=True)
        return
    basket.unpacked += written
    if basket.unpacked > basket.most_bytes:
        raise GalleryError(f"These zips unpack to more than {basket.most_bytes / 1e9:g} GB. Please choose fewer.")
    if written > MAX_FILE_BYTES:
        path.unlink()
        basket.skip(name, LARGE)
    else:
        basket.add(path, name)


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, limit: int) -> int:
    """Bytes written; stops soon after `limit`."""
    written = 0
    with archive.open(member) as source, path.open("wb") as target:
        while written <= limit and (chunk := source.read(_CHUNK)):
            written += target.write(chunk)
    return written


def _distinct(files: list[PhotoFile]) -> list[PhotoFile]:
    """The same files, with a number behind every name that was there before."""
    seen: set[str] = set()
    renamed = []
    for file in files:
        again = (f"{file.name} ({n})" for n in count(2))
        name = file.name if file.name not in seen else next(n for n in again if n not in seen)
        seen.add(name)
        renamed.append(replace(file, name=name))
    return renamed
