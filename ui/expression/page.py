"""The Expression tab: what a face shows, how split people would be, where the network looked, and a live camera."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from explain.expression.cover import COVERS, HIDDEN
from models.expressions import EXPRESSIONS
from ui.expression import answers as telling
from ui.expression import arriving, gallery, live
from ui.expression import callbacks as do
from ui.expression import cards as expression_cards
from ui.shared import cards, making, picker
from ui.shared.addresses import Place, place
from ui.shared.chains import Start
from ui.shared.first_visit import first_visit
from ui.shared.folds import REOPEN, Fold, fade, fill, fold, mark, remember
from ui.shared.widgets import RUNS, SESSION_SECONDS, VIEWS, PhotoInput, on_change, photo_input, pick_face

STYLE = Path(__file__).with_name("style.css")
COVER_LABELS = {name: name.capitalize() for name in HIDDEN} | {"mask": "Draw a mask", "sunglasses": "Draw sunglasses"}
LIMITS = """
- **A shown expression is not a felt emotion.** People smile when they are sad, and rest without being neutral. The
  network answers what ten people would call a picture; those people were shown grey faces of 48 pixels, without what
  came before or after.
- **Not for decisions about people.** How people name an expression depends on who looks and on who is looked at; the
  training faces come from a web search and do not stand for everybody. Groups were not told apart in the data, so
  errors by age, gender or origin are unknown. Expect differences.
- **Contempt and disgust** are rare in the training data. Fear is named rightly less often than not: see the card.
- **Valence and arousal** are derived from the shares by a fixed table of angles. No network was trained on them.
- **A covered face** is unusual input: a region is blurred away, a mask is drawn. What a bar does then says how much the
  answer hangs on that region in this picture, not what the person would show without it.
- **The map** shows which places moved this answer by one method's definition, for the class that was chosen. "And not"
  explains the difference of two classes: what speaks for one rather than the other.
