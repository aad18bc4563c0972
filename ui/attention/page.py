"""The Attention tab: the same network without a gate, with SE and with CBAM, side by side on a masked face."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from explain import EXPLAINERS
from explain.attention.compare import ARMS, METHODS, NOTHING
from models.faces.occluders import OCCLUDERS
from ui.attention import answers as arms
from ui.attention import callbacks as do
from ui.attention.study import study
from ui.shared import cards, making
from ui.shared.addresses import Offers, Place, place
from ui.shared.chains import Start
from ui.shared.first_visit import first_visit
from ui.shared.folds import REOPEN, Fold, fill, fold, mark, remember
from ui.shared.widgets import RUNS, SESSION_SECONDS, VIEWS, PhotoInput, on_change, photo_input

NEEDS = arms.NEEDS
NAMES = {NOTHING: "None", "surgical": "Surgical mask", "cloth": "Cloth mask", "n95": "N95 mask"}
LIMITS = """
- **The three networks** start from EdgeFace, which the added gates leave unchanged at first, and then share seed, data,
  schedule and every layer but the gate; gates, being new, learn faster than the rest. What is compared is the last part
  of a training with the gate, not a whole one. One run each is shown here: a difference on one photo is no proof that
  the gate made it.
- **With one photo** every map explains the cosine between the photo with the occluder and the same photo without it;
  with nothing worn, between the photo and its mirror image. With two photos it explains the cosine of the two, photo 1
  wearing the occluder. The occluder is drawn after detection: keypoints are those of the bare face.
- **A gate** is a factor in the middle of the network. A low gate dims what passes; it does not say that nothing was
  used there.
- **The shares by region** count a coarse map (14 × 14 in stage 2), so neighbouring regions bleed into each other.
  Read every share beside that of a flat map.
"""


class Page(NamedTuple):
    """The components that callbacks fill."""

    first: PhotoInput
    second: PhotoInput
    occluder: gr.Radio
    seed: gr.State
    another: gr.Button
    worn: gr.HTML
    example: gr.Button
    card: gr.HTML
    compared: gr.State
    turn: gr.State
    rest: gr.Column
    method: gr.Dropdown
    layer: gr.Dropdown
    scale: gr.Radio
    opacity: gr.Slider
    maps: gr.HTML
    face: gr.Radio
    verdict: gr.HTML
    tested: Fold
    trust: gr.HTML
    left: gr.Dropdown
    right: gr.Dropdown
    slider: gr.ImageSlider
    cut: gr.Slider
    apart: gr.HTML
    spread: Fold
    bars: gr.Plot
    mass: gr.HTML
    inside: Fold
    gate_scale: gr.Radio
    gates: gr.HTML
    violins: gr.Plot
    others: list[Fold]
    report: making.FileButton
    here: Place
    to_compare: Start

    @property
    def shots(self) -> list[Any]:
        """The session's memory of both photos."""
        return [self.first.shot, self.second.shot]

    @property
    def photos(self) -> list[Any]:
        """What do.example returns values for."""
        return [*self.first.outputs, *self.second.outputs]

    @property
    def view(self) -> list[Any]:
        """What draw and draw_maps take."""
        return [self.compared, self.scale, self.opacity, self.face, self.left, self.right]

    @property
    def pictures(self) -> list[Any]:
        """What draw_maps returns values for."""
        return [self.maps, self.slider, self.apart]

    @property
    def former(self) -> list[Any]:
        """What fades while the networks are asked anew."""
        return [self.card, self.maps, self.verdict, self.apart, self.spread.panel, self.inside.panel, self.tested.panel]


def build() -> Page:
    """Lay the tab out and wire it."""
    with gr.Row():
        with gr.Column(scale=4, min_width=320, elem_classes=["ks-stay", "ks-tall"]):
            first = photo_input("1")
            with gr.Group():
                occluder = gr.Radio(
                    [(NAMES.get(k, k.capitalize()), k) for k in (NOTHING, *OCCLUDERS)],
                    value=OCCLUDERS[0],
                    label="Photo 1 wears",
                    elem_id="arms-occluder",
                )
                another = gr.Button("Draw another", size="sm", elem_id="arms-another")
            worn, seed = gr.HTML(elem_id="arms-worn"), gr.State(0)
            second = photo_input("2", "Photo 2 (optional)", 220)
            example = gr.Button("Try an example", size="sm")
            with gr.Column(min_width=0) as slot:
                pass
            gr.HTML(cards.NOTICE, elem_classes="ks-last")
        with gr.Column(scale=8, min_width=320):
            right = _right_side()
    here = place("attention", "Attention", Offers(methods=lambda _: METHODS, layers=do.layers_of), ("photo 1",))
    here = here._replace(gives={"Photo 1": first.shot, "Photo 2": second.shot}, slot=slot)
    page = Page(first, second, occluder, seed, another, worn, example, *[*right, here, Start()])
    _wire(page)
    return page


