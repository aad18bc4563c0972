"""Parents and child: three photos in; one answer, who carries it, maps, their faithfulness and a report out."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from ui.kinship import tri_answers as triplet
from ui.kinship import tri_callbacks as do
from ui.kinship.callbacks import offer_layers, offer_methods
from ui.shared import cards, making, picker
from ui.shared.addresses import Place, place
from ui.shared.chains import Start
from ui.shared.folds import fold, mark, remember
from ui.shared.offering import MEASURED
from ui.shared.widgets import RUNS, SESSION_SECONDS, VIEWS, PhotoInput, on_change, photo_input

LIMITS = """
- **The score** asks both parents at once: it is the mean of the log-odds of the two pairs, made a probability by a
  calibration on triplets where the weight has one. One strong pair can outweigh a weak one: look at both.
- **A map** belongs to one pair: the child has one beside the father and one beside the mother, and they may differ.
- **The faithfulness table** tests each map against random places by its own pair's score.
"""


class Page(NamedTuple):
    """The components that callbacks fill."""

    father: PhotoInput
    mother: PhotoInput
    child: PhotoInput
    weight: gr.Dropdown
    example: gr.Button
    card: gr.HTML
    rest: gr.Column
    threshold: gr.Slider
    shares: gr.HTML
    open_father: gr.Button
    open_mother: gr.Button
    method: gr.Dropdown
    layer: gr.Dropdown
    opacity: gr.Slider
    view: gr.HTML
    curve_table: gr.HTML
    answer: gr.State
    maps: gr.State
    report: making.FileButton
    here: Place
    to_answer: Start
    to_explain: Start

    @property
    def shots(self) -> list[Any]:
        """The session's memory of the three photos."""
        return [self.father.shot, self.mother.shot, self.child.shot]

    @property
    def photos(self) -> list[Any]:
        """What load_example returns values for."""
        return [*self.father.outputs, *self.mother.outputs, *self.child.outputs]


def build() -> Page:
    """Lay the page out and wire it."""
    with gr.Row():
        with gr.Column(scale=4, min_width=320, elem_classes=["ks-stay", "ks-tall"]):
            father, mother, child = _photos()
            choices = [(picker.title(n), n) for n in triplet.weights()]
            weight = gr.Dropdown(
                choices, value=triplet.default_weight(), label="Model", interactive=True, elem_id="tri-model"
            )
            example = gr.Button("Try an example: three people who are no family", size="sm")
            with gr.Column(min_width=0) as slot:
                pass
            gr.HTML(cards.NOTICE, elem_classes="ks-last")
        with gr.Column(scale=8, min_width=320):
            page = Page(father, mother, child, weight, example, *_right_side())
    gives = {"Father": father.shot, "Mother": mother.shot, "Child": child.shot}
    page = page._replace(here=page.here._replace(gives=gives, slot=slot))
    _wire(page)
    return page


def _photos() -> list[PhotoInput]:
    """Both parents side by side at every width, the child below."""
    found = []
    for names in (("father", "mother"), ("child",)):
        with gr.Row(elem_classes="ks-pair"):
            for name in names:
                with gr.Column(min_width=130):
                    found.append(photo_input(name, name.capitalize(), 200))
    return found


