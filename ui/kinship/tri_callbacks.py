"""What the page of parents and child does, as plain functions: values in, values for components out."""

from __future__ import annotations

from typing import Any

import gradio as gr

from models import PhotoError, WeightError
from ui.kinship import tri_answers as triplet
from ui.kinship import tri_cards
from ui.kinship.arriving import layers_of, settings
from ui.kinship.tri_answers import Family, TriAnswer, TriMaps
from ui.shared import cards, doubts, offering
from ui.shared.addresses import Address, Asked, Offers, Place, show_sent, tell, threshold_asked, unless
from ui.shared.failures import FAILURES
from ui.shared.making import file_name, kept, photo_name
from ui.shared.photos import Shot, example_shot
from ui.shared.widgets import show_shot

WAITING = "The answer appears here as soon as father, mother and child each have a face."
WAITING_MAPS = "The maps appear here together with the answer."
UNTRAINED = "No weight that answers kinship is installed: there is nothing to answer with. See the tab Models."
WHO = ("the father's photo", "the mother's photo", "the child's photo")
TAKES = ("father", "mother", "child")
EXAMPLE = ("biden_2010.jpg", "hopper_1984.jpg", "obama_2012.jpg")
"""Father, mother and child of the example, which are no family."""


def family_of(father: Shot | None, mother: Shot | None, child: Shot | None) -> Family | None:
    """Three photos, once all of them are there."""
    return Family(father, mother, child) if father and mother and child else None


def answer_family(
    father: Shot | None, mother: Shot | None, child: Shot | None, weight: str | None, threshold: float
) -> tuple[TriAnswer | None, str, str, Any]:
    """Score a triplet -> answer, its card, what each parent adds, the rest of the page shown."""
    family = family_of(father, mother, child)
    if weight is None:
        return _no_answer(UNTRAINED, error=True)
    if family is None:
        return _no_answer(WAITING)
    try:
        given = triplet.answer(family, weight)
    except FAILURES as error:
        return _no_answer(str(error), error=True)
    return (
        given,
        set_threshold(given, threshold, father, mother, child),
        tri_cards.shares(given),
        gr.update(visible=True),
    )


def _no_answer(why: str, *, error: bool = False) -> tuple[None, str, str, Any]:
    return None, cards.message(why, error=error), "", gr.update(visible=False)


def own_threshold(weight: str | None) -> Any:
    """Where the slider stands until the user moves it."""
    try:
        return gr.skip() if weight is None else triplet.own_threshold(weight)
    except WeightError:
        return gr.skip()  # the answer that follows says what is wrong with the weight


def set_threshold(given: TriAnswer | None, threshold: float, *shots: Shot | None) -> str:
    """An answer against another threshold; no model runs."""
    if given is None:
        return cards.message(WAITING)
    found = doubts.about(*zip(WHO, shots, strict=False))
    return tri_cards.answer_card(given, triplet.judge(given, threshold), threshold, found)


def explain_family(
    father: Shot | None,
    mother: Shot | None,
    child: Shot | None,
    given: TriAnswer | None,
    method: str | None,
    layer: str | None,
    opacity: float,
) -> tuple[TriMaps | None, str]:
    """Maps of both pairs of an answered triplet and their picture; without a method none, and why."""
    family = family_of(father, mother, child)
    if family is None or given is None:
        return None, cards.message(WAITING_MAPS)
    if method is None:
        return None, cards.no_maps(offering.no_map(given.weight))
    try:
        chosen = layer if layer in offering.layer_choices(given.weight, method) else None
        maps = triplet.make_maps(family, given.weight, method, chosen)
    except (*FAILURES, ValueError) as error:
        return None, cards.message(str(error), error=True)
    return maps, tri_cards.maps_view(maps, opacity)


def explain_and_tell(here: Place, asked: Asked | None, weight: str | None, threshold: float, *given: Any) -> list[Any]:
    """As explain_family, and what the browser is told."""
    *_, method, layer, _ = given
    return [*explain_family(*given), tell_family(here, asked, weight, threshold, method, layer)]


def tell_family(
    here: Place, asked: Asked | None, weight: str | None, threshold: float, method: str | None, layer: str | None
) -> str:
    """What the browser is told of three photos."""
    limit: dict[str, Any] = {"threshold": unless(threshold, own_threshold(weight))} if weight else {}
    return tell(here, asked, model=weight, method=method, **{**settings(weight, method, layer, None), **limit})


