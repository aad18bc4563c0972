"""What the model gave away while it answered: attention of a patch, links between the faces, parts of the log-odds.

A section is there only where the model has that evidence. Everything is drawn from the raw weights in the session's
state: nothing here runs a model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from explain.core.render_evidence import SIDE
from ui.shared import evidence_callbacks as do
from ui.shared.widgets import SESSION_SECONDS, VIEWS


class AttentionViewer(NamedTuple):
    """Self-attention: a patch on either face, and where it reads."""

    column: gr.Column
    layer: gr.Dropdown
    head: gr.Dropdown
    place: gr.State
    row: gr.Slider
    col: gr.Slider
    a: gr.Image
    b: gr.Image
    note: gr.HTML

    @property
    def drawn(self) -> list[Any]:
        """What draw_attention returns values for."""
        return [self.row, self.col, self.a, self.b, self.note]


class LinksViewer(NamedTuple):
    """Cross-attention: a patch on one face, and where it looks on the other."""

    column: gr.Column
    layer: gr.Dropdown
    face: gr.Radio
    place: gr.State
    row: gr.Slider
    col: gr.Slider
    a: gr.Image
    b: gr.Image
    note: gr.HTML
    number: gr.Slider
    lines: gr.HTML

    @property
    def drawn(self) -> list[Any]:
        """What draw_links returns values for."""
        return [self.row, self.col, self.a, self.b, self.note]


class SharesViewer(NamedTuple):
    """Parts of the log-odds: bars and a table."""

    column: gr.Column
    plot: gr.Plot
    table: gr.HTML


class EvidenceViewer(NamedTuple):
    """The three sections and the raw evidence behind them."""

    seen: gr.State
    attention: AttentionViewer
    links: LinksViewer
    shares: SharesViewer

    @property
    def filled(self) -> list[Any]:
        """What evidence_callbacks.show returns values for."""
        return [*self.attention, *self.links, *self.shares]


def evidence_viewer() -> EvidenceViewer:
    """Lay the sections out, all of them hidden."""
    seen = gr.State(None, time_to_live=SESSION_SECONDS)
    return EvidenceViewer(seen, _attention_viewer(), _links_viewer(), _shares_viewer())


def _attention_viewer() -> AttentionViewer:
    with gr.Column(visible=False, elem_id="attention") as column:
        gr.Markdown("## Where a patch reads: self-attention\nClick a patch on either face.")
        with gr.Row():
            layer = gr.Dropdown(label="Layer", interactive=True, min_width=280, elem_id="attention-layer")
            head = gr.Dropdown(label="Head", interactive=True, min_width=160, elem_id="attention-head")
        a, b = _faces("attention")
        row, col = _row_and_column("attention")
        note = gr.HTML(elem_id="attention-note")
    return AttentionViewer(column, layer, head, _place(), row, col, a, b, note)


def _links_viewer() -> LinksViewer:
    with gr.Column(visible=False, elem_id="links") as column:
        gr.Markdown("## Which places go together: cross-attention\nClick a patch on one face: the other lights up.")
        with gr.Row():
            layer = gr.Dropdown(label="Layer", interactive=True, min_width=200, elem_id="links-layer")
            face = gr.Radio([("Face A", 0), ("Face B", 1)], value=0, label="The patch lies on", elem_id="links-face")
        a, b = _faces("links")
        row, col = _row_and_column("links")
        note = gr.HTML(elem_id="links-note")
        number = gr.Slider(
            1, 60, do.LINKS, step=1, label="Strongest links drawn as lines", elem_id="links-count", buttons=[]
        )
        lines = gr.HTML(elem_id="links-lines")
    return LinksViewer(column, layer, face, _place(), row, col, a, b, note, number, lines)


def _shares_viewer() -> SharesViewer:
    with gr.Column(visible=False, elem_id="shares") as column:
        gr.Markdown("## What the answer is the sum of")
        with gr.Row():
            with gr.Column(min_width=300):
                plot = gr.Plot(show_label=False, elem_id="shares-plot")
            with gr.Column(min_width=300):
                table = gr.HTML(elem_id="shares-table")
    return SharesViewer(column, plot, table)


def _faces(name: str) -> list[gr.Image]:
    """Two crops side by side, at every width, to be clicked."""
    with gr.Row(elem_classes="ks-pair"):
        return [
            gr.Image(
                label=f"Face {face}",
                interactive=False,
                format="jpeg",
                min_width=120,
                buttons=[],
                elem_id=f"{name}-{face.lower()}",
                elem_classes="ks-click",
                alt_text=f"Aligned crop of face {face}, {SIDE} px, with the grid of patches",
            )
            for face in "AB"
        ]


def _row_and_column(name: str) -> list[gr.Slider]:
    """The patch by numbers, for keyboards."""
    with gr.Row():
        return [
            gr.Slider(1, 4, 1, step=1, label=f"{what} of the patch", min_width=140, elem_id=f"{name}-{key}", buttons=[])
            for what, key in (("Row", "row"), ("Column", "column"))
        ]


def _place() -> gr.State:
    return gr.State(None, time_to_live=SESSION_SECONDS)


def wire(viewer: EvidenceViewer, opacity: gr.Slider) -> None:
    """Clicks, pickers and sliders of the sections; `opacity` is the page's own."""
    _wire_attention(viewer, opacity)
    _wire_links(viewer, opacity)


def _wire_attention(viewer: EvidenceViewer, opacity: gr.Slider) -> None:
    seen, view = viewer.seen, viewer.attention

    def draw(event: Any) -> None:
        event(do.draw_attention, [seen, view.layer, view.head, view.place, opacity], view.drawn, **VIEWS)

    draw(view.layer.input(do.offer_heads, [seen, view.layer, view.head], view.head, **VIEWS).then)
    draw(view.head.input)
    draw(opacity.input)
    for face in (view.a, view.b):
        draw(face.select(do.clicked, None, view.place, **VIEWS).then)
    for slider in (view.row, view.col):
        draw(slider.input(do.attention_place, [seen, view.layer, view.row, view.col], view.place, **VIEWS).then)


def _wire_links(viewer: EvidenceViewer, opacity: gr.Slider) -> None:
    seen, view = viewer.seen, viewer.links

    def draw(event: Any) -> Any:
        return event(do.draw_links, [seen, view.layer, view.face, view.place, opacity], view.drawn, **VIEWS)

    def draw_lines(event: Any) -> None:
        event(do.draw_strongest, [seen, view.layer, view.face, view.number], view.lines, **VIEWS)

    draw_lines(draw(view.layer.input).then)
    draw_lines(draw(view.face.input).then)
    draw(opacity.input)
    draw_lines(view.number.input)
    for picture, clicked in ((view.a, do.clicked_on_a), (view.b, do.clicked_on_b)):
        draw_lines(draw(picture.select(clicked, None, [view.place, view.face], **VIEWS).then).then)
    sliders = [seen, view.layer, view.face, view.row, view.col]
    for slider in (view.row, view.col):
        draw(slider.input(do.links_place, sliders, view.place, **VIEWS).then)
