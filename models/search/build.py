"""From folders and zips of photos to an index: detect, align, encode, group, and write what finds them again.

    build(["photos/"], Path("faces.index"), "edgeface_kin")

What a photo gives depends on that photo alone (its faces are one batch), never on how the work was cut or resumed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from models.faces.detect import detect_faces
from models.faces.face import FaceBatch
from models.faces.files import GalleryError, PhotoFile, Skipped, gather
from models.faces.photo import PhotoError, open_photo
from models.faces.zips import NO_SPACE
from models.pair import PairModel
from models.predict import aligned_for
from models.search import processes
from models.search.finish import finish
from models.search.people import same_person_cosine
from models.search.rows import FULL, Encoded, FaceIndexError, Name, Seen
from models.search.store import FILE, Store
from models.weights import load_pair, read_sidecar

NO_FACE = "No face was found."
PEOPLE = "edgeface"
"""The weight that tells people apart unless another is named."""
MOST, MOST_BYTES = 100_000_000, 10**15
"""Photos of a source, and bytes of its zips: the owner's own, so only a guard against a slip."""
WRITTEN, SECONDS = 16, 10.0
"""Photos, or seconds, after which what was found is written."""
OTHER_WEIGHT = (
    "The index {path} was made with {there}; this is {here}. Codes of two weights cannot be compared: "
    "name another folder."
)

Tell = Callable[[int, int], None]
"""Told of progress: photos done, of how many."""


def silent(done: int, of: int) -> None:
    """Progress that nobody watches."""


@dataclass
class Built:
    """What a run did: photos looked at, known before, dropped; files that are no photos, with the reason."""

    new: int = 0
    known: int = 0
    dropped: int = 0
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True)
class Encoder:
    """A photo's faces, encoded.

    Attributes:
        model: whose codes are compared.  identity: tells people apart; None for no grouping.
    """

    model: PairModel
    identity: PairModel | None

    @staticmethod
    def load(model: str, people: str | None) -> Encoder:
        """The networks of two weights, on this process's device.

        Raises:
            WeightError: no such weight.  FaceIndexError: `people` cannot tell people apart.
        """
        device = processes.own_device()
        identity = load_pair(people, device) if people else None
        if identity is not None and people is not None:
            same_person_cosine(identity, read_sidecar(people))
        return Encoder(load_pair(model, device), identity)

    def code_shape(self) -> tuple[int, ...]:
        """Of one code."""
        spec = self.model.spec
        points = torch.from_numpy(spec.points() / spec.size).float()[None]
        return tuple(encode(self.model, [FaceBatch(torch.zeros(1, 3, spec.size, spec.size), points)]).shape[1:])

    def look(self, path: Path) -> tuple[tuple[Encoded, ...], str]:
        """The faces in a photo, largest first; where there is none, the reason."""
        try:
            faces = detect_faces(open_photo(path))
        except PhotoError as error:
            return (), str(error)
        if not faces:
            return (), NO_FACE
        codes = encode(self.model, faces)
        known = [None] * len(faces) if self.identity is None else list(embedded(self.identity, faces))
        return tuple(
            Encoded(f.box, f.keypoints, f.confidence, code.flatten().numpy(), identity)
            for f, code, identity in zip(faces, codes, known, strict=True)
        ), ""


@torch.inference_mode()
def encode(model: PairModel, faces: Sequence[object]) -> torch.Tensor:
    """(F, ...) codes of faces on the CPU, float32."""
    batch = FaceBatch.cat([aligned_for(model, face) for face in faces])  # type: ignore[arg-type]
    return model.encode(batch.image, batch.keypoints).float().cpu()


@torch.inference_mode()
def embedded(model: PairModel, faces: Sequence[object]) -> np.ndarray:
    """(F, D) embeddings of faces, float32 unit vectors."""
    codes = encode(model, faces).to(next(model.parameters()).device)
    return model.embedding(codes).float().cpu().numpy()


def build(
    sources: Sequence[str | Path],
    folder: Path,
    model: str,
    people: str | None = PEOPLE,
    tell: Tell | None = None,
) -> Built:
    """Bring an index up to date with its sources, making it where there is none.

    Known contents are not looked at again; files that a source no longer has are dropped, but none that cannot be read
    this time, nor any of a source whose zip or folder cannot. Sources that are not named stay as they are. Under
    `accelerate launch` the photos are dealt out; only the first process returns at the end.

    Args:
        sources: folders, zips or photos.
        folder: of the index.
        model: weight whose codes are compared.
        people: weight that tells people apart, None for no grouping.
        tell: called with this process's share of the photos of a source.

    Raises:
        FaceIndexError: another weight's index, a damaged one, no room.  GalleryError: no such source.
        WeightError: no such weight.
    """
    missing = [str(s) for s in sources if not Path(s).exists()]
    if missing:
        raise GalleryError(f"There is no {missing[0]}.")
    encoder = Encoder.load(model, people)
    built, (rank, _) = Built(), processes.share()
    with prepared(folder, model, people, encoder.code_shape()) as store:
        gone: dict[int, set[str]] = {}
        for source in sources:
            with _room(folder, rank) as scratch:
                gone |= _take_in(store, Path(source), scratch, encoder, built, tell or silent)
        processes.wait_for_all()  # a file that was moved keeps its content: nothing is dropped before all are named
        if rank == 0:
            for number, names in gone.items():
                store.drop(number, sorted(names))
            built.dropped = sum(len(names) for names in gone.values())
            finish(store, encoder.model, encoder.identity)
        processes.wait_for_all()
    return built