def asked_threshold(asked: Asked | None, weight: str | None) -> Any:
    """As own_threshold, or what the address named."""
    return threshold_asked(asked, own_threshold(weight))


def of_answer(maps: TriMaps | None, family: Family | None, given: TriAnswer | None) -> TriMaps | None:
    """The maps where they are of these faces, by the weight that answered; else None."""
    if maps is None or family is None or given is None:
        return None
    return maps if (maps.of, maps.weight) == (family.key, given.weight) else None


def redraw(father: Shot | None, mother: Shot | None, child: Shot | None, maps: TriMaps | None, opacity: float) -> Any:
    """The same maps at another opacity, beside the photos that they are of; no model runs."""
    family = family_of(father, mother, child)
    if family is None or maps is None:
        return cards.message(WAITING_MAPS)
    return tri_cards.maps_view(maps, opacity) if maps.of == family.key else gr.skip()


def check_maps(
    father: Shot | None, mother: Shot | None, child: Shot | None, given: TriAnswer | None, maps: TriMaps | None
) -> str:
    """How far each of the four maps of an answer can be trusted."""
    family = family_of(father, mother, child)
    shown = of_answer(maps, family, given)
    if family is None or shown is None:
        return ""
    try:
        return tri_cards.curve_table(triplet.curves(family, shown))
    except FAILURES as error:
        return cards.message(str(error), error=True)


def make_report(
    father: Shot | None,
    mother: Shot | None,
    child: Shot | None,
    given: TriAnswer | None,
    maps: TriMaps | None,
    method: str | None,
    layer: str | None,
    threshold: float,
    opacity: float,
) -> tuple[str | None, str]:
    """Write the report's zip -> its path for the download link, and a line when there is nothing to report.

    It holds the maps that are shown where they are of this answer, else those of the chosen method and layer.
    """
    family = family_of(father, mother, child)
    if family is None or given is None:
        return None, cards.message("There is no answer to report yet.", error=True)
    try:
        shown = of_answer(maps, family, given)
        if shown is None:
            shown = triplet.make_maps(family, given.weight, *offering.offered(given.weight, method, layer))
        who = [photo_name(shot.path) for shot in (family.father, family.mother, family.child)]
        options = {"threshold": threshold, "opacity": opacity}
        name = file_name("parents", shown.weight, *who)
        return kept(name, lambda folder: triplet.report(folder, family, shown, **options)), ""
    except FAILURES as error:
        return None, cards.message(str(error), error=True)


def open_pair(parent: Shot | None, child: Shot | None, weight: str | None) -> list[Any]:
    """One parent and the child as the two photos of "Two faces", with the model that answered.

    Raises:
        gr.Error: a photo is missing.
    """
    if parent is None or child is None:
        raise gr.Error("Both photos are needed for this.", print_exception=False)
    try:
        return [*show_shot(parent), *show_shot(child), weight]
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error


def load_example() -> list[Any]:
    """The three photos of the example: values for the outputs of father, mother and child."""
    return [value for name in EXAMPLE for value in show_shot(example_shot(name))]


def offers() -> Offers:
    """Weights that answer kinship, their methods and layers, and thresholds."""
    return Offers(lambda _: triplet.weights(), methods=_methods, layers=_layers, thresholds=True)


def _methods(address: Address) -> list[str]:
    weight = address.model or triplet.default_weight()
    return [label for _, label in offering.method_choices(weight)] if weight else []


def _layers(address: Address) -> list[str]:
    return layers_of(address, address.model or triplet.default_weight())


def visit(asked: Asked | None, father: Shot | None, mother: Shot | None, child: Shot | None) -> list[Any]:
    """What was asked -> outputs of the photos, model, method; photos that are there stay, but for the one sent.

    Raises:
        gr.Error: the photo is no longer there.
    """
    if asked is None:
        return [gr.skip()] * 14
    wanted, method = asked.address, gr.skip()
    if wanted.method:
        choices = offering.method_choices(wanted.model or triplet.default_weight() or "")
        method = gr.update(choices=choices, value=wanted.method)
    shown = [gr.skip()] * 12 if asked.shot or father or mother or child else load_example()
    if asked.shot:
        shown[4 * asked.slot : 4 * asked.slot + 4] = show_sent(asked)
    return [*shown, wanted.model or gr.skip(), method]
