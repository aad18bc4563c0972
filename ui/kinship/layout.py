"""The page of two faces, laid out: examples, photos, answer, map, and everything else folded."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from models.prior import EVEN
from ui.kinship import arriving, gallery, side_by_side
from ui.kinship import callbacks as do
from ui.shared import addresses, answering, cards, picker
from ui.shared.chains import Start
from ui.shared.evidence_view import EvidenceViewer, evidence_viewer
from ui.shared.folds import Fold, fold
from ui.shared.heatmaps import HeatmapViewer, heatmap_viewer
from ui.shared.making import FileButton, file_button
from ui.shared.widgets import SESSION_SECONDS, PhotoInput, photo_input

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
THRESHOLD = "At or above it the answer is yes. Moving it runs no model."
PRIOR = "Share of matching pairs among pairs like this one. The decision does not depend on it."
PHOTO_HEIGHT = 210
"""Of either photo, pixels: both and the answer fit a first screen, on a phone too."""


class Curves(NamedTuple):
    """Deletion and insertion of the map that is shown: raw, drawn, and in numbers."""

    fold: Fold
    raw: gr.State
    a: gr.Plot
    b: gr.Plot
    table: gr.HTML

    @property
    def drawn(self) -> list[Any]:
        """What draw_curves returns values for."""
        return [self.a, self.b, self.table]


class Regions(NamedTuple):
    """What covering each region takes from the score."""

    fold: Fold
    plot: gr.Plot
    table: gr.HTML


class Side(NamedTuple):
    """Several methods on this pair."""

    fold: Fold
    methods: gr.Dropdown
    view: gr.HTML
    note: gr.HTML
    stop: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """What side_by_side.compare returns values for."""
        return [self.fold.filled, self.fold.panel, self.methods, self.view, self.note, self.stop]


class Inside(NamedTuple):
    """Attention, links and parts of the log-odds."""

    fold: Fold
    viewer: EvidenceViewer


class EveryModel(NamedTuple):
    """All models on this pair."""

    fold: Fold
    table: gr.HTML
    note: gr.HTML
    stop: gr.Button
    again: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """What comparing.ask_all returns values for."""
        return [self.fold.filled, self.fold.panel, self.table, self.note, self.stop]


class Place(NamedTuple):
    """This pair's score among those of kin and of others."""

    fold: Fold
    words: gr.HTML
    bars: gr.Plot
    roc: gr.Plot
    reset: gr.Button

    @property
    def drawn(self) -> list[Any]:
        """What comparing.place returns values for."""
        return [self.words, self.bars, self.roc]


class Page(NamedTuple):
    """The components that callbacks fill.

    Attributes:
        turn: state: a number that is new with every answer.
        to_answer, to_explain: where the answer begins, and the map alone.
        parts: state: what each part of either face is worth to the answer.
        told: state: the number of the answer that the words are about.
        rest, aside: what is shown once there is an answer, beside the photos and below them.
    """

    a: PhotoInput
    b: PhotoInput
    examples: gr.HTML
    card: gr.HTML
    weight: gr.Dropdown
    answer: gr.State
    turn: gr.State
    rest: gr.Column
    aside: gr.Column
    threshold: gr.Slider
    prior: gr.Slider
    parts: gr.State
    told: gr.State
    words: gr.HTML
    viewer: HeatmapViewer
    verdict: gr.HTML
    details: gr.HTML
    every: EveryModel
    place: Place
    curves: Curves
    regions: Regions
    side: Side
    inside: Inside
    numbers: Fold
    limits: Fold
    report: FileButton
    back: gr.Button
    swap: gr.Button
    here: addresses.Place
    to_answer: Start
    to_explain: Start

    @property
    def photos(self) -> list[Any]:
        """States of both photos."""
        return [self.a.shot, self.b.shot]

    @property
    def chosen(self) -> list[Any]:
        """What load_example returns values for."""
        return [*self.a.outputs, *self.b.outputs, self.weight]

    @property
    def answered(self) -> list[Any]:
        """What `callbacks.answered` returns values for."""
        return [self.turn, self.aside, self.swap, self.inside.fold.accordion]

    @property
    def filled(self) -> list[Any]:
        """What first_view returns values for."""
        answer = [self.answer, self.inside.viewer.seen, self.card, self.details, self.threshold, self.rest]
        maps = [self.viewer.method, self.viewer.layer, self.viewer.maps, self.viewer.view]
        words = [self.parts]
        return [*self.chosen, *answer, *maps, self.verdict, self.curves.raw, *words, *self.answered]


def lay_out() -> Page:
    """Every component; nothing is wired."""
    examples = gr.HTML(gallery.gallery(), elem_id="examples", js_on_load=gallery.PICKED)
    with gr.Row(elem_classes="ks-layout"):
        with gr.Column(scale=4, min_width=320, elem_classes="ks-stay"):
            with gr.Column(elem_id="photos"):
                a, b = _photos()
                swap = gr.Button("Swap A and B", size="sm", visible=False, elem_id="swap")
            with gr.Column(visible=False) as aside:
                report = file_button("report")
                with gr.Column(min_width=0) as slot:
                    pass
            gr.HTML(cards.NOTICE)
        with gr.Column(scale=8, min_width=320):
            right = _right_side()
    gives = {"Photo A": a.shot, "Photo B": b.shot}
    here = addresses.place("kinship", "Two faces", arriving.offers(), arriving.TAKES)
    here = here._replace(gives=gives, slot=slot)
    right |= {"here": here, "to_answer": Start(), "to_explain": Start()}
    return Page(a=a, b=b, examples=examples, aside=aside, report=report, swap=swap, **right)