def prepared(folder: Path, model: str, people: str | None, code_shape: Sequence[int]) -> Store:
    """The index, opened or new. Raises FaceIndexError: one of another weight, or of another grouping."""
    facts = {"model": model, "model_sha256": read_sidecar(model).sha256, "people": people or ""}
    facts["people_sha256"] = read_sidecar(people).sha256 if people else ""
    facts["code_shape"] = " ".join(map(str, code_shape))
    store = Store.open(folder) if _exists(folder) else Store.create(folder, facts)
    there = store.facts()
    for name in ("model", "people"):
        if (there[name], there[f"{name}_sha256"]) != (facts[name], facts[f"{name}_sha256"]):
            store.close()
            words = [_called(f[name], f[f"{name}_sha256"]) for f in (there, facts)]
            raise FaceIndexError(OTHER_WEIGHT.format(path=folder, there=words[0], here=words[1]))
    return store


def _exists(folder: Path) -> bool:
    """Is there an index, or something else that must not be written over?"""
    if folder.exists() and not folder.is_dir():
        raise FaceIndexError(f"{folder} is a file; an index is a folder.")
    return (folder / FILE).exists() and (folder / FILE).stat().st_size > 0


def _called(name: str, sha256: str) -> str:
    return f"{name} (sha256 {sha256[:12]}...)" if name else "no grouping"


@contextmanager
def _room(folder: Path, rank: int) -> Iterator[Path]:
    """Where this process unpacks zips, emptied before (a former run may have been ended in between) and after."""
    room = folder / f"unpacked-{rank}"
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(mode=0o700)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _take_in(
    store: Store, source: Path, scratch: Path, encoder: Encoder, built: Built, tell: Tell
) -> dict[int, set[str]]:
    """This process's share of one source -> the number of the source, and the names it no longer has."""
    rank, world = processes.share()
    files, skipped = gather([source], scratch, MOST, MOST_BYTES)
    if source.is_dir():  # an index may lie among the photos
        files = [f for f in files if store.folder.resolve() not in f.path.resolve().parents]
    number = store.source(os.path.relpath(source.resolve(), store.folder.resolve()))
    before, mine = store.names(number), files[rank::world]
    batch = _Batch(store, encoder)
    for i, file in enumerate(mine):
        tell(i, len(mine))
        try:
            batch.take(number, file, before.get(file.name))
        except OSError as error:  # it went, or its drive did
            reason = (error.strerror or "unknown fault").lower()
            skipped.append(Skipped(file.name, f"This file cannot be read: {reason}."))
    batch.write()
    if any(left.reason == NO_SPACE for left in skipped):
        raise FaceIndexError(FULL.format(path=store.folder))
    tell(len(mine), len(mine))
    built.new, built.known = built.new + batch.new, built.known + batch.known
    built.skipped += skipped
    unread = {left.name for left in skipped if left.unread}
    if unread - before.keys():  # it may be a zip or a folder that holds any of them
        return {number: set()}
    return {number: before.keys() - {file.name for file in files} - unread}


@dataclass
class _Batch:
    """What was found and not written yet."""

    store: Store
    encoder: Encoder
    photos: dict[bytes, Seen] = field(default_factory=dict)
    names: list[Name] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)
    new: int = 0
    known: int = 0

    def take(self, source: int, file: PhotoFile, before: tuple[bytes, str] | None) -> None:
        """Look at a file whose content is new. Raises OSError: it cannot be read."""
        name = _named(source, file, before)
        if name.digest in self.photos or self.store.known([name.digest]):
            self.known += 1
        else:
            self.photos[name.digest] = Seen(name.digest, *self.encoder.look(file.path))
            self.new += 1
        self.names.append(name)
        if len(self.photos) >= WRITTEN or time.monotonic() - self.since > SECONDS:
            self.write()

    def write(self) -> None:
        self.store.add(self.photos.values(), self.names)
        self.photos, self.names, self.since = {}, [], time.monotonic()


def _named(source: int, file: PhotoFile, before: tuple[bytes, str] | None) -> Name:
    """A file with the SHA-256 of its bytes, which are not read again where size and time are as they were."""
    state = file.path.stat()
    stamp = f"{state.st_size} {state.st_mtime_ns}"
    digest = before[0] if before and before[1] == stamp else digest_of(file.path)
    return Name(source, file.name, digest, stamp)


def digest_of(path: Path) -> bytes:
    """SHA-256 of a file. Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.digest()
