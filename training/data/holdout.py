"""Which families of FIW train are held out for model selection: the same ones in every recipe.

Every family has a place in [0, 1) by the hash of its name, and the lowest places are held out, so lists of different
lengths lie inside one another. Until November 2026 distill, recognition and partial held out places below .06 (30 of
570 families), the kinship recipes below .1 (68): 38 of the families that tried a kinship network had been in the
training of the distilled weights it started from. Sidecars keep the size and hash of the list that was used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HELD_OUT = 0.1
"""Fraction of the families."""
EARLIER = 0.06
"""Fraction that weights held out whose sidecar has no row on it."""
HELD_OUT_ROW = "of these, held-out families"
"""Name of the sidecar's data row on them: size counts families, hash is of their sorted names, one a line;
seen_by_start, where there is one, counts those that were in the training of what the weight started from."""
TRAINED_ON = "fiw/train"
"""Name of the sidecar's data row of a weight that was trained on FIW."""


def place(family: str) -> float:
    """A family's place in [0, 1) by the hash of its name ("F0001"): the same whatever other families there are."""
    return int(hashlib.sha256(family.encode()).hexdigest()[:8], 16) / 16**8


def is_held_out(family: str, fraction: float = HELD_OUT) -> bool:
    """The families with the lowest places: a larger fraction holds out the same families and more."""
    return place(family) < fraction


def held_out_families(families: Iterable[str]) -> list[str]:
    """Those of the families that no recipe trains on, sorted, each once."""
    return sorted({f for f in families if is_held_out(f)})


def held_out_row(families: Iterable[str], sources: Sequence[Path] = ()) -> dict[str, Any]:
    """The sidecar's row on the held-out ones among these families.

    Args:
        sources: weights of which this one is made, see unseen_by.
    """
    held = held_out_families(families)
    row = {"name": HELD_OUT_ROW, "size": len(held), "hash": listed_hash(held)}
    unseen = unseen_by(sources, held)
    return row if unseen in (None, len(held)) else {**row, "seen_by_start": len(held) - unseen}


def listed_hash(words: Iterable[str]) -> str:
    """sha256 of words, one a line."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def held_out_of(families: Iterable[str], data: Sequence[Mapping[str, Any]]) -> list[str]:
    """The families that a weight's training held out, sorted, as its sidecar's data rows tell.

    The row HELD_OUT_ROW says how many and has the sha256 of their names. Without it: those below EARLIER.

    Raises:
        ValueError: the row is about other families than these.
    """
    families = sorted(set(families))
    row = next((r for r in data if r["name"] == HELD_OUT_ROW), None)
    if row is None:
        return [f for f in families if is_held_out(f, EARLIER)]
    lowest = sorted(sorted(families, key=place)[: row["size"]])
    if listed_hash(lowest) != row["hash"]:
        raise ValueError(f"the {row['size']} families this weight held out are not among those of the data folder")
    return lowest


def unseen_by(sources: Sequence[Path], held: Sequence[str]) -> int | None:
    """How many of the held-out families neither these weights nor their own starts were trained on.

    Args:
        sources: .safetensors files with a sidecar, or with the model.json of a run, beside them.
        held: held_out_families.

    Returns:
        All of them without sources; None when one does not say.
    """
    counts = [_unseen(source, held) for source in sources]
    return None if None in counts else min([len(held), *(c for c in counts if c is not None)])


def _unseen(source: Path, held: Sequence[str]) -> int | None:
    beside = source.with_suffix(".json")
    said = json.loads(beside.read_text()) if beside.exists() else {}
    if "held_out" in said:  # a run
        own = sum(is_held_out(f, said["held_out"]) for f in held)
        start = said.get("unseen_by_start", own)
        return None if start is None else min(own, start)
    if "data" not in said:
        return None
    if all(row["name"] != TRAINED_ON for row in said["data"]):
        return len(held)
    row = next((r for r in said["data"] if r["name"] == HELD_OUT_ROW), None)
    return row["size"] - row.get("seen_by_start", 0) if row else sum(is_held_out(f, EARLIER) for f in held)


def start_facts(sources: Sequence[Path], families: Iterable[str]) -> dict[str, Any]:
    """What a run says of the held-out families: the fraction, and how many its start never saw where that is fewer.

    unseen_by_start is None when a source does not say.
    """
    held = held_out_families(families)
    unseen = unseen_by(sources, held)
    return {"held_out": HELD_OUT, **({} if unseen == len(held) else {"unseen_by_start": unseen})}


def start_notes(sources: Sequence[Path], families: Iterable[str]) -> list[str]:
    """A sentence for the sidecar when held-out families were, or may have been, in the training of the start."""
    held = held_out_families(families)
    unseen = unseen_by(sources, held)
    if unseen is None:
        return ["What it started from does not say which families it held out."]
    if unseen == len(held):
        return []
    return [
        f"Of the {len(held)} held-out families, {len(held) - unseen} were in the training of what it started from: "
        "figures on them are flattering."
    ]
