"""A leaderboard a question: the best first, by the figure that ranks the models of its task (models/tasks.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from models.evaluations import SEARCH_FIGURES, value_at
from models.tasks import TASKS
from models.weights import Sidecar
from ui.models.figures import is_number, with_interval
from ui.shared import picker

Path = tuple[str, ...]
CHANCE: Path = ("breakdown", "random order")


@dataclass(frozen=True)
class Board:
    """One leaderboard.

    Attributes:
        title: what is ranked, and by what.
        evaluation: key of Sidecar.metrics.
        columns: heading -> keys that lead to the figure in a report; the first one ranks.
        task: whose models are named when they were not measured; "" for none.
    """

    title: str
    evaluation: str
    columns: Mapping[str, Path]
    task: str = ""


SEARCH = Board(
    "Find relatives in a gallery: by mAP on Families In the Wild",
    "search",
    SEARCH_FIGURES,
)


def all_boards() -> list[Board]:
    """One a task, and that of searches."""
    found = []
    for name, task in TASKS.items():
        title = f"{task.question} By {task.figures[0][0]} on {task.data}"
        found.append(Board(title, task.evaluation, {word: (key,) for word, key in task.figures}, name))
    return [*found, SEARCH]


def boards(rows: Sequence[Sidecar]) -> str:
    """All leaderboards that have somebody on them."""
    return "".join(board(one, rows) for one in all_boards())


def board(one: Board, rows: Sequence[Sidecar]) -> str:
    """A table, the best first; below it who was not measured. Empty when nobody was."""
    ranks = next(iter(one.columns.values()))
    found = [(row, row.metrics[one.evaluation]) for row in rows if one.evaluation in row.metrics]
    measured = sorted(
        ((row, report) for row, report in found if is_number(value_at(report, ranks))),
        key=lambda pair: -value_at(pair[1], ranks),
    )
    if not measured:
        return ""
    body = "".join(_row(place, row, report, one) for place, (row, report) in enumerate(measured, 1))
    body += _chance(measured[0][1], one)
    heads = "".join(f"<th scope='col'>{escape(h)}</th>" for h in ("place", "model", *one.columns))
    left = [r for r in rows if r.task == one.task and r.name not in {row.name for row, _ in measured}]
    return (
        f"<section class='ks-board'><h3>{escape(one.title)}</h3><div class='ks-scroll'><table class='ks-table'><thead>"
        f"<tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>{_unmeasured(left)}</section>"
    )


def _row(place: int, row: Sidecar, report: Mapping[str, Any], one: Board) -> str:
    return (
        f"<tr><td>{place}</td><th scope='row'><button type='button' data-open='{escape(row.name)}'>"
        f"{escape(picker.plain(row.name))}</button></th>{_cells(report, one)}</tr>"
    )


def _chance(report: Mapping[str, Any], one: Board) -> str:
    """What a random order gives, where it was measured."""
    chance = value_at(report, CHANCE)
    return f"<tr><td></td><th scope='row'>a random order</th>{_cells(chance, one)}</tr>" if chance else ""


def _cells(report: Mapping[str, Any], one: Board) -> str:
    return "".join(f"<td>{with_interval(value_at(report, p[:-1]), p[-1])}</td>" for p in one.columns.values())


def _unmeasured(rows: Sequence[Sidecar]) -> str:
    named = ", ".join(f"<code>{escape(row.name)}</code>" for row in rows)
    return f"<p class='ks-protocol'>Not measured on it: {named}.</p>" if named else ""
