"""What the Kinship tab does, as plain functions: values in, values for components out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from explain import Curve
from explain.core.measured import measured
from models import PhotoError, WeightError
from models.prior import EVEN
from ui.kinship import gallery, plots
from ui.kinship.tri_answers import TriMaps
from ui.shared import answering, cards, doubts, evidence, offering, picker
from ui.shared import evidence_callbacks as evidence_callbacks
from ui.shared.addresses import Asked
from ui.shared.answering import Answer
from ui.shared.evidence import Maps, Seen
from ui.shared.examples import EXAMPLES, Example, example_of, first_example
from ui.shared.failures import FAILURES
from ui.shared.making import file_name, kept, photo_name
from ui.shared.photos import Shot
from ui.shared.turns import TURNS
from ui.shared.widgets import show_shot

WAITING = "The answer appears here as soon as both photos show a face."
WAITING_MAPS = "The maps appear here together with the answer."
STOPPED = "Stopped before there was a map of this answer."
WORKING = "Working on an example: a few seconds."
UNTRAINED = "No weight for comparing two faces is installed: there is nothing to answer with. See the tab Models."
OPACITY = 0.5
NO_STOP = gr.update(visible=False)


Answered = tuple[Answer | None, str, str, Any, Seen | None]


def answer_pair(a: Shot | None, b: Shot | None, weight: str | None, threshold: float, prior: float = EVEN) -> Answered:
    """Score two photos -> answer, card and details, the rest of the page shown, and what the same pass gave away."""
    if weight is None:
        return _no_answer(UNTRAINED)
    if a is None or b is None:
        return _no_answer(WAITING, error=False)
    TURNS.begin()
    try:
        given, seen = evidence.answer_and_look(a, b, weight)
    except FAILURES as error:
        return _no_answer(str(error))
    return given, *set_threshold(given, threshold, prior, a, b), gr.update(visible=True), seen


def own_threshold(weight: str | None) -> Any:
    """The threshold a weight was shipped with: where the slider stands until the user moves it.

    A step of its own, before the answer: an answer that also set the slider could set it back to what it was when two
    of them overlap.
    """
    try:
        return gr.skip() if weight is None else answering.sidecar(weight).rule.threshold
    except WeightError:
        return gr.skip()  # the answer that follows says what is wrong with the weight


def own_settings(weight: str | None) -> tuple[Any, float]:
    """The threshold a weight was shipped with, and a prior of one half."""
    return own_threshold(weight), EVEN


def _no_answer(why: str, *, error: bool = True) -> Answered:
    return None, cards.message(why, error=error), "", gr.update(visible=False), None


def answered(answer: Answer | None, seen: Seen | None) -> list[Any]:
    """After an answer: its number, report and swap shown, and whether the network's inside can be shown."""
    has = seen is not None and (seen.inside.attention or seen.inside.links or seen.inside.shares is not None)
    shown = gr.update(visible=answer is not None)
    return [time.monotonic_ns(), shown, shown, gr.update(visible=bool(has))]


def describe(weight: str | None) -> Any:
    """What the chosen model is and how good, under its picker."""
    try:
        return gr.skip() if weight is None else gr.update(info=picker.line(weight))
    except WeightError:
        return gr.skip()  # the answer that follows says what is wrong with the weight


def set_threshold(
    answer: Answer | None, threshold: float, prior: float = EVEN, a: Shot | None = None, b: Shot | None = None
) -> tuple[str, str]:
    """An answer against another threshold, under another prior -> its card and details; no model runs.

    Of the app's own examples the card says what is known as well.
    """
    if answer is None:
        return cards.message(WAITING), ""
    verdict = answering.judge(answer, threshold)
    known = gallery.known_line(example_of(a, b), answer.weight, verdict.above)
    found = doubts.about(("photo A", a), ("photo B", b))
    card = cards.answer_card(answer, verdict, threshold, prior, known, found)
    return card, cards.answer_details(answer, verdict, threshold)


