"""What the evaluations of training.evaluate are called; their reports are kept in Sidecar.metrics by these keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Evaluation:
    """One evaluation in words.

    Attributes:
        title: as a heading.
        on: what the main figure was measured on, in a few words.
        main: keys that lead to the main figure in a report.
    """

    title: str
    on: str
    main: tuple[str, ...] = ("accuracy",)


EVALUATIONS: dict[str, Evaluation] = {
    "lfw": Evaluation("LFW: same person?", "LFW"),
    "masked_lfw": Evaluation("Masked LFW: same person behind a drawn mask?", "masked LFW"),
    "affine_lfw": Evaluation(
        "Unaligned LFW: same person, moved or loosely cropped?",
        "unaligned LFW",
        ("breakdown", "unaligned", "accuracy"),
    ),
    "partial_lfw": Evaluation("Partial LFW: same person, cropped?", "cropped LFW"),
    "mfr2": Evaluation("MFR2: same person behind a real mask?", "MFR2"),
    "kinship": Evaluation("Kinship of pairs", "FIW pairs"),
    "tri": Evaluation("Kinship of father, mother and child", "FIW triplets"),
    "search": Evaluation("Kinship search", "FIW search, rank@5"),
    "kinfacew": Evaluation("KinFaceW", "KinFaceW"),
    "ferplus": Evaluation("FER+: which expression do most people name?", "FER+"),
    "fer2013": Evaluation("FER2013: its own labels", "FER2013"),
    "ckplus": Evaluation("CK+: posed expressions of other people", "CK+"),
    "jaffe": Evaluation("JAFFE: posed expressions of other people", "JAFFE"),
}
"""Key -> evaluation; the order is that of pages."""


SEARCH_FIGURES: dict[str, tuple[str, ...]] = {
    "mAP": ("map",),
    "rank@5": ("rank5",),
    "mAP, pair score": ("breakdown", "pair score", "map"),
    "rank@5, pair score": ("breakdown", "pair score", "rank5"),
    "mAP, other photos": ("breakdown", "other photos", "map"),
    "rank@5, other photos": ("breakdown", "other photos", "rank5"),
}
"""Heading -> keys that lead to a figure of the evaluation "search"; the first one ranks."""


def evaluation_of(key: str) -> Evaluation:
    """The table's row; one that is not in it is called by its key."""
    return EVALUATIONS.get(key, Evaluation(key, key))


def evaluation_order(key: str) -> tuple[int, str]:
    """Key to sort by: the table's order, evaluations that are not in it last."""
    known = list(EVALUATIONS)
    return (known.index(key) if key in known else len(known), key)


def value_at(report: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """What a path of keys leads to in a report; None where it leads nowhere."""
    value: Any = report
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
