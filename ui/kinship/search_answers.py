"""Search without the page: the faces of many photos, and how they rank beside a probe."""

from __future__ import annotations

import io
import tempfile
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image

from explain.search.ranking import NO_FACE as NO_FACE_HERE
from explain.search.ranking import Named
from models import PhotoError
from models.faces.face import Face
from models.faces.files import GalleryError, PhotoFile, Skipped, gather
from models.faces.quality import Quality
from models.gallery import TOP, Gallery, Hit
from ui.shared import answering
from ui.shared.photos import NO_FACE, Shot, take

MAX_FACES = 3_000
THUMBNAIL = 112
"""Side of a thumbnail in pixels."""
KEPT = 4
"""Encoded galleries that are kept, of all sessions; one that is gone is encoded again when it is asked for."""

Tell = Callable[[int, int, str], None]
"""Told of progress: (done, of how many, "photos" that are searched for faces, or "faces" that are encoded)."""


def silent(done: int, of: int, what: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Entry:
    """One face of a gallery.

    Attributes:
        shot: its photo, with this face chosen.
        name: of the file, as its owner calls it.
        thumbnail: a JPEG of the face.
        number: of the face in its photo, the largest 1, where the shot has that face alone; else 0.
        faces: of this person, which it stands for where people are ranked.
        quality: of the face; None where it was not measured (an index).
    """

    shot: Shot
    name: str
    thumbnail: bytes = field(repr=False)
    number: int = 0
    faces: int = 1
    quality: Quality | None = None

    @property
    def named(self) -> Named:
        """File and face, for a table."""
        return Named(self.name, self.number or self.shot.chosen + 1)

    @property
    def title(self) -> str:
        """The file, and which face where it has several."""
        several = len(self.shot.marks) > 1 or self.number > 1
        return self.name + (f", face {self.named.face}" if several else "")


@dataclass(frozen=True, eq=False)
class Collection:
    """The photos of one search, as a session remembers them; when the session forgets it, unpacked files go too.

    Attributes:
        entries: every face found, photo by photo, the largest first.
        skipped: files that gave no face, with the reason.
        photos: how many files gave one.
    """

    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]
    photos: int
    building: Lock = field(default_factory=Lock, repr=False)


@dataclass(frozen=True)
class Ranking:
    """A collection ranked for one person, with both: what is shown, exported and opened belongs together.

    Attributes:
        weight: what answered.
        probe: the photo, with the face that was searched for chosen.
        collection: what was ranked.
        hits: of Gallery.search; hit.entry is a place in the collection's entries.
        seconds: what the query took, from the probe's crop to the order.
        searched: faces that were searched where not all of them are hits (an index); else 0.
        own: faces taken for the probe's own, which are not ranked; entries of the collection as well.
        photos: of the probe.
        people: who were searched where people are ranked, not faces; else 0.
        table: of an index, the rows of its CSV (explain/search/indexing.py).
    """

    weight: str
    probe: Shot
    collection: Collection
    hits: tuple[Hit, ...]
    seconds: float
    searched: int = 0
    own: tuple[Hit, ...] = ()
    photos: int = 1
    people: int = 0
    table: tuple[Sequence[str], ...] = ()

    @property
    def ranked(self) -> int:
        """How many faces, or people, were searched."""
        return self.people or self.searched or len(self.hits)

    def entry(self, hit: Hit) -> Entry:
        """The face behind a hit."""
        return self.collection.entries[hit.entry]


