"""Many pairs without the page: what a session keeps of photos, lists and answers, and how they are compared."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from explain.kinship.batch import Comparison, Ranked, Row, figures, ranked
from explain.kinship.batch_files import Answered
from explain.kinship.matching import MAX_PAIRS, Pairing, by_list, by_order
from models.errors import UserError
from models.faces.choice import nearest_centre
from models.faces.face import Face
from models.faces.files import PhotoFile, Skipped, gather
from models.pair_lists import ListedPair, PairList, pair_list
from models.running import BusyError
from models.tables import ListError, text_of
from ui.kinship.search_answers import thumbnail
from ui.shared import answering
from ui.shared.examples import EXAMPLES, FOLDER
from ui.shared.photos import Shot, read, take
from ui.shared.widgets import GALLERY_SECONDS

MAX_LIST_BYTES = 2_000_000
PICTURES = 400
"""Photos whose face is kept as a small picture, for the page and the report."""
PICTURE_SIDE = 72
"""Of such a picture, pixels."""
TELL_SECONDS = 0.5
"""Between two words about the progress; a turn among the tasks of others is given back as often."""
STOPPED = "Stopped: the pairs compared until then are kept."
STOPPED_AT_ONCE = "Stopped before a pair was compared."
ENDED = (
    "Ended after {minutes} minutes: the pairs compared until then are kept. Please give the others as a second list."
)
ENDED_AT_ONCE = "Ended after {minutes} minutes, before a pair was compared. Please try again later."

Given = tuple[str, str]
"""(path of an upload, what its owner calls it)."""


@dataclass(frozen=True, eq=False)
class Photos:
    """Photos that a session brought, unpacked; when it forgets them, the unpacked files go.

    Attributes:
        files: what may be a photo; nothing was opened yet.
        skipped: files that cannot be one, with the reason.
    """

    files: tuple[PhotoFile, ...]
    skipped: tuple[Skipped, ...]
    keeper: object = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be compared, as it was when it was asked for.

    Attributes:
        weight: what answers.
        sources: where the photos are from.
        stop: set by whoever wants it ended.
    """

    weight: str
    pairings: tuple[Pairing, ...]
    sources: tuple[Photos, ...]
    stop: Event = field(default_factory=Event, repr=False)


@dataclass(frozen=True, eq=False)
class Batch:
    """Compared pairs, as a session keeps them.

    Attributes:
        weight: what answered.
        rows: in the order of the list.
        of: how many were to be compared.
        pictures: path -> a JPEG of the face.
        skipped: files that cannot be photos.
        ended: why not all were compared; "" when they were.
        seconds: what it took.
        known: the labelled answers; None without any.
        keeper: of the photos.
        done: nothing more comes.
    """

    weight: str
    rows: tuple[Row, ...]
    of: int
    pictures: dict[str, bytes] = field(default_factory=dict, repr=False)
    skipped: tuple[Skipped, ...] = ()
    ended: str = ""
    seconds: float = 0.0
    known: Ranked | None = None
    keeper: object = field(default=None, repr=False)
    done: bool = False

    def answered(self, threshold: float) -> Answered:
        """Held against a threshold; no model runs."""
        row = answering.sidecar(self.weight)
        found = figures(self.known, threshold) if self.known else None
        return Answered(self.rows, self.of, row, threshold, found, self.pictures, self.skipped, self.ended)


def list_of(given: Given) -> PairList:
    """Read an uploaded list.

    Raises:
        ListError: another form than a list's, or too long.  OSError: it is no longer there.
    """
    path, name = Path(given[0]), given[1]
    if path.stat().st_size > MAX_LIST_BYTES:
        raise ListError(
            f"{name} is over {MAX_LIST_BYTES // 1_000_000} MB; at most {MAX_PAIRS:,} pairs are compared at a time."
        )
    return pair_list(text_of(path.read_bytes(), name), name)


def photos_of(given: Sequence[Given], root: Path) -> Photos:
    """Uploaded photos and zips, by their owner's names; zips are unpacked below `root`.

    Raises:
        GalleryError: too many photos, or too much in the zips.
    """
    folder = tempfile.TemporaryDirectory(prefix="batch-", dir=root)
    files, skipped = gather([path for path, _ in given], Path(folder.name))
    names = dict(given)
    called = tuple(replace(f, name=names.get(str(f.path), f.name)) for f in files)
    return Photos(called, tuple(skipped), folder)


def example() -> tuple[PairList, Photos]:
    """The app's own pairs of portraits, with what is known of them as labels of kinship."""
    known = [(e, e.truth["kinship"]) for e in EXAMPLES if "kinship" in e.truth]
    pairs = tuple(ListedPair(i, e.a, e.b, str(int(kin)), e.known) for i, (e, kin) in enumerate(known, 1))
    files = tuple(PhotoFile(FOLDER / name, name) for name in sorted({n for e, _ in known for n in (e.a, e.b)}))
    return PairList(pairs, "kin", ("image_a", "image_b", "kin", "relation")), Photos(files, ())


def planned(listed: PairList | None, photos: Photos | None, a: Photos | None, b: Photos | None) -> list[Pairing] | None:
    """What is to be compared: a list with its photos, or two sets of photos; None while something is missing.

    Raises:
        MatchError: two sets that do not fit, or too many pairs.
    """
    if listed is not None and photos is not None:
        return list(by_list(listed, photos.files))
    if a is not None and b is not None:
        return list(by_order(a.files, b.files))
    return None


def compare(job: Job) -> Iterator[Batch]:
    """Compare pair after pair -> the batch so far, about every TELL_SECONDS, and at the end all of it.

    Whatever ends it early, what was compared is kept, and the batch says why.
    """
    pairings = job.pairings
    rows: list[Row] = []
    pictures: dict[str, bytes] = {}
    start, skipped = time.monotonic(), tuple(s for source in job.sources for s in source.skipped)
    batch = Batch(job.weight, (), len(pairings), pictures, skipped, keeper=job.sources)

    def keep(path: str, face: Face) -> None:
        if len(pictures) < PICTURES:
            pictures[path] = thumbnail(face, PICTURE_SIDE)

    ended, told = "", 0.0
    yield batch
    try:
        comparison = Comparison(answering.network(job.weight), pairings, read, keep)
        while len(rows) < len(pairings) and not (ended := _why_end(job.stop, start, len(rows))):
            try:
                rows.append(comparison.row(len(rows)))
            except BusyError:
                told = 0.0  # the next one begins as a new task, with a new place among those that wait
            if time.monotonic() - told > TELL_SECONDS:
                yield replace(batch, rows=tuple(rows), seconds=time.monotonic() - start)
                told = time.monotonic()
    except UserError as error:
        ended = str(error)
    seconds = time.monotonic() - start
    yield replace(batch, rows=tuple(rows), ended=ended, seconds=seconds, known=ranked(rows), done=True)


def _why_end(stop: Event, start: float, done: int) -> str:
    if stop.is_set():
        return STOPPED if done else STOPPED_AT_ONCE
    words = ENDED if done else ENDED_AT_ONCE
    return words.format(minutes=GALLERY_SECONDS // 60) if time.monotonic() - start > GALLERY_SECONDS else ""


def shot_of(path: str) -> Shot:
    """A photo with the face chosen that was compared.

    Raises:
        PhotoError: it is no longer there.
    """
    shot, pixels = take(path), read(path).pixels
    faces = [Face(pixels, m.keypoints, m.box, m.confidence) for m in shot.marks]
    chosen = nearest_centre(pixels, faces)
    return shot.pick(next(i for i, face in enumerate(faces) if face is chosen))
