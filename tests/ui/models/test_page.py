"""A card shows the text of a sidecar, whatever it says, and runs none of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from models import read_sidecar
from ui.models.card import card

EVIL = "<img src=x onerror=alert(1)>"


def spoiled(value: Any) -> Any:
    """The same with every text in it replaced, numbers kept; file counts and pairs too, which are text in no weight."""
    if isinstance(value, dict):
        return {k: EVIL if k in ("size", "pairs", "protocol") else spoiled(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [spoiled(v) for v in value]
    return EVIL if isinstance(value, str) else value


@pytest.mark.parametrize("weight", ["dlib_kin", "vit_kprpe"])
def test_no_field_of_a_sidecar_becomes_markup(weight: str) -> None:
    row = read_sidecar(weight)
    texts = {
        f.name: spoiled(getattr(row, f.name)) for f in dataclasses.fields(row) if f.name not in ("decision", "loans")
    }
    parts = [e for e in row.metrics.values() if isinstance(e, dict) and "accuracy" in e]
    metrics = {EVIL: {**spoiled(parts[0]), "breakdown": {EVIL: {"pairs": EVIL, "accuracy": 0.5}}, "tar": {EVIL: 0.5}}}
    bad = dataclasses.replace(row, **{**texts, "metrics": metrics}).with_rule(threshold_protocol=EVIL)
    shown = card(bad)
    assert "<img" not in shown and shown.count("&lt;img") > 12