def opened(tab: gr.Tab, page: Page) -> None:
    """The tab's opening fills the layer picker, and shows an example to whoever has no photo yet."""
    tab.select(do.offer_layers, [page.method, page.layer], page.layer, **VIEWS)
    photos, asked = [page.first, page.second], [page.here.asked]
    page.to_compare.after(first_visit(tab, do.example, photos, page.photos, on=page.card, also=asked))


def _right_side() -> tuple[Any, ...]:
    """The answer; below it, once there is one, the maps, the report, and the rest of the evidence in folds."""
    card = gr.HTML(cards.message(do.WAITING), elem_id="arms-answer")
    compared, turn = (gr.State(None, time_to_live=SESSION_SECONDS) for _ in range(2))
    with gr.Column(visible=False) as rest:
        looked = _looked_at()
        with gr.Column(elem_classes="ks-folds"):
            tested = _tested()
        report = making.file_button("arms-report")
        face = gr.Radio([("photo 1", 0)], value=0, label="Face in the parts below", elem_id="arms-face")
        with gr.Column(elem_classes="ks-folds"):
            folded, others = _folded()
            others += _about()
    return card, compared, turn, rest, *looked, face, *tested, *folded, others, report


def _tested() -> list[Any]:
    """Whether the maps can be trusted; folded: the numbers behind it, which take seconds."""
    verdict = gr.HTML(elem_id="arms-verdict", min_height=40)
    with fold("How these maps were tested: pixels taken away in their order", "arms-tested") as tested:
        trust = gr.HTML(elem_id="arms-trust", min_height=60)
    return [verdict, tested, trust]


def _folded() -> tuple[list[Any], list[Fold]]:
    """Two arms in detail, regions, gates; and the folds that are filled anyway."""
    with fold("Two networks on one face", "arms-two") as two:
        apart = _two_arms()
    with fold("How the attention is spread over the face", "arms-spread") as spread:
        bars = gr.Plot(show_label=False, elem_id="arms-bars")
        mass = gr.HTML(elem_id="arms-mass")
    with fold("The gates themselves", "arms-inside") as inside:
        scales = [("0 to 1", do.FULL), ("own range", do.OWN)]
        scale = gr.Radio(scales, value=do.FULL, label="Scale of the gates", elem_id="arms-gate-scale")
        gates = gr.HTML(elem_id="arms-gates", min_height=60)
        violins = gr.Plot(show_label=False, elem_id="arms-violins")
        gr.HTML(
            "<p class='ks-caption'><b>Channel gates of SE and CBAM</b>, a violin a block: how strongly each channel "
            "was let through in this very pass. Gates near one value treat all channels alike.</p>"
        )
    return [*apart, spread, bars, mass, inside, scale, gates, violins], [two]


def _about() -> list[Fold]:
    """What no photo changes."""
    folds = []
    if measured := study():
        with fold("What was measured over whole data sets", "arms-measured") as part:
            gr.HTML(measured, elem_id="arms-study")
        folds.append(part)
    with fold("What this shows, and what it does not", "arms-limits") as part:
        gr.Markdown(LIMITS)
    return [*folds, part]


def _looked_at() -> tuple[Any, ...]:
    """Method, layer, scale, opacity; the maps of all arms."""
    gr.Markdown("## Where each network looks")
    with gr.Row():
        choices = do.method_choices()
        method = gr.Dropdown(
            choices, value=choices[0][1], label="Method", scale=4, min_width=330, elem_id="arms-method"
        )
        layers = do.layer_choices([do.LAYER])
        seen = bool(EXPLAINERS[choices[0][1]].layers)
        layer = gr.Dropdown(layers, value=do.LAYER, label="Layer", min_width=118, elem_id="arms-layer", visible=seen)
        scales = [("raw", do.RAW), ("× own mean", do.BY_MEAN)]
        scale = gr.Dropdown(scales, value=do.RAW, label="Values", min_width=100, elem_id="arms-scale")
        opacity = gr.Slider(0, 1, 0.5, step=0.05, label="Opacity", min_width=160, elem_id="arms-opacity", buttons=[])
    return method, layer, scale, opacity, gr.HTML(elem_id="arms-maps", min_height=120)


