"""Relations of Families In the Wild and of KinFaceW in words: lists, sidecars and reports abbreviate them."""

from __future__ import annotations

RELATION_WORDS = {
    "bb": "brothers",
    "ss": "sisters",
    "sibs": "brother and sister",
    "fd": "father and daughter",
    "fs": "father and son",
    "md": "mother and daughter",
    "ms": "mother and son",
    "gfgd": "grandfather and granddaughter",
    "gfgs": "grandfather and grandson",
    "gmgd": "grandmother and granddaughter",
    "gmgs": "grandmother and grandson",
    "FMS": "father, mother and son",
    "FMD": "father, mother and daughter",
}
"""Abbreviation -> words, in the order in which the papers list them."""


def relation_words(part: str) -> str:
    """A part of a report in words: "fs" -> "father and son", "KinFaceW-I fs" -> "KinFaceW-I, father and son".

    What is no relation stays as it is.
    """
    before, _, last = part.rpartition(" ")
    if last not in RELATION_WORDS:
        return part
    return f"{before}, {RELATION_WORDS[last]}" if before else RELATION_WORDS[last]
