"""Indexes of the server's (KINSIGHT_INDEXES), searched as galleries are: python -m explain.search index makes one."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from explain.search.indexing import table
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


def ask(name: str, probes: Sequence[Shot], top: int = TOP, by_person: bool = False) -> tuple[Index, Answer]:
    """Search an index for a person.

    Raises:
        FaceIndexError: as `opened`, or nothing to search in.  PhotoError: a photo is no longer there.
    """
    index = opened(name)
    return index, index.search([shot.face() for shot in probes], top, by_person)


def rank(name: str, probes: Sequence[Shot], weight: str, by_person: bool = False) -> Ranking:
    """As the search through a gallery: the matches are the entries, each with its photo where that is still there.

    Args:
        probes: photos of one person; the first stands beside a match that is opened.

    Raises:
        FaceIndexError: another weight is chosen, or as `ask`.  PhotoError: a photo of the probe is no longer there.
    """
    if weight != (there := opened(name).weight):
        raise FaceIndexError(OTHER.format(name=name, there=there, here=weight))
    index, answer = ask(name, probes, TOP, by_person)
    if not answer.matches:
        raise FaceIndexError(f"There is nobody else in the index {name}.")
    folder = tempfile.TemporaryDirectory(prefix="index-")
    others = [_entry(index, m, folder, i < PICTURED) for i, m in enumerate(answer.matches)]
    own = [_entry(index, m, folder, i < PICTURED) for i, m in enumerate(answer.own[:TOP])]
    return Ranking(
        weight,
        probes[0],
        Collection((*others, *own), (), len(others)),
        tuple(Hit(i, m.similarity, m.score_ab, m.score_ba) for i, m in enumerate(answer.matches)),
        answer.seconds,
        answer.searched,
        tuple(Hit(i, m.similarity) for i, m in enumerate(answer.own[:TOP], len(others))),
        photos=len(probes),
        people=index.store.counts()["people"] if by_person else 0,
        table=tuple(table(index, answer)),
    )


def _entry(index: Index, match: Match, folder: tempfile.TemporaryDirectory[str], pictured: bool) -> Entry:
    """A match with its photo, which is unpacked into the folder where it is in a zip; a grey one where it is gone."""
    row, name, picture = match.row, index.file(match), blank()
    mark = Mark(row.keypoints, row.box, row.confidence)
    try:
        shot = Shot(str(original(index.store, row.digest, Path(folder.name))), (mark,), keeper=folder)
        picture = thumbnail(shot.face()) if pictured else picture
    except UserError:
        shot = Shot(f"{folder.name}/gone", (mark,))
    return Entry(shot, name, picture, row.number, match.faces)


@lru_cache(maxsize=1)
def blank() -> bytes:
    """A grey square as JPEG, in the place of a photo that is not shown."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((THUMBNAIL, THUMBNAIL, 3), 128, np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()
