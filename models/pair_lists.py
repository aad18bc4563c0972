"""A list of pairs of photos: the columns image_a and image_b, and where they are known kin (or same) and relation."""

from __future__ import annotations

from dataclasses import dataclass

from models.tables import table_of

IMAGES = ("image_a", "image_b")
LABELS = ("kin", "same")
"""Columns that may say whether a pair matches; the first one there is read."""


@dataclass(frozen=True)
class ListedPair:
    """One row of a list, as it was written: nothing about its cells is checked.

    Attributes:
        row: its number in the file.
        a, b: names of the photos; "" where the row has none.
        label: of the column PairList.label: "1", "0", or whatever stands there.
        relation: such as "fs"; "" where there is none.
    """

    row: int
    a: str
    b: str
    label: str = ""
    relation: str = ""

    @property
    def same(self) -> bool | None:
        """What the label says; None where it is neither 0 nor 1."""
        return {"0": False, "1": True}.get(self.label)


@dataclass(frozen=True)
class PairList:
    """A list of pairs.

    Attributes:
        pairs: its rows.
        label: the column of labels, one of LABELS; "" where there is none.
        header: all columns.
    """

    pairs: tuple[ListedPair, ...]
    label: str
    header: tuple[str, ...]


def pair_list(text: str, name: str, wanted: str = "") -> PairList:
    """Read a list.

    Args:
        text: of the file.
        name: what the message calls it.
        wanted: the columns in words, for the message.

    Raises:
        ListError: image_a or image_b is missing, or there is no row.
    """
    header, rows = table_of(text, name, IMAGES, wanted)
    label = next((c for c in LABELS if c in header), "")
    found = (
        ListedPair(n, row.get("image_a", ""), row.get("image_b", ""), row.get(label, ""), row.get("relation", ""))
        for n, row in rows
    )
    return PairList(tuple(found), label, header)
