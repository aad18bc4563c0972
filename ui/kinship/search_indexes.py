"""Indexes of the server's (KINSIGHT_INDEXES), searched as galleries are: python -m explain.search index makes one."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from explain.search.ranking import Named
from models.errors import UserError
from models.gallery import Hit
from models.search.index import TOP, Answer, Index, Match
from models.search.originals import original
from models.search.rows import FaceIndexError
from models.search.store import FILE
from ui.kinship.search_answers import THUMBNAIL, Collection, Entry, Ranking, thumbnail
from ui.shared import answering
from ui.shared.held import Held
from ui.shared.photos import Mark, Shot

VARIABLE = "KINSIGHT_INDEXES"
"""A folder; every index in it is offered to everybody who may use the page, with the photos it was made of."""
PICTURED = 24
"""Matches that the list shows with their photo."""
OPEN: Held[Index] = Held(lambda: 2)
OTHER = "The index {name} was made with {there}, and {here} is chosen. Choose {there}: codes of two weights differ."


@dataclass(frozen=True)
class ServerIndex:
    """An index that a session has chosen: its name and the weight that it was made with."""

    name: str
    weight: str


def names() -> list[str]:
    """Indexes there are, sorted; empty where the variable is not set."""
    folder = os.environ.get(VARIABLE)
    return sorted(p.parent.name for p in Path(folder).glob(f"*/{FILE}")) if folder else []


def opened(name: str) -> Index:
    """An index by its name, opened once until it changes on the disk.

    Raises:
        FaceIndexError: there is none of this name, or it cannot be used.  WeightError: its weight is not here.
    """
    if name not in names():
        raise FaceIndexError(f"There is no index {name!r} on this server.")
    folder = Path(os.environ[VARIABLE]) / name
    state = (folder / FILE).stat()
    return OPEN.get((str(folder), state.st_mtime_ns, state.st_size), lambda: Index.open(folder, answering.network))


def chosen(name: str) -> ServerIndex:
    """Raises as `opened`."""
    return ServerIndex(name, opened(name).weight)


def ask(name: str, probes: Sequence[Shot], top: int = TOP, by_person: bool = False) -> tuple[Index, Answer]:
    """Search an index for a person.

    Raises:
        FaceIndexError: as `opened`, or nothing to search in.  PhotoError: a photo is no longer there.
    """
    index = opened(name)
    return index, index.search([shot.face() for shot in probes], top, by_person)


def rank(given: ServerIndex, probe: Shot, weight: str, top: int) -> Ranking:
    """As the search through a gallery: the matches are the entries, each with its photo where that is still there.

    Raises:
        FaceIndexError: another weight is chosen, or as `ask`.  PhotoError: the probe is no longer there.
    """
    if weight != given.weight:
        raise FaceIndexError(OTHER.format(name=given.name, there=given.weight, here=weight))
    index, answer = ask(given.name, [probe], min(top, TOP))
    if not answer.matches:
        raise FaceIndexError(f"There is nobody else in the index {given.name}.")
    folder = tempfile.TemporaryDirectory(prefix="index-")
    entries = [_entry(index, m, folder, i < PICTURED) for i, m in enumerate(answer.matches)]
    hits = [Hit(i, m.similarity, m.score_ab, m.score_ba) for i, m in enumerate(answer.matches)]
    own = tuple(Named(index.file(m), m.row.number) for m in answer.own)
    collection = Collection(tuple(entries), (), len(entries))
    return Ranking(weight, probe, collection, tuple(hits), answer.seconds, answer.searched, own)


def _entry(index: Index, match: Match, folder: tempfile.TemporaryDirectory[str], pictured: bool) -> Entry:
    """A match with its photo, which is unpacked into the folder where it is in a zip; a grey one where it is gone."""
    row, name = match.row, index.file(match)
    mark = Mark(row.keypoints, row.box, row.confidence)
    try:
        shot = Shot(str(original(index.store, row.digest, Path(folder.name))), (mark,), keeper=folder)
        return Entry(shot, name, thumbnail(shot.face()) if pictured else blank(), number=row.number)
    except UserError:
        return Entry(Shot(f"{folder.name}/gone", (mark,)), name, blank(), number=row.number)


@lru_cache(maxsize=1)
def blank() -> bytes:
    """A grey square as JPEG, in the place of a photo that is not shown."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((THUMBNAIL, THUMBNAIL, 3), 128, np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()