def _two_arms() -> tuple[Any, ...]:
    """Two arms on one crop with a slider between them, and their difference."""
    names = [(title, name) for name, title in ARMS.items()]
    with gr.Row():
        left = gr.Dropdown(names, value=names[0][1], label="Left", min_width=130, elem_id="arms-left")
        right = gr.Dropdown(names, value=names[-1][1], label="Right", min_width=130, elem_id="arms-right")
    with gr.Row():
        with gr.Column(min_width=280):
            slider = gr.ImageSlider(
                interactive=False, format="jpeg", buttons=[], max_height=420, elem_id="arms-slider", label="Left, right"
            )
            # the handle in the picture cannot be moved by keyboard
            cut = gr.Slider(0, 100, 50, step=1, label="Where the left one ends (%)", elem_id="arms-cut", buttons=[])
        with gr.Column(min_width=280):
            apart = gr.HTML(elem_id="arms-apart")
    return left, right, slider, cut, apart


def _wire(page: Page) -> None:
    """Photos, occluder, method and layer run networks; scale, opacity, face and the two arms only redraw."""
    _wire_answer(page)
    for photo in (page.first, page.second):
        on_change(photo, page.to_compare.after)
    page.to_compare.after(page.example.click(do.example, None, page.photos, **RUNS))
    page.to_compare.after(page.occluder.input(do.redraws, page.occluder, page.another, **VIEWS))
    page.to_compare.after(page.another.click(do.another, page.seed, page.seed, **VIEWS))
    page.to_compare.after(page.method.input(do.offer_layers, [page.method, page.layer], page.layer, **VIEWS))
    page.to_compare.on(page.layer.input)
    seen = (page.scale, page.opacity, page.face, page.left, page.right)
    gr.on([control.input for control in seen], do.draw_maps, page.view, page.pictures, **VIEWS)
    page.cut.input(lambda share: gr.update(slider_position=share), page.cut, page.slider, **VIEWS)
    _wire_folds(page)
    here = page.here
    come = here.asked.change(do.visit, [here.asked, page.first.shot], [*page.photos, page.method], **RUNS)
    given = [page.method, page.layer, here.asked]
    page.to_compare.after(come.success(do.offer_layers, given, page.layer, **VIEWS))
    making.wire(page.report, do.make_report, [*page.shots, page.compared, page.opacity])


def _wire_folds(page: Page) -> None:
    """What is open is filled when the answer, the face or the opacity changes; networks run for the test alone."""
    for part in page.others:
        remember(part)
    for event in (remember(page.spread).then, page.turn.change, page.face.input):
        fill(event, page.spread, do.draw_spread, [page.compared, page.face], [page.bars, page.mass], **VIEWS)
    gates, looked = [page.compared, page.face, page.opacity, page.gate_scale], (page.opacity, page.gate_scale)
    for event in (remember(page.inside).then, page.turn.change, page.face.input, *(c.input for c in looked)):
        fill(event, page.inside, do.draw_gates, gates, [page.gates, page.violins], **VIEWS)
    for event in (remember(page.tested).then, page.turn.change):
        given = [*page.shots, page.compared]
        shown = {"key": page.turn, "show_progress_on": page.verdict, **RUNS}
        tested = fill(event, page.tested, do.check_maps, given, [page.verdict, page.trust], **shown)
        mark(tested, page.verdict, former=False)
    page.turn.change(do.untested, page.tested.opened, page.verdict, **VIEWS)
    page.turn.change(None, None, None, js=REOPEN, api_visibility="private")


def _wire_answer(page: Page) -> None:
    """The three answers, and everything drawn from them."""
    answered = mark(page.to_compare, *page.former, former=True).then(
        partial(do.compare_and_tell, page.here),
        [page.here.asked, *page.shots, page.occluder, page.seed, page.method, page.layer],
        [page.compared, page.card, page.worn, page.rest, page.here.told],
        show_progress_on=page.card,
        **RUNS,
    )
    drawn = answered.then(do.draw, page.view, [*page.pictures, page.face, page.turn], **VIEWS)
    mark(drawn, page.card, page.maps, page.apart, former=False)
