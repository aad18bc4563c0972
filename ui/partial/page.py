"""The tab Partial face: crop or cover the second photo's face and see which parts carry the match."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import gradio as gr

from explain.partial.edit import PRESETS, Edit
from explain.partial.find import APART, POOLED
from models.faces.partial_crops import FACTORS, LANDMARKS, WHOLE
from ui.partial import answers as parting
from ui.partial import callbacks as do
from ui.partial import placing, placing_panel
from ui.partial.answers import EDITOR_SIDE
from ui.partial.editor import drawing_editor
from ui.partial.placing_panel import Panel
from ui.partial.words import HOW, LABELS, LIMITS
from ui.shared import cards, making
from ui.shared.addresses import Place, place
from ui.shared.chains import Start
from ui.shared.first_visit import first_visit
from ui.shared.folds import REOPEN, Fold, fade, fill, fold, mark, remember
from ui.shared.widgets import RUNS, SESSION_SECONDS, VIEWS, PhotoInput, on_change, photo_input

NEEDS = parting.NEEDS
PICKED = (
    "element.addEventListener('click', e => { const hit = e.target.closest('[data-part]'); if (!hit) return;"
    " element.querySelectorAll('[data-part]').forEach("
    "x => x.setAttribute('aria-pressed', x.dataset.part === hit.dataset.part));"
    " trigger('click', {part: Number(hit.dataset.part)}); });"
)
"""A press on a bar or a map tells its number, and marks it at once."""


class Page(NamedTuple):
    """The components that callbacks fill."""

    first: PhotoInput
    second: PhotoInput
    panel: Panel
    example: gr.Button
    preset: gr.Radio
    factor: gr.Slider
    centred: gr.Checkbox
    editor: gr.ImageEditor
    card: gr.HTML
    seen: gr.HTML
    rest: gr.Column
    kind: gr.Radio
    opacity: gr.Slider
    parts: gr.HTML
    large: gr.HTML
    area: Fold
    around: gr.Radio
    curve: gr.Plot
    lost: Fold
    order: gr.HTML
    limits: Fold
    report: making.FileButton
    edit: gr.State
    look: gr.State
    held: gr.State
    part: gr.State
    turn: gr.State
    here: Place
    to_run: Start
    to_begin: Start
    to_fresh: Start

    @property
    def shots(self) -> list[Any]:
        """The session's memory of both photos."""
        return [self.first.shot, self.second.shot]

    @property
    def begun(self) -> list[Any]:
        """What do.begin returns values for."""
        return [self.edit, self.editor, self.around]

    @property
    def examples(self) -> list[Any]:
        """What do.example returns values for."""
        return [*self.first.outputs, *self.second.outputs, self.panel.table, self.preset, self.factor]


def build() -> Page:
    """Lay the tab out and wire it."""
    with gr.Row():
        with gr.Column(scale=3, min_width=300, elem_classes=["ks-stay", "ks-tall"]):
            left = _left_side()
            with gr.Column(min_width=0) as slot:
                pass
        with gr.Column(scale=9, min_width=320):
            right = _right_side()
    gives = {"Photo 1": left[0].shot, "Photo 2": left[1].shot}
    here = place("partial", "Partial face", takes=("photo 1",))._replace(gives=gives, slot=slot)
    states: list[Any] = [gr.State(v, time_to_live=SESSION_SECONDS) for v in (Edit(), None, None, 0, None)]
    page = Page(*left, *right, *[*states, here, Start(), Start(), Start()])
    _wire(page)
    return page


def opened(tab: gr.Tab, page: Page) -> None:
    """The first time the tab is opened: a finished example, the second face partial."""
    photos, asked = [page.first, page.second], [page.here.asked]
    page.to_begin.after(first_visit(tab, do.example, photos, page.examples, on=page.card, also=asked))


