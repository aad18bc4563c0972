"""The panel in which keypoints of photo 2 are placed by hand, see ui/partial/placing.py."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from models import KEYPOINT_NAMES
from ui.partial import placing
from ui.shared.widgets import RUNS, VIEWS, PhotoInput

HOW = (
    "<p class='ks-caption'>Pick a keypoint, then click on photo 2 where it is; or type pixels of the photo. Empty rows "
    "are unknown: two keypoints are enough.</p>"
)


class Panel(NamedTuple):
    """Its components."""

    fold: gr.Accordion
    picked: gr.Radio
    unseen: gr.Button
    table: gr.Dataframe
    place: gr.Button
    other: gr.Button
    detected: gr.Button


def build() -> Panel:
    """Lay the panel out, folded."""
    with gr.Accordion("Place photo 2's face by hand", open=False, elem_id="part-panel") as fold:
        gr.HTML(HOW)
        names = [(name, i) for i, name in enumerate(KEYPOINT_NAMES)]
        picked = gr.Radio(names, label="Keypoint to place", elem_id="part-picked")
        unseen = gr.Button("Picked keypoint cannot be seen", size="sm", elem_id="part-unseen")
        table = gr.Dataframe(
            placing.rows_of(None),
            headers=["keypoint", "x", "y"],
            datatype=["str", "str", "str"],
            type="array",
            row_count=5,
            column_count=3,
            interactive=True,
            static_columns=[0],
            buttons=[],
            show_label=False,
            elem_id="part-table",
            column_widths=["46%", "27%", "27%"],
            wrap=True,
        )
        place = gr.Button("Place the face by this table", size="sm", variant="primary", elem_id="part-place")
        with gr.Row():
            other = gr.Button("As in photo 1", size="sm", min_width=110, elem_id="part-other")
            detected = gr.Button("As detected", size="sm", min_width=110, elem_id="part-detected")
    return Panel(fold, picked, unseen, table, place, other, detected)


def wire(panel: Panel, first: PhotoInput, second: PhotoInput) -> tuple[list[Any], Any]:
    """Clicks and buttons fill the table and place the face.

    Returns:
        The events after which the face lies elsewhere, and the one after which it lies where it was detected.
    """
    table, placed = panel.table, [second.shot, panel.table]
    second.image.select(placing.click, [second.shot, panel.picked, table], table, **VIEWS)
    panel.unseen.click(placing.clear, [panel.picked, table], table, **VIEWS)
    by_table = panel.place.click(placing.place, placed, second.outputs, **RUNS)
    taken = panel.other.click(placing.from_other, [first.shot, second.shot], table, **VIEWS)
    as_other = taken.then(placing.place, placed, second.outputs, **RUNS)
    back = panel.detected.click(placing.detected, second.shot, [*second.outputs, panel.fold], **RUNS)
    return [by_table, as_other], back