def _photos() -> list[PhotoInput]:
    """Both photos side by side, at every width."""
    found = []
    with gr.Row(elem_classes="ks-pair"):
        for name in "AB":
            with gr.Column(min_width=130):
                found.append(photo_input(name, height=PHOTO_HEIGHT))
    return found


def _right_side() -> dict[str, Any]:
    """The answer; below it, once there is one, the map with its verdict, and what is folded."""
    answer, turn = gr.State(None, time_to_live=SESSION_SECONDS), gr.State(0, time_to_live=SESSION_SECONDS)
    card = gr.HTML(cards.message(do.WORKING), elem_id="answer")
    parts, told = (gr.State(None, time_to_live=SESSION_SECONDS) for _ in range(2))
    weight = _weight_picker()
    with gr.Column(visible=False) as rest:
        with gr.Row():
            wide: dict[str, Any] = {"min_width": 280, "buttons": []}
            threshold = gr.Slider(0, 1, 0.5, step=0.001, label="Threshold", info=THRESHOLD, elem_id="threshold", **wide)
            prior = gr.Slider(0.01, 0.99, EVEN, step=0.01, label="Prior", info=PRIOR, elem_id="prior", **wide)
        gr.Markdown("## What the model looked at")
        words = gr.HTML(elem_id="words")
        viewer = heatmap_viewer()
        verdict = gr.HTML(elem_id="map-verdict", min_height=60)
        with gr.Column(elem_classes="ks-folds"):
            folded = _folded()
    back = gr.Button("↑ Photos", size="sm", elem_id="to-photos")
    given = {"answer": answer, "turn": turn, "card": card, "weight": weight, "rest": rest, "back": back}
    given |= {"parts": parts, "told": told, "words": words}
    return {**given, "threshold": threshold, "prior": prior, "viewer": viewer, "verdict": verdict, **folded}


def _weight_picker() -> gr.Dropdown:
    names = answering.pair_weights()
    choices = [(picker.title(n), n) for n in names]
    default = answering.default_weight()
    info = picker.line(default) if default else None
    return gr.Dropdown(choices, value=default, label="Model", info=info, interactive=True, elem_id="model")


def _folded() -> dict[str, Any]:
    with fold("The numbers behind the answer", "fold-numbers") as numbers:
        details = gr.HTML(elem_id="details")
    every, place, side = _every_model(), _place(), _side()
    with fold("What the network computed: attention, links, parts of the answer", "fold-inside") as inside:
        viewer = evidence_viewer()
    regions = _regions()
    curves = _curves()
    with fold("What this shows, and what it does not", "fold-limits") as limits:
        gr.Markdown(LIMITS)
    kept = {"numbers": numbers, "details": details, "every": every, "place": place, "inside": Inside(inside, viewer)}
    return {**kept, "side": side, "regions": regions, "curves": curves, "limits": limits}


def _every_model() -> EveryModel:
    with fold("All models on this pair", "fold-all") as part:
        table, note = gr.HTML(elem_id="all-models"), gr.HTML(elem_id="all-note")
        with gr.Row():
            stop = gr.Button("Stop", size="sm", visible=False, elem_id="all-stop")
            again = gr.Button("Ask all models again", size="sm", elem_id="all-again")
    return EveryModel(part, table, note, stop, again)


def _place() -> Place:
    with fold("Where this score lies among pairs of both kinds", "fold-place") as part:
        words = gr.HTML(elem_id="place-words")
        with gr.Row():
            bars, roc = (gr.Plot(show_label=False, min_width=300, elem_id=f"place-{n}") for n in ("bars", "roc"))
        reset = gr.Button("Back to the model's threshold and a prior of one half", size="sm", elem_id="reset")
    return Place(part, words, bars, roc, reset)


def _side() -> Side:
    with fold("Methods side by side, and how far they agree", "fold-methods") as part:
        options: dict[str, Any] = {"multiselect": True, "max_choices": side_by_side.MOST, "interactive": True}
        methods = gr.Dropdown(label="Methods", info=side_by_side.CHOOSE, elem_id="side-methods", **options)
        view, note = gr.HTML(elem_id="side-by-side"), gr.HTML(elem_id="side-note")
        stop = gr.Button("Stop", size="sm", visible=False, elem_id="side-stop")
    return Side(part, methods, view, note, stop)


def _regions() -> Regions:
    with fold("Which regions carry the score", "fold-regions") as part, gr.Row():
        with gr.Column(scale=5, min_width=300):
            plot = gr.Plot(show_label=False, elem_id="region-plot")
        with gr.Column(scale=3, min_width=240):
            table = gr.HTML(elem_id="region-table")
    return Regions(part, plot, table)


def _curves() -> Curves:
    raw = gr.State(None, time_to_live=SESSION_SECONDS)
    with fold("How the map was tested: deletion and insertion", "fold-curves") as part:
        with gr.Row():
            a, b = (gr.Plot(show_label=False, min_width=300, elem_id=f"curve-{face}") for face in "ab")
        table = gr.HTML(elem_id="curve-table")
    return Curves(part, raw, a, b, table)