def _left_side() -> list[Any]:
    """Two photos, side by side on a phone, and a panel that places the second face by hand."""
    photos = []
    with gr.Row(elem_classes=["ks-pair", "ks-stack"]):
        for name, title in (("P1", "Photo 1"), ("P2", "Photo 2")):
            with gr.Column(min_width=130):
                photos.append(photo_input(name, title, 185, by_hand=name == "P1"))
    panel = placing_panel.build()
    example = gr.Button("Try an example", size="sm")
    gr.HTML(cards.NOTICE, elem_classes="ks-last")
    return [*photos, panel, example]


def _right_side() -> list[Any]:
    """Editor and answer side by side; below them, once there is an answer, the evidence and the report."""
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            editing = _editing()
        with gr.Column(scale=5, min_width=320):
            card = gr.HTML(cards.message(do.WAITING), elem_id="part-answer")
            seen = gr.HTML(elem_id="part-seen")
    with gr.Column(visible=False) as rest:
        evidence = _evidence()
    return [*editing, card, seen, rest, *evidence]


def _editing() -> list[Any]:
    """Presets above, the editor below."""
    choices = [(LABELS.get(name, name.capitalize()), name) for name in PRESETS]
    preset = gr.Radio(choices, value=WHOLE, label="What is left of photo 2 (starts anew)", elem_id="part-preset")
    with gr.Row():
        factor = gr.Slider(
            FACTORS[0],
            FACTORS[-1],
            do.FACTOR,
            step=0.05,
            label="Size of the window",
            interactive=False,
            min_width=220,
            elem_id="part-factor",
            buttons=[],
        )
        centred = gr.Checkbox(label="Moved to the middle", min_width=130, elem_id="part-centred")
    gr.Markdown(HOW, elem_classes="ks-how")
    grey = "rgb(128, 128, 128)"
    editor = drawing_editor(
        sources=(),
        transforms=("crop",),
        layers=False,
        brush=gr.Brush(default_size=36, colors=[grey], default_color=grey, color_mode="fixed"),
        eraser=gr.Eraser(default_size=36),
        canvas_size=(EDITOR_SIDE, EDITOR_SIDE),
        height=470,
        format="png",
        buttons=[],
        show_label=False,
        elem_id="part-editor",
    )
    return [preset, factor, centred, editor]


def _parts() -> list[Any]:
    """Bars and maps of the parts on the left, the chosen one on the right."""
    gr.Markdown("## The parts, and how much each one counts\nPress a bar, or a map, to see it large.")
    with gr.Row():
        kinds = [("against the map's mean", APART), ("as pooled", POOLED)]
        kind = gr.Radio(kinds, value=APART, label="Values of the maps", min_width=230, elem_id="part-kind")
        opacity = gr.Slider(
            0, 1, 0.6, step=0.05, label="Opacity of the map", min_width=170, elem_id="part-opacity", buttons=[]
        )
    with gr.Row():
        with gr.Column(min_width=320):
            parts = gr.HTML(elem_id="part-parts", js_on_load=PICKED, min_height=200)
        with gr.Column(min_width=320):
            large = gr.HTML(elem_id="part-large", min_height=200)
    return [kind, opacity, parts, large]


def _evidence() -> list[Any]:
    """Parts and their maps, the report; folded: the curve, the order of loss, the limits."""
    shown = _parts()
    report = making.file_button("part-report")
    with gr.Column(elem_classes="ks-folds"):
        with fold("Score against the visible area", "part-area") as area:
            names = [(name.capitalize(), name) for name in LANDMARKS]
            around = gr.Radio(names, value=do.AROUND, label="Window around the", elem_id="part-around")
            curve = gr.Plot(show_label=False, elem_id="part-curve")
            gr.HTML(
                "<p class='ks-caption'>The protocol's nine sizes around this landmark, for this one pair; dotted lines "
                "are each network's threshold, diamonds the state in the editor now (whatever was done to it).</p>"
            )
        with fold("Which parts can I lose?", "part-lost") as lost:
            order = gr.HTML(elem_id="part-order", min_height=120)
        with fold("What this shows, and what it does not", "part-limits") as limits:
            gr.Markdown(LIMITS.format(figures=parting.followed()))
    return [*shown, area, around, curve, lost, order, limits, report]