def offer_methods(
    weight: str | None, method: str | None, asked: Asked | None = None, shown: Maps | TriMaps | None = None
) -> tuple[Any, Any]:
    """Method and layer pickers for a model.

    The method stays where it was measured as better than a random order, where an address named it, or where the maps
    that are shown are its own on this very model. Else it is the one whose maps are drawn unasked, if there is one.
    """
    if weight is None:
        return gr.skip(), gr.skip()
    try:
        choices, found = offering.method_choices(weight), measured(weight)
    except WeightError:  # the card has said so
        return gr.skip(), gr.skip()
    named = asked is not None and method == asked.address.method
    named = named or (shown is not None and (shown.weight, shown.method) == (weight, method))
    unasked = offering.drawn_unasked(weight)
    trusted = named or (unasked is not None and (method not in found or found[method].trusted))
    chosen = method if trusted and method in [label for _, label in choices] else unasked
    wanted = asked.address.layer if asked is not None and chosen == (asked.address.method or chosen) else ""
    about = offering.about_methods(weight)
    return gr.update(choices=choices, value=chosen, info=about), offer_layers(weight, chosen, wanted)


def offer_layers(weight: str | None, method: str | None, wanted: str = "") -> Any:
    """Layer picker of a method, at the layer that an address named; hidden where there is nothing to choose."""
    if weight is None:
        return gr.skip()
    if method is None:
        return gr.update(choices=[], value=None, visible=False)
    layers = offering.layer_choices(weight, method)
    value = wanted if wanted in layers else offering.default_layer(weight, method)
    return gr.update(choices=layers, value=value, visible=len(layers) > 1)


def explain_pair(
    a: Shot | None, b: Shot | None, answer: Answer | None, method: str | None, layer: str | None, opacity: float
) -> Iterator[tuple[Maps | None, Any, Any]]:
    """Maps of an answered pair, their picture, and the button that stops them.

    Without a method there are none, and it says why. Of one that samples coarse maps come first, and the button is
    there until the last. After a failure they stay, and maps of a former answer go.
    """
    if a is None or b is None or answer is None:
        yield None, cards.message(WAITING_MAPS), NO_STOP
        return
    if method is None:
        yield None, gr.update(value=cards.no_maps(offering.no_map(answer.weight)), elem_classes=[]), NO_STOP
        return
    maps, drawn, refining = None, {"value": ""}, False
    try:
        chosen = layer if layer in offering.layer_choices(answer.weight, method) else None
        for maps, refining in evidence.growing_maps(a, b, answer.weight, method, chosen):
            drawn = gr.update(value=cards.maps_view(maps, a, b, opacity), elem_classes=[])
            yield maps, drawn, gr.update(visible=refining)
        if refining:
            yield gr.skip(), gr.skip(), NO_STOP
    except (*FAILURES, ValueError) as error:
        said = cards.message(str(error), error=True) + drawn["value"]
        yield None if maps is None else gr.skip(), gr.update(value=said, elem_classes=[]), NO_STOP


def of_answer(maps: Maps | None, a: Shot | None, b: Shot | None, answer: Answer | None) -> Maps | None:
    """The maps where they are of these faces, by the weight that answered; else None."""
    if maps is None or a is None or b is None or answer is None:
        return None
    return maps if (maps.of, maps.weight) == ((a.key, b.key), answer.weight) else None


def stopped(a: Shot | None, b: Shot | None, answer: Answer | None, maps: Maps | None) -> list[Any]:
    """After a stop -> maps, their picture, no stop button: what stays is of this answer."""
    if of_answer(maps, a, b, answer) is None:
        return [None, cards.message(STOPPED), NO_STOP]
    return [gr.skip(), gr.skip(), NO_STOP]


def redraw(maps: Maps | None, a: Shot | None, b: Shot | None, opacity: float) -> Any:
    """The same maps at another opacity, on the photos that they are of; no model runs."""
    if maps is None or a is None or b is None:
        return cards.message(WAITING_MAPS)
    if maps.of != (a.key, b.key):
        return gr.skip()
    try:
        return cards.maps_view(maps, a, b, opacity)
    except PhotoError as error:
        return cards.message(str(error), error=True)


