"""The Keypoints tab: one face moved out of alignment; how three ViTs take it, and the offsets that follow the face."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from explain.core.render_evidence import SIDE
from explain.keypoints.find import SWEEPS
from explain.keypoints.render import AXES
from models import KEYPOINT_NAMES
from ui.keypoints import callbacks as do
from ui.keypoints import cards as keypoints_cards
from ui.keypoints.answers import MODELS
from ui.shared import cards, making
from ui.shared.addresses import Place, place, show_sent
from ui.shared.chains import Start
from ui.shared.first_visit import first_visit
from ui.shared.folds import REOPEN, Fold, fade, fold, mark, remember
from ui.shared.widgets import RUNS, SESSION_SECONDS, VIEWS, PhotoInput, on_change, photo_input

NEEDS = MODELS
LIMITS = """
- **Similarity to the aligned face** says how stable an embedding is. A network that gave every face the same embedding
  would be perfectly stable: accuracy on moved faces is measured on LFW, see the tab Models.
- **An offset** is one part of an attention logit, before the softmax. A large offset may decide nothing where the other
  part is larger; the attention beside it shows what came of both.
- **iRPE's offsets** depend on what the query patch holds, so they change with the pixels; they never see the keypoints.
- **KP-RPE's offsets started as windows** on places of the face here, not at zero as published; a start from zero is
  not in the tables. All three networks read patches from the reference encoder's first stages.
- **Offsets off** leaves out what these weights were trained with. It shows how much the network leans on them, not how
  a network trained without them would do.
