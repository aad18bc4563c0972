"""Which photos a list of pairs means: names of its rows -> files, or why there is none.

A name is looked for as the path of a file, then as the end of exactly one path (either may have folders before it that
the other lacks), then as the name of exactly one file. Capitals count only where they tell two files apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import UserError
from models.faces.files import MAX_NAME, PhotoFile
from models.pair_lists import ListedPair, PairList

MAX_PAIRS = 2_000
"""Of one list; each may bring two photos to look at, and its row is kept for the session."""
NO_NAME = "the list names no photo"
MISSING = "there is no photo {name}"
SEVERAL = "{count} photos are called {name}: write their folder before the name"
_AGAIN = re.compile(r"(.+) \(\d+\)")
"""How models.faces.files.gather marks a name that it has had before."""


class MatchError(UserError, ValueError):
    """Pairs that cannot be compared at all; the message is for the person who brought them."""


@dataclass(frozen=True)
class Pairing:
    """One pair to compare.

    Attributes:
        row: its number in the list, or its place, from 1.
        a, b: what the photos are called.
        files: where they lie; "" for none.
        missing: why a file is none, "" for one that is there.
        same: what the list says about the two; None where it says nothing.
        relation: such as "fs"; "" where there is none.
        note: what else is to be said of the row.
    """

    row: int
    a: str
    b: str
    files: tuple[str, str]
    missing: tuple[str, str] = ("", "")
    same: bool | None = None
    relation: str = ""
    note: str = ""


class FileNames:
    """Photos by what they are called.

    Args:
        files: of models.faces.files.gather.
    """

    def __init__(self, files: Sequence[PhotoFile]) -> None:
        self._named: dict[str, list[tuple[str, PhotoFile]]] = defaultdict(list)
        known = {file.name for file in files}
        for file in files:
            again = _AGAIN.fullmatch(file.name)
            name = _plain(again[1] if again and again[1] in known else file.name)
            self._named[_last(name)].append((name, file))

    def find(self, name: str) -> PhotoFile | str:
        """The file of a name, or why there is none."""
        wanted = _plain(name)
        if not wanted:
            return NO_NAME
        called = self._named.get(_last(wanted), [])
        same = [file for known, file in called if known == wanted]
        same_end = [file for known, file in called if _ends_alike(known, wanted)]
        for found in (same, same_end, [file for _, file in called]):
            if len(found) == 1:
                return found[0]
            if found:
                return SEVERAL.format(count=len(found), name=short(name))
        return MISSING.format(name=short(name))


def _plain(name: str) -> str:
    """One spelling of a path: composed letters, "/" between folders, nothing that means "here"."""
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1].casefold()


def _ends_alike(x: str, y: str) -> bool:
    """Is one path the end of the other?"""
    short, long = sorted((x.casefold().split("/"), y.casefold().split("/")), key=len)
    return long[-len(short) :] == short


def short(name: str) -> str:
    """A name as it is shown and kept: a longer one keeps its end."""
    return name if len(name) <= MAX_NAME else "…" + name[1 - MAX_NAME :]


def by_list(listed: PairList, files: Sequence[PhotoFile]) -> tuple[Pairing, ...]:
    """The rows of a list with the photos that they name.

    Raises:
        MatchError: more than MAX_PAIRS rows.
    """
    _check_number(len(listed.pairs))
    names = FileNames(files)
    return tuple(_pairing(names, pair, listed.label) for pair in listed.pairs)


def _pairing(names: FileNames, pair: ListedPair, label: str) -> Pairing:
    found = [names.find(name) for name in (pair.a, pair.b)]
    paths = [str(f.path) if isinstance(f, PhotoFile) else "" for f in found]
    why = ["" if isinstance(f, PhotoFile) else f for f in found]
    odd = bool(pair.label) and pair.same is None
    note = f"{label} is 0 or 1, found {pair.label[:20]!r}: left out of the figures" if odd else ""
    names_shown = short(pair.a), short(pair.b)
    return Pairing(pair.row, *names_shown, (paths[0], paths[1]), (why[0], why[1]), pair.same, pair.relation[:60], note)


def by_order(a: Sequence[PhotoFile], b: Sequence[PhotoFile]) -> tuple[Pairing, ...]:
    """The first photo of A with the first of B, and so on, each sorted by name, numbers in names as numbers.

    Raises:
        MatchError: not as many in A as in B, none, or more than MAX_PAIRS.
    """
    if len(a) != len(b):
        raise MatchError(
            f"There are {len(a):,} photos in A and {len(b):,} in B. They are paired in the order of their names, so "
            "there must be as many in A as in B."
        )
    _check_number(len(a))
    both = zip(sorted(a, key=_order), sorted(b, key=_order), strict=True)
    return tuple(Pairing(i, x.name, y.name, (str(x.path), str(y.path))) for i, (x, y) in enumerate(both, 1))


def _order(file: PhotoFile) -> list[tuple[int, int, str]]:
    """Sorts "a2" before "a10"."""
    parts = re.split(r"(\d+)", _plain(file.name).casefold())
    return [(0, int(p[:18]), p) if p.isdecimal() else (1, 0, p) for p in parts if p]


def _check_number(pairs: int) -> None:
    if pairs > MAX_PAIRS:
        raise MatchError(
            f"These are {pairs:,} pairs; at most {MAX_PAIRS:,} are compared at a time. Please cut the list."
        )
