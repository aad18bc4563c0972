"""What the folded comparisons do: all models on this pair, and this pair among the pairs of the calibration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from explain.core.scores import roc_figure, spread, spread_figure
from models.tasks import TASKS
from ui.kinship import all_models
from ui.shared import answering, cards
from ui.shared.answering import Answer
from ui.shared.photos import Shot

STOPPED = "Stopped: the table holds what was answered until then."
PLOT_HEIGHT = 340


def ask_all(opened: bool | None, filled: Any, a: Shot | None, b: Shot | None) -> Iterator[list[Any]]:
    """Values for what the part was filled for, its panel, table, note and stop button, as the answers come.

    Nothing where the part is closed; a pair that every model has answered is not asked about again.
    """
    pair = _pair(a, b)
    if not opened or a is None or b is None:
        yield [gr.skip()] * 5
    elif pair == filled:
        yield [gr.skip(), gr.update(elem_classes=[]), *[gr.skip()] * 3]
    else:
        yield from _ask_all(a, b, pair)


def _ask_all(a: Shot, b: Shot, pair: Any) -> Iterator[list[Any]]:
    total, shown = len(answering.pair_weights()), gr.update(elem_classes=[])
    rows: list[all_models.Row] = []
    yield [None, shown, all_models.table([], of=total), "", gr.update(visible=True)]
    for rows in all_models.ask_all(a, b):
        yield [gr.skip(), gr.skip(), all_models.table(rows, of=total), gr.skip(), gr.skip()]
    failed = any(row.failed for row in rows)
    yield [None if failed else pair, gr.skip(), gr.skip(), "", gr.update(visible=False)]


def _pair(a: Shot | None, b: Shot | None) -> Any:
    """What makes a pair another one: files, and where the chosen faces are."""
    return tuple((shot.path, shot.marks[shot.chosen].keypoints.tobytes()) for shot in (a, b) if shot)


def stopped() -> tuple[str, Any]:
    """After a stop: a note, and no stop button."""
    return cards.message(STOPPED), gr.update(visible=False)


def place(answer: Answer | None, threshold: float) -> tuple[str, Any, Any]:
    """Where a score lies among those of the calibration pairs: in words, histograms, ROC; no model runs."""
    if answer is None:
        return "", None, None
    row = answering.sidecar(answer.weight)
    points, task = row.rule.operating_points, TASKS[row.task]
    found, (far, tar) = spread(points), points.at(answer.score)
    bars = spread_figure(found, answer.score, threshold, (task.yes, task.no))
    roc = roc_figure(points, answer.score, threshold)
    counted = "" if found.exact else " The weight keeps rates at some thresholds; between them they are interpolated."
    words = (
        f"<p class='ks-caption'><b>A score of {cards.percent(answer.score)} or more</b> was reached by "
        f"<b>{cards.percent(tar)}</b> of the pairs that are {task.yes}, and by <b>{cards.percent(far)}</b> of those "
        f"that are {task.no}. Pairs: {points.protocol}.{counted}</p>"
    )
    return words, *(plot.update_layout(height=PLOT_HEIGHT) for plot in (bars, roc))
