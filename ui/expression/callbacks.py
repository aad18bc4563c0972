"""What the tab Expression does, as plain functions: values in, values for components out."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import gradio as gr

from explain import Curve
from explain.core import render
from explain.core.measured import measured
from explain.expression.regions import APART, number_words
from models.errors import UserError
from models.expressions import EXPRESSIONS
from ui.expression import answers as telling
from ui.expression import cards as expression_cards
from ui.expression.answers import Looked, Mapped
from ui.shared import cards, doubts, offering
from ui.shared.addresses import Asked
from ui.shared.making import file_name, kept, photo_name
from ui.shared.photos import Shot, example_shot
from ui.shared.widgets import show_shot

FAILURES = (UserError, ValueError)
WAITING = "The answer appears here as soon as the photo shows a face."
UNTRAINED = "No weight for telling expressions is installed: there is nothing to answer with. See the tab Models."
LEADING, NOTHING = "leading", "nothing"
"""In the class pickers: the class that leads; no second class."""
EXAMPLES = (
    ("levin_carl.jpg", "Carl Levin"),
    ("obama_2012.jpg", "Barack Obama, 2012"),
    ("obama_2009.jpg", "Barack Obama, 2009"),
    ("hopper_1984.jpg", "Grace Hopper"),
    ("biden_2010.jpg", "Joe Biden"),
    ("meek_carrie.jpg", "Carrie Meek"),
    ("levin_sander.jpg", "Sander Levin"),
    ("sanchez_linda.jpg", "Linda Sánchez"),
)
"""File in FOLDER, and who it is. The first one is shown to every visitor: an answer that covering a part can move."""


def run(shot: Shot | None, weight: str | None, covers: list[str] | None) -> list[Any]:
    """A photo's faces answered -> what was found, card, row of faces, the rest and the report's button shown."""
    if weight is None:
        return _no_answer(cards.message(UNTRAINED, error=True))
    if shot is None:
        return _no_answer(cards.message(WAITING))
    try:
        looked = telling.look(shot, weight, covers or ())
    except FAILURES as error:
        return _no_answer(cards.message(str(error), error=True))
    shown = gr.update(visible=True)
    return [looked, _card(shot, looked), expression_cards.faces(looked), shown, shown]


def _no_answer(card: str) -> list[Any]:
    return [None, card, "", gr.update(visible=False), gr.update(visible=False)]


def cover(shot: Shot | None, looked: Looked | None, covers: list[str] | None) -> list[Any]:
    """Something else on the chosen face -> what was found, card; nothing runs where nothing is covered."""
    if shot is None or looked is None or looked.key != telling.key_of(shot):
        return [gr.skip(), gr.skip()]
    try:
        looked = telling.cover(shot, looked, covers or ())
    except FAILURES as error:
        return [gr.skip(), cards.message(str(error), error=True)]
    return [looked, _card(shot, looked)]


def _card(shot: Shot, looked: Looked) -> str:
    return expression_cards.answer(looked, doubts.about(("the photo", shot)))


def pressed(looked: Looked | None, event: gr.EventData) -> Any:
    """A press in the row of faces -> that face's number, from 1, for the picker."""
    number = getattr(event, "face", None)
    return number + 1 if looked and isinstance(number, int) and number in looked.numbers else gr.skip()


def offer(weight: str | None, method: str | None, looked: Looked | None, asked: Asked | None = None) -> list[Any]:
    """Method and layer pickers for a weight.

    A method stays where it was measured as better than a random order, or where an address named it; a layer where it
    was asked for.
    """
    if weight is None or looked is None:
        return [gr.skip(), gr.skip()]
    try:
        model = telling.network(weight)
    except FAILURES:  # the answer has said so
        return [gr.skip(), gr.skip()]
    choices, found = offering.method_choices(weight, model), measured(weight)
    named = asked is not None and method == asked.address.method
    trusted = named or method not in found or found[method].trusted
    stays = method in [label for _, label in choices] and trusted
    chosen = method if stays and method else offering.default_method(weight, model)
    wanted = asked.address.layer if asked is not None and chosen == (asked.address.method or chosen) else ""
    about = offering.about_methods(weight, model) if found else None
    return [gr.update(choices=choices, value=chosen, info=about), offer_layers(weight, chosen, wanted)]


def offer_layers(weight: str | None, method: str, wanted: str = "") -> Any:
    """Layer picker of a method, at the layer that an address named; hidden where there is nothing to choose."""
    if weight is None:
        return gr.skip()
    model = telling.network(weight)
    layers = offering.layer_choices(weight, method, model)
    value = wanted if wanted in layers else offering.default_layer(weight, method, model)
    return gr.update(choices=layers, value=value, visible=len(layers) > 1)