def _right_side() -> tuple[Any, ...]:
    """The answer; below it, once there is one, who carries it, evidence, faithfulness and report."""
    card = gr.HTML(cards.message(do.WAITING), elem_id="tri-answer")
    with gr.Column(visible=False) as rest:
        threshold = gr.Slider(0, 1, 0.5, step=0.001, label="Threshold", elem_id="tri-threshold", buttons=[])
        gr.Markdown("## What each parent adds")
        shares = gr.HTML(elem_id="tri-shares")
        with gr.Row():
            openers = [gr.Button(f"Open {p} and child as two faces", size="sm", min_width=220) for p in triplet.PARENTS]
        gr.Markdown("## What the model looked at")
        with gr.Row():
            method = gr.Dropdown(label="Method", info=MEASURED, interactive=True, min_width=200, elem_id="tri-method")
            layer = gr.Dropdown(label="Layer", interactive=True, min_width=200, visible=False, elem_id="tri-layer")
            opacity = gr.Slider(
                0, 1, 0.5, step=0.05, label="Opacity of the map", min_width=180, elem_id="tri-opacity", buttons=[]
            )
        view = gr.HTML(elem_id="tri-maps", min_height=120)
        curve_table = gr.HTML(elem_id="tri-curves", min_height=60)
        answer, maps = (gr.State(None, time_to_live=SESSION_SECONDS) for _ in range(2))
        report = making.file_button("tri-report")
    with fold("What this shows, and what it does not", "tri-limits") as limits:
        gr.Markdown(LIMITS)
    remember(limits)
    views = (method, layer, opacity, view, curve_table)
    here = place("parents", "Parents and child", do.offers(), do.TAKES)
    return card, rest, threshold, shares, *openers, *views, answer, maps, report, here, Start(), Start()


def _wire(page: Page) -> None:
    """Events of a photo, a model or a method run networks; threshold and opacity never do."""
    _wire_answer(page)
    _wire_maps(page)
    gr.on(None, do.own_threshold, page.weight, page.threshold, **VIEWS)
    for photo in (page.father, page.mother, page.child):
        on_change(photo, lambda event: then_answer(event, page))
    then_answer(page.weight.input(do.own_threshold, page.weight, page.threshold, **VIEWS), page)
    given, filled = [page.here.asked, *page.shots], [*page.photos, page.weight, page.method]
    come = page.here.asked.change(do.visit, given, filled, **RUNS)
    given = [page.here.asked, page.weight]
    then_answer(come.success(do.asked_threshold, given, page.threshold, **VIEWS), page)
    then_answer(page.example.click(do.load_example, None, page.photos, **RUNS), page)
    chosen = page.method.input(offer_layers, [page.weight, page.method], page.layer, **VIEWS)
    page.to_explain.after(chosen)
    page.to_explain.on(page.layer.input)
    page.opacity.input(do.redraw, [*page.shots, page.maps, page.opacity], page.view, **VIEWS)
    page.threshold.input(do.set_threshold, [page.answer, page.threshold, *page.shots], page.card, **VIEWS)
    told = [page.here.asked, page.weight, page.threshold, page.method, page.layer]
    page.threshold.input(partial(do.tell_family, page.here), told, page.here.told, **VIEWS)
    shown = [page.answer, page.maps, page.method, page.layer, page.threshold, page.opacity]
    making.wire(page.report, do.make_report, [*page.shots, *shown])


def then_answer(event: Any, page: Page) -> None:
    """After `event`: the answer, the pickers that fit the model, and the maps."""
    page.to_answer.after(event)


def _wire_answer(page: Page) -> None:
    answered = mark(page.to_answer, page.shares, page.view, page.curve_table, former=True).then(
        do.answer_family,
        [*page.shots, page.weight, page.threshold],
        [page.answer, page.card, page.shares, page.rest],
        show_progress_on=page.card,
        **RUNS,
    )
    asked = [page.weight, page.method, page.here.asked, page.maps]
    shown = mark(answered, page.shares, former=False)
    page.to_explain.after(shown.then(offer_methods, asked, [page.method, page.layer], **VIEWS))


def _wire_maps(page: Page) -> None:
    """The maps of both pairs and their faithfulness."""
    explained = mark(page.to_explain, page.view, page.curve_table, former=True).then(
        partial(do.explain_and_tell, page.here),
        [page.here.asked, page.weight, page.threshold, *page.shots, page.answer, page.method, page.layer, page.opacity],
        [page.maps, page.view, page.here.told],
        show_progress_on=page.view,
        **RUNS,
    )
    given, table = [*page.shots, page.answer, page.maps], page.curve_table
    shown = mark(explained, page.view, former=False)
    mark(shown.then(do.check_maps, given, table, show_progress_on=table, **RUNS), table, former=False)
