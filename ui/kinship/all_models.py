"""Every model asked about one pair: verdicts, scores, thresholds and times, and how far they agree."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from models.tasks import TASKS
from ui.shared import answering, cards, picker
from ui.shared.answering import Answer
from ui.shared.failures import FAILURES
from ui.shared.photos import Shot


@dataclass(frozen=True)
class Row:
    """What one weight answered.

    Attributes:
        weight: its name.
        answer: None where it failed.
        seconds: for the pair, its network loaded.
        failed: why there is no answer; empty otherwise.
    """

    weight: str
    answer: Answer | None
    seconds: float = 0.0
    failed: str = ""

    @property
    def above(self) -> bool:
        """Does the score reach the weight's own threshold?"""
        return self.answer is not None and self.answer.score >= answering.sidecar(self.weight).rule.threshold


def ask_all(a: Shot, b: Shot) -> Iterator[list[Row]]:
    """Ask one weight after another -> the rows so far, after each."""
    rows: list[Row] = []
    for weight in answering.pair_weights():
        rows.append(_ask(a, b, weight))
        yield rows


def _ask(a: Shot, b: Shot, weight: str) -> Row:
    try:
        answering.network(weight)  # its time is not the model's
        start = time.perf_counter()
        given = answering.answer(a, b, weight)
        return Row(weight, given, time.perf_counter() - start)
    except FAILURES as error:
        return Row(weight, None, failed=str(error))


def table(rows: Sequence[Row], *, of: int) -> str:
    """The rows under the question they answer, and above them how far the models agree.

    Args:
        rows: so far.
        of: how many there will be.
    """
    heads = "".join(f"<th scope='col'>{h}</th>" for h in ("model", "answer", "score", "threshold", "time"))
    body = "".join(_group(task, [r for r in rows if answering.sidecar(r.weight).task == task]) for task in TASKS)
    waiting = (
        "" if len(rows) == of else f"<p class='ks-sub' role='status'>{len(rows)} of {of} models have answered.</p>"
    )
    return (
        f"{agreement(rows)}{waiting}<div class='ks-scroll'><table class='ks-table ks-all'><caption>Each model at the "
        f"threshold it was shipped with; time for this pair on this machine</caption><thead><tr>{heads}"
        f"</tr></thead><tbody>{body}</tbody></table></div>"
    )


def agreement(rows: Sequence[Row]) -> str:
    """ "Blood relatives? 5 of 8 models: blood relatives." a line a question."""
    lines = ""
    for name, task in TASKS.items():
        given = [row.above for row in rows if row.answer and answering.sidecar(row.weight).task == name]
        if given:
            most = max(given.count(True), given.count(False))
            words = task.decision(given.count(True) >= given.count(False))
            split = most * 2 == len(given)
            said = "they are split evenly" if split else f"{most} of {len(given)} models say: {words}"
            lines += f"<li><b>{escape(task.question)}</b> {escape(said)}.</li>"
    return f"<ul class='ks-readings ks-agreement'>{lines}</ul>" if lines else ""


def _group(task: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    head = f"<tr><th class='ks-group' colspan='5' scope='rowgroup'>{escape(TASKS[task].question)}</th></tr>"
    return head + "".join(_line(row) for row in rows)


def _line(row: Row) -> str:
    name = f"<th scope='row'>{escape(picker.plain(row.weight))}</th>"
    if row.answer is None:
        return f"<tr data-weight='{escape(row.weight)}'>{name}<td colspan='4'>{escape(row.failed)}</td></tr>"
    rule = answering.sidecar(row.weight)
    cells = (
        TASKS[rule.task].decision(row.above),
        cards.percent(row.answer.score),
        cards.percent(rule.rule.threshold),
        f"{row.seconds:.2f} s",
    )
    listed = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f"<tr data-weight='{escape(row.weight)}' data-score='{row.answer.score!r}'>{name}{listed}</tr>"
