"""The Kinship tab: two photos in; answer, evidence, faithfulness and report out."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from models.prior import EVEN
from ui.kinship import callbacks as do
from ui.kinship import gallery
from ui.shared import answering, cards
from ui.shared.evidence_view import EvidenceViewer, evidence_viewer, then_show
from ui.shared.evidence_view import wire as wire_inside
from ui.shared.widgets import (
    FETCH,
    MAKES,
    RUNS,
    SESSION_SECONDS,
    VIEWS,
    HeatmapViewer,
    PhotoInput,
    ReportButton,
    heatmap_viewer,
    on_change,
    photo_input,
    report_button,
)

LIMITS = """
- **The score** is a calibrated probability for pairs like those it was calibrated on. For other kinds of people,
  photos or ages it may be off. Resemblance is not kinship; relatives may not look alike.
- **A map** shows which places of this crop moved this answer of this model, by one method's definition. It does not
  show what kinship looks like, and two methods may disagree.
- **Attention and links** are the weights this pass computed with. They tell where values were read and how much they
  counted there; what later layers made of them they do not tell.
- **The parts of the log-odds** add up exactly, yet no part stands alone: gates and norms depend on all of them.
- **The region table** covers one region at a time. What two regions carry together it does not see, and a covered face
  is itself an unusual input.
- **The faithfulness curves** test whether the places a map calls important matter to the model more than random places
  do. A faithful map of a wrong answer is still of a wrong answer.