def target_of(looked: Looked, wanted: str, against: str) -> str:
    """The scalar of the answer that two pickers name: a class, or the difference of two."""
    first = wanted if wanted in EXPRESSIONS else looked.said.leading
    return first if against not in EXPRESSIONS or against == first else f"{first}{APART}{against}"


def explain(
    shot: Shot | None,
    looked: Looked | None,
    method: str | None,
    layer: str | None,
    wanted: str,
    against: str,
    opacity: float,
) -> list[Any]:
    """The map of an answer -> map, its picture, the paragraph above it, its number."""
    if shot is None or looked is None or method is None or looked.key != telling.key_of(shot):
        return [None, "", "", time.monotonic_ns()]
    try:
        target = target_of(looked, wanted, against)
        mapped = telling.make_map(shot, looked.weight, method, layer, target)
        told = expression_cards.words(telling.regions(shot, looked.weight), target)
        return [mapped, draw(shot, mapped, opacity), told, time.monotonic_ns()]
    except FAILURES as error:
        return [None, cards.message(str(error), error=True), "", time.monotonic_ns()]


def draw(shot: Shot | None, mapped: Mapped | None, opacity: float) -> Any:
    """A map at an opacity; no model runs."""
    if shot is None or mapped is None or mapped.key != telling.key_of(shot):
        return gr.skip()
    heatmap, spec = mapped.heatmap, telling.network(mapped.weight).spec
    face = shot.faces_in_view(cards.PHOTO_SIDE)[shot.chosen]
    drawn = render.on_photo(face, spec, heatmap, opacity=opacity, limit=render.shared_limit([heatmap]))
    return expression_cards.map_view(mapped, drawn, opacity)


def check(shot: Shot | None, mapped: Mapped | None) -> list[Any]:
    """Whether a map can be trusted, in words, and the curves that say so."""
    if shot is None or mapped is None or mapped.key != telling.key_of(shot):
        return ["", None]
    try:
        curve = telling.check(shot, mapped)
    except FAILURES as error:
        return [cards.message(str(error), error=True), None]
    return [expression_cards.verdict(curve), curve]


def draw_curves(curve: Curve | None) -> list[Any]:
    """Deletion and insertion of the map, and their areas; no model runs."""
    if curve is None:
        return [None, ""]
    shown = replace(curve, unit=number_words(curve.unit[2:-1]))
    return [render.curve_figure(shown).update_layout(height=380), expression_cards.curve_areas(curve)]


def part_words(shot: Shot | None, mapped: Mapped | None) -> list[Any]:
    """What each part of the face carries, in words."""
    return _about(shot, mapped, lambda s, m: expression_cards.parts(telling.parts(s, m.weight, m.target)))


def region_rows(shot: Shot | None, mapped: Mapped | None) -> list[Any]:
    """Every class with one region after another covered."""
    return _about(shot, mapped, lambda s, m: expression_cards.region_table(telling.regions(s, m.weight)))


def _about(shot: Shot | None, mapped: Mapped | None, make: Any) -> list[Any]:
    if shot is None or mapped is None or mapped.key != telling.key_of(shot):
        return [""]
    try:
        return [make(shot, mapped)]
    except FAILURES as error:
        return [cards.message(str(error), error=True)]


def make_report(
    shot: Shot | None, looked: Looked | None, mapped: Mapped | None, opacity: float
) -> tuple[str | None, str]:
    """Write the report's zip -> its path for the download link, and a line when there is nothing to report."""
    if shot is None or looked is None or mapped is None or mapped.key != telling.key_of(shot):
        return None, cards.message("There is no answer to report yet.", error=True)
    try:
        name = file_name("expression", mapped.weight, photo_name(shot.path))
        return kept(name, lambda folder: telling.report(folder, shot, looked, mapped, opacity)), ""
    except FAILURES as error:
        return None, cards.message(str(error), error=True)


def picked_example(event: gr.EventData) -> list[Any]:
    """A press on an example -> the photo's outputs; a number that is none of an example does nothing."""
    number = getattr(event, "example", None)
    if not isinstance(number, int) or not 0 <= number < len(EXAMPLES):
        return [gr.skip()] * 4
    return list(show_shot(example_shot(EXAMPLES[number][0])))


def first_example() -> list[Any]:
    """What a first visit shows: the photo's outputs."""
    return list(show_shot(example_shot(EXAMPLES[0][0])))