"""


class Page(NamedTuple):
    """The components that callbacks fill."""

    photo: PhotoInput
    moves: list[gr.Slider]
    aligned: gr.Button
    off: gr.Checkbox
    fed: gr.Image
    picked: gr.Radio
    x: gr.Number
    y: gr.Number
    reset: gr.Button
    card: gr.HTML
    rest: gr.Column
    layer: gr.Dropdown
    head: gr.Dropdown
    opacity: gr.Slider
    row: gr.Slider
    column: gr.Slider
    kprpe: gr.Image
    irpe: gr.Image
    note: gr.HTML
    difference: gr.HTML
    attention: gr.HTML
    plots: list[gr.Plot]
    folds: list[Fold]
    what: gr.Dropdown
    gif: making.FileButton
    report: making.FileButton
    look: gr.State
    held: gr.State
    points: gr.State
    place: gr.State
    here: Place
    to_run: Start
    to_forget: Start

    @property
    def controls(self) -> list[Any]:
        """What do.run takes."""
        return [self.photo.shot, *self.moves, self.off, self.points]

    @property
    def view(self) -> list[Any]:
        """What is looked at, in the order of do.draw."""
        return [self.layer, self.head, self.place, self.opacity]

    @property
    def drawn(self) -> list[Any]:
        """What do.draw returns values for."""
        return [self.row, self.column, self.kprpe, self.irpe, self.note, self.difference, self.attention]


def build() -> Page:
    """Lay the tab out and wire it."""
    with gr.Row():
        with gr.Column(scale=4, min_width=320, elem_classes=["ks-stay", "ks-tall"]):
            left = _left_side()
            with gr.Column(min_width=0) as slot:
                pass
        here = place("keypoints", "Keypoints", takes=("photo",))._replace(gives={"Photo": left[0].shot}, slot=slot)
        with gr.Column(scale=8, min_width=320):
            states = (gr.State(None, time_to_live=SESSION_SECONDS) for _ in range(4))
            page = Page(*left, *_right_side(), *[*states, here, Start(), Start()])
    _wire(page)
    return page


def opened(tab: gr.Tab, page: Page) -> None:
    """The first time the tab is opened: a finished example, turned a little."""
    shown, asked = [*page.photo.outputs, page.moves[0]], [page.here.asked]
    page.to_run.after(first_visit(tab, do.example, [page.photo], shown, on=page.card, also=asked))


def _left_side() -> list[Any]:
    """Photo, sliders, and the crop with its keypoints."""
    photo = photo_input("K", "Photo", height=260)
    gr.Markdown("### Move the face in its crop")
    moves = [
        _slider("Rotation, clockwise (°)", -60, 60, 0, 1, "rotation"),
        _slider("Scale (×)", 0.6, 1.6, 1, 0.02, "scale"),
        _slider("Shift to the right (% of the crop)", -30, 30, 0, 1, "shift-x"),
        _slider("Shift down (% of the crop)", -30, 30, 0, 1, "shift-y"),
    ]
    with gr.Row():
        aligned = gr.Button("Back to aligned", size="sm", min_width=120, elem_id="kp-aligned")
        off = gr.Checkbox(label="Offsets off", min_width=120, elem_id="kp-off")
    gr.Markdown("### Keypoints")
    fed = _crop("kp-fed", "What the networks are fed", "The moved crop with its five keypoints")
    gr.HTML(keypoints_cards.LEGEND)
    picked = gr.Radio(
        [(name, i) for i, name in enumerate(KEYPOINT_NAMES)], label="Picked keypoint", elem_id="kp-picked"
    )
    with gr.Row():
        x, y = (
            gr.Number(None, label=f"{axis} (px of the crop)", min_width=100, interactive=False, elem_id=f"kp-{axis}")
            for axis in "xy"
        )
    reset = gr.Button("Back to detected keypoints", size="sm", elem_id="kp-reset")
    gr.HTML(cards.NOTICE, elem_classes="ks-last")
    return [photo, moves, aligned, off, fed, picked, x, y, reset]


def _right_side() -> list[Any]:
    """The answer; below it, once there is one, offsets, curves, animation and report."""
    card = gr.HTML(cards.message(do.WAITING), elem_id="kp-answer")
    with gr.Column(visible=False) as rest:
        gr.Markdown("## What position adds: offsets of one patch\nClick a patch on either picture.")
        with gr.Row():
            layer = gr.Dropdown(label="Layer", interactive=True, min_width=150, elem_id="kp-layer")
            head = gr.Dropdown(label="Head", interactive=True, min_width=150, elem_id="kp-head")
            opacity = _slider("Opacity of the map", 0, 1, 0.65, 0.05, "opacity")
        with gr.Row(elem_classes="ks-pair"):
            fields = [
                _crop(f"kp-{key}", f"{name}: offsets", f"Offsets of {name} for the framed patch")
                for key, name in zip(("kprpe", "irpe"), keypoints_cards.NAMES.values(), strict=True)
            ]
        with gr.Row():
            row, column = (_slider(f"{w} of the patch", 1, 14, 1, 1, w.lower()) for w in ("Row", "Column"))
        note = gr.HTML(elem_id="kp-note")
        with gr.Column(elem_classes="ks-folds"):
            folded, folds = _folded()
        with gr.Row(equal_height=False):
            choices = [(AXES[w][0].capitalize(), w) for w in SWEEPS]
            what = gr.Dropdown(choices, value="rotation", label="Animation of", min_width=160, elem_id="kp-what")
            with gr.Column(min_width=160):
                gif = making.file_button("kp-gif", "Download GIF", "Drawing the GIF ...", variant="secondary")
            with gr.Column(min_width=160):
                report = making.file_button("kp-report")
    views = [row, column, *fields, note, *folded, folds, what]
    return [card, rest, layer, head, opacity, *views, gif, report]


def _folded() -> tuple[list[Any], list[Fold]]:
    """What the offsets lead to and the curves: what is drawn, and the folds."""
    with fold("Difference from the aligned face", "kp-apart") as apart:
        difference = gr.HTML(elem_id="kp-difference")
    with fold("The attention it leads to", "kp-read") as read:
        attention = gr.HTML(elem_id="kp-attention")
    with fold("How far can the face move?", "kp-far") as far:
        gr.HTML(keypoints_cards.CURVES)
        plots = []
        for pair in (("rotation", "scale"), ("shift_x", "shift_y")):
            with gr.Row():
                plots += [gr.Plot(show_label=False, min_width=300, elem_id=f"kp-curve-{w}") for w in pair]
    with fold("What this shows, and what it does not", "kp-limits") as limits:
        gr.Markdown(LIMITS)
    return [difference, attention, plots], [apart, read, far, limits]


def _slider(label: str, low: float, high: float, value: float, step: float, key: str) -> gr.Slider:
    return gr.Slider(low, high, value, step=step, label=label, min_width=140, elem_id=f"kp-{key}", buttons=[])


def _crop(key: str, label: str, alt: str) -> gr.Image:
    """A crop to be clicked."""
    return gr.Image(
        label=label,
        interactive=False,
        format="jpeg",
        min_width=120,
        buttons=[],
        elem_id=key,
        elem_classes="ks-click",
        alt_text=f"{alt}, {SIDE} px",
    )


def _wire(page: Page) -> None:
    """Photo, moves, keypoints and the switch run networks; what is looked at never does."""
    for part in page.folds:
        remember(part)
    _wire_run(page)
    forgotten = [page.points, page.picked, page.place]
    # another face has other keypoints, and is looked at from its left eye again
    page.to_run.after(page.to_forget.then(lambda: (None, None, None), None, forgotten, **VIEWS))
    on_change(page.photo, page.to_forget.after)
    page.to_forget.after(page.here.asked.change(show_sent, page.here.asked, page.photo.outputs, **RUNS))
    page.to_run.after(page.aligned.click(do.still, None, page.moves, **VIEWS))
    _wire_keypoints(page)
    _wire_view(page)
    _wire_files(page)


def _wire_run(page: Page) -> None:
    """The answer, everything drawn, and the curves."""
    events = [*(slider.input for slider in page.moves), page.off.input, page.points.change, page.to_run.then]
    curves = page.folds[2].panel
    ran = fade(partial(gr.on, events), page.card, page.rest, curves).then(
        do.run, page.controls, [page.look, page.card, page.rest], show_progress="hidden", **RUNS
    )
    fed = ran.then(do.draw_fed, [page.look, page.picked], [page.fed, page.x, page.y], **VIEWS)
    offered = fed.then(do.offer, [page.look, page.layer, page.head], [page.layer, page.head], **VIEWS)
    drawn = mark(_draw_on(offered.then, page), page.card, page.rest, former=False)
    drawn.then(None, None, None, js=REOPEN, api_visibility="private")
    found = drawn.then(
        do.curves,
        [page.photo.shot, page.look, page.held],
        [page.held, *page.plots],
        show_progress="hidden",
        **RUNS,
    )
    mark(found, curves, former=False)


def _draw_on(listen: Any, page: Page) -> Any:
    return listen(do.draw, [page.look, *page.view], page.drawn, **VIEWS)


def _wire_keypoints(page: Page) -> None:
    def show(event: Any) -> None:
        event(do.draw_fed, [page.look, page.picked], [page.fed, page.x, page.y], **VIEWS)

    chosen = [page.picked, page.points]
    show(page.fed.select(do.click_keypoint, [page.look, page.picked], chosen, **VIEWS).then)
    show(page.picked.input)
    for field in (page.x, page.y):
        field.submit(do.type_keypoint, [page.look, page.picked, page.x, page.y], page.points, **VIEWS)
    page.reset.click(lambda: (None, None), None, [page.points, page.picked], **VIEWS)


def _wire_view(page: Page) -> None:
    _draw_on(partial(gr.on, [page.layer.input, page.head.input, page.opacity.input]), page)
    _draw_on(gr.on([page.kprpe.select, page.irpe.select], do.clicked, None, page.place, **VIEWS).then, page)
    sliders, given = [page.row.input, page.column.input], [page.look, page.row, page.column]
    _draw_on(gr.on(sliders, do.place_of, given, page.place, **VIEWS).then, page)


def _wire_files(page: Page) -> None:
    seen = [page.photo.shot, page.look]
    making.wire(page.gif, do.animate, [*seen, page.what, *page.view])
    making.wire(page.report, do.make_report, [*seen, page.held, *page.view])
