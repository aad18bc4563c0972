"""What the tab Partial face does, as plain functions: values in, values for components out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from explain.partial.edit import Edit
from explain.partial.find import PartialLook
from explain.partial.render import area_figure
from explain.partial.report import write_partial
from models.errors import UserError
from models.faces.partial_crops import LANDMARKS, WHOLE
from ui.partial import answers as parting
from ui.partial import cards as partial_cards
from ui.partial.answers import Held
from ui.partial.drawn_edit import erased_mask
from ui.partial.placing import rows_of
from ui.shared import cards, doubts
from ui.shared.addresses import Asked, show_sent
from ui.shared.making import file_name, kept, photo_name
from ui.shared.photos import Shot, example_shot
from ui.shared.widgets import show_shot

FAILURES = (UserError, ValueError)
WAITING = "The answer appears here as soon as both photos show a face."
EXAMPLES = ("obama_2012.jpg", "obama_2009.jpg")
AROUND = "nose"
"""What the curve goes around at first."""
EXAMPLE_PART, FACTOR = "left eye", 0.1
"""What a first visit leaves of the second photo: the protocol's smallest window, which shows an eye and its brow."""


def begin(second: Shot | None, part: str, factor: float, centred: bool, around: str) -> list[Any]:
    """A preset, without anything drawn -> edit, the editor's picture, and what the curve goes around.

    The part for the curve follows the preset where that is a landmark.
    """
    edit = Edit(part, float(factor), bool(centred))
    around = part if part in LANDMARKS else around
    if second is None:
        return [edit, None, around]
    try:
        picture = parting.backdrop(second, edit)
    except FAILURES:  # the answer says what is wrong
        return [edit, None, around]
    return [edit, {"background": picture, "layers": [], "composite": None}, around]


def sized(part: str) -> Any:
    """The slider of a preset's size, to be moved only where the preset has one."""
    return gr.update(interactive=part in LANDMARKS)


def fresh(second: Shot | None, factor: float, centred: bool, around: str) -> list[Any]:
    """Another face, or everything taken back: the whole face -> preset, then as begin."""
    return [WHOLE, *begin(second, WHOLE, factor, centred, around)]


def drawn(second: Shot | None, edit: Edit, held: Held | None, value: dict[str, Any] | None) -> Any:
    """What the editor holds -> edit; nothing changes when it holds what is known."""
    if second is None or value is None:
        return gr.skip()
    try:
        mask = erased_mask(value, parting.backdrop(second, edit, held))
    except FAILURES:
        return gr.skip()
    before = edit.erased
    if (mask is None) == (before is None) and (mask is None or before is None or bool((mask == before).all())):
        return gr.skip()
    return replace(edit, erased=mask)


def centre(edit: Edit, centred: bool) -> Edit:
    """The same edit, moved to the middle or not."""
    return replace(edit, centred=bool(centred))


def run(
    first: Shot | None, second: Shot | None, edit: Edit, held: Held | None, look: PartialLook | None = None
) -> list[Any]:
    """Photos and edit -> look, what is held of the pair, answer, the faces as fed, the rest shown.

    The editor reports more than changes: when `look` is of this very edit and pair already, nothing runs.
    """
    if first is None or second is None:
        return [None, None, cards.message(WAITING), "", gr.update(visible=False)]
    pair = (first.key, second.key)
    if look is not None and look.edit is edit and held is not None and held.pair == pair:
        return [gr.skip()] * 5
    try:
        look, held = parting.look(first, second, edit, held)
        found = doubts.join(doubts.about(("photo 1", first)), doubts.about(("photo 2", second), partial=True))
        card = partial_cards.answer(look, parting.sidecars(), found)
    except FAILURES as error:
        return [None, held, cards.message(str(error), error=True), "", gr.update(visible=False)]
    return [look, held, card, partial_cards.seen(look), gr.update(visible=True)]


def draw(look: PartialLook | None, part: int, kind: str, opacity: float) -> list[Any]:
    """Bars and maps of all parts, the chosen one large; no model runs."""
    if look is None:
        return [gr.skip(), gr.skip()]
    part = min(part, len(look.now.parts[1].weights) - 1)
    return [partial_cards.parts(look, part, kind, opacity), partial_cards.large(look, part, kind, opacity)]


def pick(look: PartialLook | None, kind: str, opacity: float, event: gr.EventData) -> list[Any]:
    """A bar or a map that was pressed -> its number, its map large; no model runs."""
    number = getattr(event, "part", None)
    if look is None or not isinstance(number, int) or not 0 <= number < len(look.now.parts[1].weights):
        return [gr.skip(), gr.skip()]
    return [number, partial_cards.large(look, number, kind, opacity)]


def curves(look: PartialLook | None, held: Held | None, around: str) -> list[Any]:
    """Score against visible area around a landmark, with the present state -> what is held, figure."""
    if look is None or held is None:
        return [gr.skip(), gr.skip()]
    if not held.of(look):
        return [gr.skip(), None]
    held = parting.curve(around, look.edit.centred, held)
    assert held.curve is not None
    figure = area_figure(held.curve, look.now.said, look.visible)
    return [held, figure.update_layout(height=380, margin={"t": 10, "b": 90}, legend_y=-0.28)]


def orders(look: PartialLook | None, held: Held | None) -> list[Any]:
    """Which parts can go, once a pair -> what is held, HTML."""
    if look is None or held is None:
        return [gr.skip(), gr.skip()]
    if not held.of(look):
        return [gr.skip(), ""]
    if held.order:
        return [gr.skip(), gr.skip()]
    held = parting.order(held)
    return [held, partial_cards.order(held)]


def make_report(
    first: Shot | None,
    second: Shot | None,
    edit: Edit,
    look: PartialLook | None,
    held: Held | None,
    kind: str,
    opacity: float,
) -> tuple[str | None, str]:
    """Write the report's zip -> its path for the download link, and a line when there is nothing to report.

    The curve and the order of loss are in it, whether they were looked at or not. Photos other than those that were
    answered are asked now, with the edit as it stands.
    """
    if first is None or second is None or look is None or held is None:
        return None, cards.message("There is no answer to report yet.", error=True)
    try:
        if held.pair != (first.key, second.key) or not held.of(look):
            look, held = parting.look(first, second, edit)
        held = parting.order(held if held.curve else parting.curve(AROUND, look.edit.centred, held))
        options: dict[str, Any] = {
            "curve": held.curve,
            "losses": held.order,
            "kind": kind,
            "opacity": opacity,
            "archive": True,
        }
        name = file_name("partial", *(photo_name(path) for path, *_ in held.pair), look.edit.part)
        return kept(name, lambda folder: write_partial(folder, look, parting.sidecars(), **options)), ""
    except FAILURES as error:
        return None, cards.message(str(error), error=True)


def example() -> list[Any]:
    """Two photos of one person, a part of the second one: outputs of both photos, the table, preset."""
    first, second = (example_shot(name) for name in EXAMPLES)
    return [*show_shot(first), *show_shot(second), rows_of(second), EXAMPLE_PART, FACTOR]


def visit(asked: Asked | None, second: Shot | None) -> list[Any]:
    """A photo that was sent -> outputs of both photos, the table: photo 1, and photo 2 while there is no other."""
    shown = show_sent(asked)
    return [*shown, *([gr.skip()] * 5 if second or asked is None else [*shown, rows_of(asked.shot)])]