"""


class Page(NamedTuple):
    """The components that callbacks fill."""

    photo: PhotoInput
    examples: gr.HTML
    weight: gr.Dropdown
    faces: gr.HTML
    card: gr.HTML
    covers: gr.CheckboxGroup
    rest: gr.Column
    wanted: gr.Dropdown
    against: gr.Dropdown
    method: gr.Dropdown
    layer: gr.Dropdown
    opacity: gr.Slider
    words: gr.HTML
    view: gr.HTML
    verdict: gr.HTML
    told: Fold
    parts: gr.HTML
    every: Fold
    table: gr.HTML
    tested: Fold
    plot: gr.Plot
    areas: gr.HTML
    limits: Fold
    aside: gr.Column
    report: making.FileButton
    looked: gr.State
    mapped: gr.State
    curve: gr.State
    turn: gr.State
    here: Place
    to_run: Start
    to_explain: Start

    @property
    def explaining(self) -> list[Any]:
        """What do.explain takes."""
        return [
            self.photo.shot,
            self.looked,
            self.method,
            self.layer,
            self.wanted,
            self.against,
            self.opacity,
        ]


def build() -> arriving.Modes:
    """Lay the tab out, a mode for photos and one for the camera, and wire it."""
    with gr.Tabs(elem_id="expression-modes") as modes:
        with gr.Tab("Photo", id="photo") as photo_tab:
            page = _photo_mode()
        with gr.Tab("Live camera", id="live") as live_tab:
            live.build(page.weight)
    gr.HTML(f"<style>{STYLE.read_text()}</style>")
    _wire(page)
    return arriving.Modes(page, modes, photo_tab, live_tab)


def opened(tab: gr.Tab, modes: arriving.Modes) -> None:
    """The first time the tab is opened: a finished example."""
    page: Page = modes.page
    asked = [page.here.asked]
    seen = first_visit(tab, do.first_example, [page.photo], page.photo.outputs, on=page.card, also=asked)
    page.to_run.after(seen)


def _photo_mode() -> Page:
    examples = gr.HTML(gallery.gallery(), elem_id="expression-examples", js_on_load=gallery.picked("example"))
    with gr.Row(elem_classes="ks-layout"):
        with gr.Column(scale=4, min_width=300, elem_classes="ks-stay"):
            with gr.Column():
                photo = photo_input("E", "Photo", 200)
            with gr.Column(visible=False) as aside:
                report = making.file_button("expression-report")
                with gr.Column(min_width=0) as slot:
                    pass
            gr.HTML(expression_cards.NOTICE)
        with gr.Column(scale=8, min_width=300):
            right = _right_side()
    here = place("expression", "Expression", arriving.offers(), ("photo",))
    here = here._replace(gives={"Photo": photo.shot}, slot=slot)
    right |= {"here": here, "to_run": Start(), "to_explain": Start()}
    return Page(photo=photo, examples=examples, aside=aside, report=report, **right)


def _right_side() -> dict[str, Any]:
    """All faces, the answer; below it, once there is one, covers, the map with its verdict, and what is folded."""
    weight = _weight_picker()
    first = cards.message(do.WAITING) if telling.weights() else cards.message(do.UNTRAINED, error=True)
    faces = gr.HTML(elem_id="expression-faces", js_on_load=gallery.picked("face"))
    card = gr.HTML(first, elem_id="expression-answer")
    with gr.Column(visible=False) as rest:
        labels = [(COVER_LABELS[name], name) for name in COVERS]
        covers = gr.CheckboxGroup(labels, label="Cover, and see the bars move", elem_id="expression-covers")
        gr.Markdown("## Where the network looked")
        given = _map()
        with gr.Column(elem_classes="ks-folds"):
            folded = _folded()
    states = {n: gr.State(None, time_to_live=SESSION_SECONDS) for n in ("looked", "mapped", "curve", "turn")}
    shown = {"weight": weight, "faces": faces, "card": card, "covers": covers, "rest": rest}
    return {**shown, **given, **folded, **states}


def _weight_picker() -> gr.Dropdown:
    """Of the weights that tell expressions; not shown where there is no choice."""
    names = telling.weights()
    return gr.Dropdown(
        [(picker.plain(name), name) for name in names],
        value=telling.default_weight(),
        label="Model",
        interactive=True,
        visible=len(names) > 1,
        elem_id="expression-model",
    )


def _map() -> dict[str, Any]:
    """Class pickers, method, layer and opacity; a paragraph, the picture, whether to trust it."""
    classes = [(name, name) for name in EXPRESSIONS]
    with gr.Row():
        wanted = gr.Dropdown(
            [("leading class", do.LEADING), *classes],
            value=do.LEADING,
            label="Why",
            min_width=160,
            elem_id="expression-why",
        )
        against = gr.Dropdown(
            [("nothing", do.NOTHING), *classes],
            value=do.NOTHING,
            label="and not",
            min_width=140,
            elem_id="expression-not",
        )
        opacity = gr.Slider(
            0, 1, 0.5, step=0.05, label="Opacity", min_width=200, elem_id="expression-opacity", buttons=[]
        )
    with gr.Row():
        method = gr.Dropdown(label="Method", interactive=True, scale=2, min_width=320, elem_id="expression-method")
        layer = gr.Dropdown(label="Layer", interactive=True, min_width=170, visible=False, elem_id="expression-layer")
    words = gr.HTML(elem_id="expression-words")
    view = gr.HTML(elem_id="expression-map", min_height=120)
    verdict = gr.HTML(elem_id="expression-verdict", min_height=40)
    return {
        "wanted": wanted,
        "against": against,
        "method": method,
        "layer": layer,
        "opacity": opacity,
        "words": words,
        "view": view,
        "verdict": verdict,
    }


def _folded() -> dict[str, Any]:
    with fold("In words: what each part of the face carries, exactly", "expression-parts") as told:
        parts = gr.HTML()
    with fold("Every class with one region after another covered", "expression-regions") as every:
        table = gr.HTML()
    with fold("How the map was tested: deletion and insertion", "expression-curves") as tested:
        plot, areas = gr.Plot(show_label=False), gr.HTML()
    with fold("What this shows, and what it does not", "expression-limits") as limits:
        gr.Markdown(LIMITS)
    told_of = {"told": told, "parts": parts, "every": every, "table": table}
    return {**told_of, "tested": tested, "plot": plot, "areas": areas, "limits": limits}


def _wire(page: Page) -> None:
    """Photos, models, covers, classes and methods run networks; opacity never does."""
    photo = page.photo
    _wire_run(page)
    _wire_map(page)
    on_change(photo, page.to_run.after)
    page.to_run.after(page.examples.click(do.picked_example, None, photo.outputs, **RUNS))
    pressed = page.faces.click(do.pressed, page.looked, photo.face, **VIEWS)
    page.to_run.after(pressed.success(pick_face, [photo.shot, photo.face], photo.outputs, **RUNS))
    page.to_run.on(page.weight.input)
    come = page.here.asked.change(
        arriving.visit,
        [page.here.asked, page.here.own, photo.shot],
        [*photo.outputs, page.weight, page.method],
        **RUNS,
    )
    page.to_run.after(come, success=True)
    given = [photo.shot, page.looked, page.covers]
    covered = fade(page.covers.input, page.card).then(do.cover, given, [page.looked, page.card], **_HIDDEN)
    mark(covered, page.card, former=False)
    chosen = page.method.input(do.offer_layers, [page.weight, page.method], page.layer, **VIEWS)
    page.to_explain.after(chosen)
    page.to_explain.on(page.layer.input, page.wanted.input, page.against.input)
    page.opacity.input(do.draw, [photo.shot, page.mapped, page.opacity], page.view, **VIEWS)
    _wire_folds(page)
    making.wire(page.report, do.make_report, [photo.shot, page.looked, page.mapped, page.opacity])


_HIDDEN: dict[str, Any] = {**RUNS, "show_progress": "hidden"}


def _wire_folds(page: Page) -> None:
    """A part is filled when it is opened, and when there is another map while it is open."""
    remember(page.limits)
    given = [page.photo.shot, page.mapped]
    for part, work, shown in ((page.told, do.part_words, page.parts), (page.every, do.region_rows, page.table)):
        for event in (remember(part).then, page.turn.change):
            fill(event, part, work, given, [shown], key=page.turn, show_progress_on=shown, **RUNS)
    _then_curves(remember(page.tested).then, page)
    page.turn.change(None, None, None, js=REOPEN, api_visibility="private")


def _then_curves(listen: Any, page: Page) -> None:
    """The curves of the map that is shown, where their part is open."""
    fill(listen, page.tested, do.draw_curves, [page.curve], [page.plot, page.areas], **VIEWS)


def _wire_run(page: Page) -> None:
    """The answer about every face, the pickers that fit the model, and the map."""
    ran = fade(page.to_run.then, page.card, page.faces).then(
        do.run,
        [page.photo.shot, page.weight, page.covers],
        [page.looked, page.card, page.faces, page.rest, page.aside],
        **_HIDDEN,
    )
    asked = [page.weight, page.method, page.looked, page.here.asked]
    shown = mark(ran, page.card, page.faces, former=False)
    page.to_explain.after(shown.then(do.offer, asked, [page.method, page.layer], **VIEWS))


def _wire_map(page: Page) -> None:
    """The map, and whether it can be trusted; what stood there before is faded meanwhile."""
    folds, here = [page.told, page.every, page.tested], page.here
    former = [page.view, page.verdict, page.words, *(part.panel for part in folds)]
    given = [page.photo.shot, here.asked, page.weight, page.method, page.layer]

    def fade_and_tell(*given: Any) -> list[Any]:
        return [*[gr.update(elem_classes=["ks-former"])] * len(former), *arriving.tell_photo(here, *given)]

    faded = page.to_explain.then(fade_and_tell, given, [*former, here.told, here.own], **VIEWS)
    explained = faded.then(
        do.explain, page.explaining, [page.mapped, page.view, page.words, page.turn], show_progress_on=page.view, **RUNS
    )
    shown = mark(explained, page.view, page.words, former=False)
    checked = shown.then(
        do.check, [page.photo.shot, page.mapped], [page.verdict, page.curve], show_progress_on=page.verdict, **RUNS
    )
    _then_curves(mark(checked, page.verdict, former=False).then, page)