def _wire(page: Page) -> None:
    """Photos, placing and edits run networks; what is looked at never does."""
    _wire_fresh(page)
    _wire_begin(page)
    _wire_run(page)
    on_change(page.first, page.to_run.after)
    on_change(page.second, page.to_fresh.after, taking=placing.take_photo, also=[page.panel.fold])
    page.to_begin.after(page.example.click(do.example, None, page.examples, **RUNS))
    given, shown = [page.here.asked, page.second.shot], [*page.first.outputs, *page.second.outputs, page.panel.table]
    page.to_begin.after(page.here.asked.change(do.visit, given, shown, **RUNS))
    _wire_placing(page)
    _wire_edits(page)
    drawn = [page.parts, page.large]
    looks = [page.look, page.part, page.kind, page.opacity]
    gr.on([page.kind.input, page.opacity.input], do.draw, looks, drawn, **VIEWS)
    page.parts.click(do.pick, [page.look, page.kind, page.opacity], [page.part, page.large], **VIEWS)
    _wire_folds(page)
    shown = [page.edit, page.look, page.held, page.kind, page.opacity]
    making.wire(page.report, do.make_report, [*page.shots, *shown])


def _wire_edits(page: Page) -> None:
    """A preset and its size start from the face again; the editor adds to them; centring keeps what was drawn."""
    page.preset.change(do.sized, page.preset, page.factor, **VIEWS)
    page.to_begin.on(page.preset.input, page.factor.release)
    changed = page.editor.change(do.drawn, [page.second.shot, page.edit, page.held, page.editor], page.edit, **VIEWS)
    page.to_run.after(changed)
    page.to_fresh.on(page.editor.clear)
    page.to_run.after(page.centred.input(do.centre, [page.edit, page.centred], page.edit, **VIEWS))


def _wire_placing(page: Page) -> None:
    """A face placed elsewhere keeps the preset; a detected one starts afresh."""
    placed, detected = placing_panel.wire(page.panel, page.first, page.second)
    for event in placed:
        page.to_begin.after(event)
    page.to_fresh.after(detected)


def _wire_fresh(page: Page) -> None:
    """Another face in photo 2: its table, the whole face in the editor, the answer."""
    page.to_fresh.then(placing.rows_of, page.second.shot, page.panel.table, **VIEWS)
    settings = [page.second.shot, page.factor, page.centred, page.around]
    page.to_run.after(page.to_fresh.then(do.fresh, settings, [page.preset, *page.begun], **VIEWS))


def _wire_begin(page: Page) -> None:
    """The preset as it stands, nothing drawn, then the answer."""
    settings = [page.second.shot, page.preset, page.factor, page.centred, page.around]
    page.to_run.after(page.to_begin.then(do.begin, settings, page.begun, **VIEWS))


def _wire_run(page: Page) -> None:
    """The answer, everything drawn from it, and what is open of that which takes longer."""
    shown = [page.card, page.seen, page.parts, page.large]
    ran = fade(page.to_run.then, *shown, page.area.panel, page.lost.panel).then(
        do.run,
        [*page.shots, page.edit, page.held, page.look],
        [page.look, page.held, page.card, page.seen, page.rest],
        show_progress="hidden",
        **RUNS,
    )
    drawn = ran.then(do.draw, [page.look, page.part, page.kind, page.opacity], [page.parts, page.large], **VIEWS)
    mark(drawn, *shown, former=False).then(time.monotonic_ns, None, page.turn, **VIEWS)


def _wire_folds(page: Page) -> None:
    """The curve, and the order of loss: where they are open."""
    remember(page.limits)
    given = [page.look, page.held]
    for event in (remember(page.area).then, page.turn.change, page.around.input):
        fill(
            event, page.area, do.curves, [*given, page.around], [page.held, page.curve], show_progress="hidden", **RUNS
        )
    for event in (remember(page.lost).then, page.turn.change):
        fill(event, page.lost, do.orders, given, [page.held, page.order], show_progress_on=page.order, **RUNS)
    page.turn.change(None, None, None, js=REOPEN, api_visibility="private")
