"""Many photos at once: files, folders and zips -> paths that open_photo can read, and what was left out and why.

A zip is never trusted: its members are written under names made here, so none can leave the folder, whatever it calls
itself; bytes are counted as they come out and not as the zip states them.
"""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path, PurePosixPath

from models.errors import UserError

MAX_PHOTOS = 2_000
MAX_FILE_BYTES = 64_000_000
MAX_BYTES = 2_000_000_000
"""All zips of a gallery together, unpacked."""
_CHUNK = 1 << 20

PASSWORD = "This zip is protected by a password. Unpack it, and choose its photos or a zip without a password."
BROKEN = "This zip is damaged or incomplete. Please make it again."
BROKEN_MEMBER = "This file is damaged inside its zip."
NESTED = "A zip inside a zip is not opened. Choose it by itself."
LARGE = f"This file is larger than {MAX_FILE_BYTES // 1_000_000} MB."
EMPTY = "This file is empty."
EMPTY_ZIP = "There is nothing in this zip."


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
    """A file that gave no face, and the reason in the user's words."""

    name: str
    reason: str


@dataclass
class _Basket:
    """What has been gathered so far, and the folder that zips are unpacked into."""

    folder: Path
    files: list[PhotoFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unpacked: int = 0

    def add(self, path: Path, name: str) -> None:
        if len(self.files) == MAX_PHOTOS:
            raise GalleryError(f"There are more than {MAX_PHOTOS:,} photos here. Please choose fewer.")
        self.files.append(PhotoFile(path, name))

    def skip(self, name: str, reason: str) -> None:
        self.skipped.append(Skipped(name, reason))


def gather(sources: Sequence[str | Path], folder: Path) -> tuple[list[PhotoFile], list[Skipped]]:
    """Files, folders (with all below them) and zips -> files that may be photos; what they hold is not looked at.

    Hidden files and the notes that operating systems leave behind are passed over in silence.

    Args:
        sources: what the user chose.
        folder: an empty one, for what comes out of zips.

    Returns:
        Files in the order of the sources, sorted by name within each; and what was left out.

    Raises:
        GalleryError: more than MAX_PHOTOS photos, or zips that unpack to more than MAX_BYTES.
        OSError: the folder cannot be written.
    """
    basket = _Basket(folder)
    for source in map(Path, sources):
        if source.is_dir():
            for path in sorted(p for p in source.rglob("*") if p.is_file()):
                _add(basket, path, path.relative_to(source).as_posix())
        else:
            _add(basket, source, source.name)
    return _distinct(basket.files), basket.skipped


def _add(basket: _Basket, path: Path, name: str) -> None:
    if _is_litter(name):
        return
    size = path.stat().st_size
    if path.suffix.lower() == ".zip":
        _unpack(basket, path, name)
    elif not 0 < size <= MAX_FILE_BYTES:
        basket.skip(name, LARGE if size else EMPTY)
    else:
        basket.add(path, name)


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(p.startswith(".") and p != ".." for p in parts) or "__MACOSX" in parts or parts[-1:] == ("Thumbs.db",)


def _unpack(basket: _Basket, path: Path, name: str) -> None:
    """Members of a zip into the basket; one that cannot be read is left out as a whole, or from the break on."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if any(m.flag_bits & 1 for m in members):
                basket.skip(name, PASSWORD)
            elif not members:
                basket.skip(name, EMPTY_ZIP)
            else:
                _unpack_members(basket, archive, members)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, UnicodeError):
        basket.skip(name, BROKEN)


def _unpack_members(basket: _Basket, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    for name, member in sorted(((_member_name(m), m) for m in members), key=lambda pair: pair[0]):
        if _is_litter(name):
            continue
        if PurePosixPath(name).suffix.lower() == ".zip":
            basket.skip(name, NESTED)
        elif not member.file_size:
            basket.skip(name, EMPTY)
        else:
            _unpack_member(basket, archive, member, name)


def _unpack_member(basket: _Basket, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    path = basket.folder / f"{len(basket.files):06d}"
    try:
        written = _write(archive, member, path, MAX_FILE_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        path.unlink(missing_ok=True)
        basket.skip(name, BROKEN_MEMBER)
        return
    basket.unpacked += written
    if basket.unpacked > MAX_BYTES:
        raise GalleryError(f"These zips unpack to more than {MAX_BYTES // 1_000_000_000} GB. Please choose fewer.")
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


def _member_name(member: zipfile.ZipInfo) -> str:
    """The member's name, with "/" between folders.

    Without the UTF-8 flag zipfile reads cp437, though most such names are UTF-8 all the same.
    """
    name = member.filename
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


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
