"""Records on disk, a file a weight: what was measured is not measured again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Store:
    """Records of one weight under one protocol.

    Args:
        folder: where the files lie.
        weight: its name.
        key: facts that must hold for a record to count: the weight's hash, the protocol.
    """

    def __init__(self, folder: Path, weight: str, key: dict[str, Any]) -> None:
        self.path, self.key = folder / f"{weight}.jsonl", key
        self.records: list[dict[str, Any]] = []
        if self.path.exists():
            whole = [_read(line) for line in self.path.read_text().splitlines() if line]
            self.records = [r for r in whole if r and r.pop("key", None) == key]

    def known(self, number: int) -> set[str]:
        """Methods that were measured on a pair."""
        return {r["method"] for r in self.records if r["pair"] == number}

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Append records; each holds "pair" and "method"."""
        new = list(records)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut = self.path.exists() and not self.path.read_bytes().endswith(b"\n")  # by a stop
        with self.path.open("a") as file:
            file.write("\n" * cut)
            file.writelines(json.dumps({"key": self.key, **record}) + "\n" for record in new)
        self.records += new


def _read(line: str) -> dict[str, Any] | None:
    """A record; None for a line that a stop has cut."""
    try:
        record: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return None
    return record