"""


PRIOR = "Share of matching pairs among pairs like this one. The decision does not depend on it."


class Page(NamedTuple):
    """The components that callbacks fill."""

    a: PhotoInput
    b: PhotoInput
    weight: gr.Dropdown
    examples: gr.HTML
    card: gr.HTML
    details: gr.HTML
    threshold: gr.Slider
    prior: gr.Slider
    answer: gr.State
    viewer: HeatmapViewer
    inside: EvidenceViewer
    rest: gr.Column
    regions: gr.Row
    region_plot: gr.Plot
    region_table: gr.HTML
    curves: gr.Column
    curve_a: gr.Plot
    curve_b: gr.Plot
    curve_table: gr.HTML
    report: ReportButton

    @property
    def filled(self) -> list[Any]:
        """What first_view returns values for."""
        shown = [self.weight, self.answer, self.inside.seen, self.card, self.details, self.threshold, self.rest]
        maps = [self.viewer.method, self.viewer.layer, self.viewer.maps, self.viewer.view]
        below = [self.region_plot, self.region_table, self.curve_a, self.curve_b, self.curve_table]
        return [*self.a.outputs, *self.b.outputs, *shown, *maps, *below, *self.inside.filled]


def build() -> Page:
    """Lay two faces out and wire them; the components are for pages that send a pair here."""
    examples = gr.HTML(gallery.gallery(), elem_id="examples", js_on_load=gallery.PICKED)
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            a, b = photo_input("A"), photo_input("B")
            weight = _weight_picker()
            gr.HTML(cards.NOTICE)
        with gr.Column(scale=8, min_width=320):
            page = _right_side(a, b, weight, examples)
    _wire(page)
    ready = gr.on(None, do.prepare_first_view, None, None, **VIEWS)
    done = [weight, a.shot, b.shot, a.pending, b.pending]
    ready.then(partial(_first_view, page), done, page.filled, **VIEWS)
    return page


def _first_view(page: Page, weight: str | None, *brought: Any) -> dict[Any, Any]:
    """A finished example, or why there is none; nothing for a visitor who was faster: a photo, another model."""
    if any(brought) or weight != answering.default_weight():
        return {}
    try:
        values = do.first_view()
    except do.FAILURES as error:
        return {page.card: cards.message(str(error), error=True)}
    if values is None:
        return {page.card: cards.message(do.UNTRAINED, error=True)}
    return dict(zip(page.filled, values, strict=True))


def _weight_picker() -> gr.Dropdown:
    names = answering.pair_weights()
    choices = [(answering.title(n), n) for n in names]
    default = answering.default_weight()
    info = answering.measured(default) if default else None
    return gr.Dropdown(choices, value=default, label="Model", info=info, interactive=True, elem_id="model")


def _right_side(a: PhotoInput, b: PhotoInput, weight: gr.Dropdown, examples: gr.HTML) -> Page:
    """The answer; below it, once there is one, evidence, faithfulness and report."""
    card = gr.HTML(cards.message(do.WORKING), elem_id="answer")
    answer = gr.State(None, time_to_live=SESSION_SECONDS)
    with gr.Column(visible=False) as rest:
        info = "Above it the answer is yes. Moving it recomputes nothing: it shows what another threshold would cost."
        threshold = gr.Slider(0, 1, 0.5, step=0.001, label="Threshold", info=info, elem_id="threshold", buttons=[])
        prior = gr.Slider(0.01, 0.99, EVEN, step=0.01, label="Prior", info=PRIOR, elem_id="prior", buttons=[])
        details = gr.HTML(elem_id="details")
        gr.Markdown("## What the model looked at")
        viewer = heatmap_viewer()
        gr.Markdown("## Can the map be trusted?")
        with gr.Column() as curves:
            with gr.Row():
                curve_a = gr.Plot(show_label=False, min_width=300, elem_id="curve-a")
                curve_b = gr.Plot(show_label=False, min_width=300, elem_id="curve-b")
            curve_table = gr.HTML(elem_id="curve-table")
        inside = evidence_viewer()
        gr.Markdown("## Which regions carry the score")
        with gr.Row() as regions:
            with gr.Column(scale=5, min_width=300):
                region_plot = gr.Plot(show_label=False, elem_id="region-plot")
            with gr.Column(scale=3, min_width=240):
                region_table = gr.HTML(elem_id="region-table")
        report = report_button()
    gr.Markdown("## What this shows, and what it does not\n" + LIMITS)
    shown = (regions, region_plot, region_table, curves, curve_a, curve_b, curve_table, report)
    return Page(a, b, weight, examples, card, details, threshold, prior, answer, viewer, inside, rest, *shown)


def _wire(page: Page) -> None:
    """Every event of the tab. Events of a photo, a model or a method run networks; threshold and opacity never do."""
    for photo in (page.a, page.b):
        on_change(photo, lambda event: then_answer(event, page))
    then_answer(page.weight.input(do.own_threshold, page.weight, page.threshold, **VIEWS), page)
    filled = [*page.a.outputs, *page.b.outputs, page.weight]
    loaded = page.examples.click(do.picked_example, None, filled, show_progress_on=page.card, **RUNS)
    then_answer(loaded.then(do.own_threshold, page.weight, page.threshold, **VIEWS), page)
    page.weight.change(do.describe, page.weight, page.weight, **VIEWS)
    _wire_viewer(page)
    wire_inside(page.inside, page.viewer.opacity)
    # input, not change: a slider that a new model sets must not draw the old answer over the new one
    asked = [page.answer, page.threshold, page.prior, page.a.shot, page.b.shot]
    for slider in (page.threshold, page.prior):
        slider.input(do.set_threshold, asked, [page.card, page.details], **VIEWS)
    made = page.report.button.click(
        do.make_report,
        [page.a.shot, page.b.shot, page.viewer.maps, page.threshold, page.viewer.opacity, *_looked_at(page.inside)],
        [page.report.file, page.report.note],
        show_progress_on=page.report.button,
        **MAKES,
    )
    made.success(None, None, None, js=FETCH, api_visibility="private")


def _looked_at(inside: EvidenceViewer) -> list[Any]:
    """What the report is told of the patch on the page."""
    return [inside.seen, inside.attention.layer, inside.attention.head, inside.attention.place, inside.links.number]


def _wire_viewer(page: Page) -> None:
    viewer = page.viewer
    chosen = viewer.method.input(do.offer_layers, [page.weight, viewer.method], viewer.layer, **VIEWS)
    _then_explain(chosen, page)
    _then_explain(viewer.layer.input(None, show_progress="hidden", api_visibility="private"), page)
    viewer.opacity.input(
        do.redraw,
        [viewer.maps, page.a.shot, page.b.shot, viewer.opacity],
        viewer.view,
        **VIEWS,
    )


def then_answer(event: Any, page: Page) -> None:
    """After `event`: the answer, the pickers that fit the model, the maps, and the covered regions."""
    answered = _mark(event, page.regions, page.viewer.view, page.curves, former=True).then(
        do.answer_pair,
        [page.a.shot, page.b.shot, page.weight, page.threshold, page.prior],
        [page.answer, page.card, page.details, page.rest, page.inside.seen],
        show_progress_on=page.card,
        **RUNS,
    )
    viewer = page.viewer
    shown = then_show(answered, page.inside, viewer.opacity)
    offered = shown.then(do.offer_methods, [page.weight, viewer.method], [viewer.method, viewer.layer], **VIEWS)
    covered = _then_explain(offered, page).then(
        do.cover_regions,
        [page.a.shot, page.b.shot, page.answer],
        [page.region_plot, page.region_table],
        show_progress_on=page.region_plot,
        **RUNS,
    )
    _mark(covered, page.regions, former=False)


def _mark(event: Any, *panels: Any, former: bool) -> Any:
    """After `event`: fade panels that still show a former answer, or show them in full again; returns the step."""
    classes = ["ks-former"] if former else []
    return event.then(lambda: {p: gr.update(elem_classes=classes) for p in panels}, None, list(panels), **VIEWS)


def _then_explain(event: Any, page: Page) -> Any:
    """After `event`: maps and their faithfulness; returns the last step."""
    viewer, shots = page.viewer, [page.a.shot, page.b.shot]
    explained = _mark(event, viewer.view, page.curves, former=True).then(
        do.explain_pair,
        [*shots, page.answer, viewer.method, viewer.layer, viewer.opacity],
        [viewer.maps, viewer.view],
        show_progress_on=viewer.view,
        **RUNS,
    )
    checked = _mark(explained, viewer.view, former=False).then(
        do.check_maps,
        [*shots, viewer.maps],
        [page.curve_a, page.curve_b, page.curve_table],
        show_progress_on=page.curve_a,
        **RUNS,
    )
    return _mark(checked, page.curves, former=False)