def collect(sources: Sequence[str | Path], tell: Tell, root: str | Path | None = None) -> Collection:
    """Find the faces in files and zips, once for every model.

    Args:
        root: where zips are unpacked, in a folder that goes with the collection; by default the system's own place.

    Raises:
        GalleryError: nothing to search in, or too much.
    """
    folder = tempfile.TemporaryDirectory(prefix="gallery-", dir=root)
    files, skipped = gather(sources, Path(folder.name))
    entries, photos = [], 0
    for i, file in enumerate(files):
        tell(i, len(files), "photos")
        try:
            found = _entries(file, folder)
        except PhotoError as error:
            reason = NO_FACE_HERE if str(error) == NO_FACE else str(error)
            skipped.append(Skipped(file.name, reason))
            continue
        entries += found
        photos += 1
        if len(entries) > MAX_FACES:
            raise GalleryError(f"There are more than {MAX_FACES:,} faces in these photos. Please choose fewer photos.")
    if not entries:
        why = f" {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise GalleryError(f"There is no face to search in.{why}")
    return Collection(tuple(entries), tuple(skipped), photos)


def _entries(file: PhotoFile, keeper: object) -> list[Entry]:
    shot = replace(take(str(file.path)), keeper=keeper)
    picked = [shot.pick(i) for i in range(len(shot.marks))]
    return [Entry(s, file.name, thumbnail(s.face()), quality=s.quality()) for s in picked]


def thumbnail(face: Face, side: int = THUMBNAIL) -> bytes:
    """The box's square and a little around it as a JPEG, at most `side` pixels a side."""
    left, top, right, bottom = face.box
    centre, half = ((left + right) / 2, (top + bottom) / 2), 0.65 * max(right - left, bottom - top)
    height, width = face.photo.shape[:2]
    x0, y0 = (int(max(0, c - half)) for c in centre)
    x1, y1 = (int(min(side, c + half + 1)) for c, side in zip(centre, (width, height), strict=True))
    cut = Image.fromarray(np.ascontiguousarray(face.photo[y0:y1, x0:x1]))
    cut.thumbnail((side, side), reducing_gap=2.0)
    buffer = io.BytesIO()
    cut.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


_ENCODED: OrderedDict[tuple[int, str], Gallery] = OrderedDict()
_ENCODING = Lock()


def encoded(collection: Collection, weight: str, tell: Tell) -> Gallery:
    """The collection as a model encodes it: from memory, else face by face.

    Raises:
        PhotoError: a photo is no longer there.  WeightError: no such weight.
    """
    key = (id(collection), weight)
    with collection.building:
        with _ENCODING:
            if key in _ENCODED:
                _ENCODED.move_to_end(key)
                return _ENCODED[key]
        gallery = Gallery.build(answering.network(weight), _faces(collection, tell))
        with _ENCODING:
            if not any(k[0] == key[0] for k in _ENCODED):
                weakref.finalize(collection, _forget, key[0])
            _ENCODED[key] = gallery
            while len(_ENCODED) > KEPT:
                _ENCODED.popitem(last=False)
    return gallery


def _forget(collection: int) -> None:
    """Nothing a session has forgotten stays in memory."""
    for key in [k for k in list(_ENCODED) if k[0] == collection]:
        _ENCODED.pop(key, None)


def _faces(collection: Collection, tell: Tell) -> Iterator[Face]:
    for i, entry in enumerate(collection.entries):
        tell(i, len(collection.entries), "faces")
        yield entry.shot.face()


def rank(
    collection: Collection,
    probe: Shot,
    weight: str,
    tell: Tell,
    *,
    more: Sequence[Shot] = (),
    every_face: bool = True,
    top: int = TOP,
) -> Ranking:
    """Rank a collection for the chosen face of the probe: one encoding and a search.

    Args:
        more: further photos of the probe.
        every_face: else only the largest of each photo.
        top: how many of the most similar are scored as pairs.

    Raises:
        PhotoError: a photo is no longer there.  WeightError: no such weight.
    """
    gallery = encoded(collection, weight, tell)
    faces = [shot.face() for shot in (probe, *more)]
    start = time.perf_counter()
    among = None if every_face else torch.tensor([e.shot.chosen == 0 for e in collection.entries])
    hits = gallery.search(gallery.code(*faces), top, among)
    return Ranking(weight, probe, collection, tuple(hits), time.perf_counter() - start, photos=len(faces))
