"""One row of the table of models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One registered model.

    Attributes:
        cls, config: "module:Class" of the network and of its config dataclass.
        task: a row of models/tasks.py.
        title, summary: for people; the summary is one sentence.
        values: keyword arguments for the config that differ from its defaults.
        joins: the models it is made of, if it is several in one; it then costs as much as they do together.
    """

    cls: str
    config: str
    task: str
    title: str
    summary: str
    values: dict[str, Any] = field(default_factory=dict)
    joins: tuple[str, ...] = ()