def check_maps(
    a: Shot | None, b: Shot | None, answer: Answer | None, maps: Maps | None
) -> tuple[str, tuple[Curve, ...] | None]:
    """Whether both maps of an answer can be trusted, in words, and the faithfulness curves that say so."""
    shown = of_answer(maps, a, b, answer)
    if a is None or b is None or shown is None:
        return "", None
    try:
        curves = evidence.curves(a, b, shown)
    except FAILURES as error:
        return cards.message(str(error), error=True), None
    return cards.verdict(curves), curves


def draw_curves(curves: tuple[Curve, ...] | None) -> tuple[Any, Any, str]:
    """Faithfulness curves of both maps and their areas; no model runs."""
    if curves is None:
        return None, None, ""
    return *plots.curve_plots(curves), cards.curve_table(curves)


def make_report(
    a: Shot | None,
    b: Shot | None,
    answer: Answer | None,
    maps: Maps | None,
    method: str | None,
    layer: str | None,
    threshold: float,
    opacity: float,
    seen: Seen | None = None,
    *patch: Any,
) -> tuple[str | None, str]:
    """Write the report's zip -> its path for the download link, and a line when there is nothing to report.

    It holds the maps that are shown where they are of this answer, else those of the chosen method and layer.
    `patch` is layer, head, place and number of links, as evidence_callbacks.look takes them.
    """
    if a is None or b is None or answer is None:
        return None, cards.message("There is no answer to report yet.", error=True)
    try:
        shown = of_answer(maps, a, b, answer)
        if shown is None:
            shown = evidence.make_maps(a, b, answer.weight, *offering.offered(answer.weight, method, layer))
        look = evidence_callbacks.look(seen, *patch) if seen else None
        options: dict[str, Any] = {"threshold": threshold, "opacity": opacity, "look": look}
        name = file_name("kinship", shown.weight, photo_name(a.path), photo_name(b.path))
        return kept(name, lambda folder: evidence.report(folder, a, b, shown, **options)), ""
    except FAILURES as error:
        return None, cards.message(str(error), error=True)


def picked_example(weight: str | None, event: gr.EventData) -> list[Any]:
    """A press on the gallery -> as load_example; a number that is none of an example does nothing.

    The chosen model stays where it is known what it should answer.
    """
    number = event.example
    if not isinstance(number, int) or not 0 <= number < len(EXAMPLES):
        return [gr.skip()] * 9
    example = EXAMPLES[number]
    stays = weight is not None and answering.sidecar(weight).task in example.truth
    return load_example(example, weight if stays else None)


def load_example(example: Example, weight: str | None = None) -> list[Any]:
    """Both photos of an example and the model: by default the one that fits it."""
    a, b = example.shots()
    return [*show_shot(a), *show_shot(b), weight or example.weight()]


def prepare_first_view() -> None:
    """Compute the first example, once for everybody. A step of its own: who uploads meanwhile keeps the upload."""
    with contextlib.suppress(*FAILURES):  # the step that shows it says what failed
        first_example()


def first_view() -> list[Any] | None:
    """The finished first example, a value for each of Page.filled; None when there is no weight to answer with."""
    done = first_example()
    if done is None:
        return None
    weight, sidecar = done.answer.weight, answering.sidecar(done.answer.weight)
    methods, layers = offer_methods(weight, done.maps.method)
    return [
        *show_shot(done.a),
        *show_shot(done.b),
        weight,
        done.answer,
        done.seen,
        *set_threshold(done.answer, sidecar.rule.threshold, EVEN, done.a, done.b),
        sidecar.rule.threshold,
        gr.update(visible=True),
        methods,
        layers,
        done.maps,
        redraw(done.maps, done.a, done.b, OPACITY),
        cards.verdict(done.curves),
        done.curves,
        None,
        *answered(done.answer, done.seen),
    ]
