"""Every event of the page of two faces. Photos, models and methods run networks; thresholds and opacity never do."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from ui.kinship import arriving, comparing, regions, side_by_side
from ui.kinship import callbacks as do
from ui.kinship.layout import Page
from ui.shared import evidence_callbacks, making
from ui.shared.evidence_view import EvidenceViewer
from ui.shared.evidence_view import wire as wire_inside
from ui.shared.folds import REOPEN, fill, mark, remember
from ui.shared.turns import TURNS
from ui.shared.widgets import RUNS, VIEWS, on_change

ALL: dict[str, Any] = {**RUNS, "concurrency_id": "all", "concurrency_limit": 1}
"""All models on one pair: seconds, so beside the queue of single pairs."""
WORDS: dict[str, Any] = {**RUNS, "concurrency_id": "words", "concurrency_limit": 1, "show_progress": "hidden"}
"""Hundreds of passes, so one at a time and beside the queue of answers."""
TO_PHOTOS = "() => document.querySelector('#photos').scrollIntoView({behavior: 'smooth', block: 'start'})"


def wire(page: Page) -> None:
    """All of them."""
    _wire_answer(page)
    _wire_map(page)
    for photo in (page.a, page.b):
        on_change(photo, lambda event: then_answer(event, page))
    then_answer(page.weight.input(do.own_threshold, page.weight, page.threshold, **VIEWS), page)
    loaded = page.examples.click(do.picked_example, page.weight, page.chosen, show_progress_on=page.card, **RUNS)
    then_answer(loaded.then(do.own_threshold, page.weight, page.threshold, **VIEWS), page)
    page.weight.change(do.describe, page.weight, page.weight, **VIEWS)
    _wire_arrivals(page)
    page.back.click(None, None, None, js=TO_PHOTOS, api_visibility="private")
    _wire_sliders(page)
    _wire_viewer(page)
    _wire_folds(page)
    _wire_report(page)


def _wire_arrivals(page: Page) -> None:
    """An address, a photo of another tab, and the two photos swapped."""
    here = page.here
    given, filled = [here.asked, here.own, *page.photos, page.weight], [*page.chosen, page.viewer.method]
    come = here.asked.change(arriving.visit, given, filled, show_progress_on=page.card, **RUNS)
    then_answer(come.success(arriving.own_threshold, [here.asked, page.weight], page.threshold, **VIEWS), page)
    page.swap.click(arriving.swap, [*page.photos, page.viewer.method], here.asked, **VIEWS)


def _wire_sliders(page: Page) -> None:
    # input, not change: a slider that a new model sets must not draw the old answer over the new one
    asked = [page.answer, page.threshold, page.prior, *page.photos]
    for slider in (page.threshold, page.prior):
        _then_place(slider.input(do.set_threshold, asked, [page.card, page.details], **VIEWS).then, page)
    page.threshold.input(regions.at_threshold, [page.parts, page.threshold], page.words, **VIEWS)
    told = [page.here.told, page.here.own]
    page.threshold.input(partial(arriving.tell_pair, page.here), _told_of(page), told, **VIEWS)
    back = page.place.reset.click(do.own_settings, page.weight, [page.threshold, page.prior], **VIEWS)
    back.then(partial(arriving.tell_pair, page.here), _told_of(page), told, **VIEWS)
    _then_place(back.then(do.set_threshold, asked, [page.card, page.details], **VIEWS).then, page)
    back.then(regions.at_threshold, [page.parts, page.threshold], page.words, **VIEWS)


def _told_of(page: Page) -> list[Any]:
    """What arriving.tell_pair takes after the place."""
    return [*page.photos, page.here.asked, page.weight, page.viewer.method, page.viewer.layer, page.threshold]


def _then_place(event: Any, page: Page) -> Any:
    """The plots at another threshold, where they are open."""
    place = page.place
    return fill(event, place.fold, comparing.place, [page.answer, page.threshold], place.drawn, **VIEWS)


def _wire_viewer(page: Page) -> None:
    viewer = page.viewer
    chosen = viewer.method.input(do.offer_layers, [page.weight, viewer.method], viewer.layer, **VIEWS)
    page.to_explain.after(chosen)
    page.to_explain.on(viewer.layer.input)
    viewer.opacity.input(do.redraw, [viewer.maps, *page.photos, viewer.opacity], viewer.view, **VIEWS)
    wire_inside(page.inside.viewer, viewer.opacity)


def _wire_folds(page: Page) -> None:
    """A part is filled when it is opened, and when there is another answer while it is open."""
    for part in (page.numbers, page.limits):
        remember(part)
    fill_curves(remember(page.curves.fold).then, page)
    for event in (remember(page.regions.fold).then, page.turn.change):
        covered, given = page.regions, [*page.photos, page.answer]
        shown = {"key": page.turn, "show_progress_on": covered.plot, **RUNS}
        fill(event, covered.fold, regions.cover_regions, given, [covered.plot, covered.table], **shown)
    for event in (remember(page.inside.fold).then, page.turn.change):
        viewer, given = page.inside.viewer, [page.inside.viewer.seen, page.viewer.opacity]
        fill(event, page.inside.fold, evidence_callbacks.show, given, viewer.filled, key=page.turn, **VIEWS)
    for event in (remember(page.place.fold).then, page.turn.change):
        _then_place(event, page)
    _wire_every_model(page)
    _wire_methods(page)
    page.turn.change(None, None, None, js=REOPEN, api_visibility="private")


def _wire_every_model(page: Page) -> None:
    """Asked when the part is opened, for another pair while it is open, and again on demand; it can be stopped."""
    every = page.every
    given, how = [every.fold.opened, every.fold.filled, *page.photos], {"show_progress": "hidden", **ALL}
    forgotten = every.again.click(lambda: None, None, every.fold.filled, **VIEWS)
    asked = [
        event(comparing.ask_all, given, every.outputs, **how)
        for event in (remember(every.fold).then, page.turn.change, forgotten.then)
    ]
    every.stop.click(comparing.stopped, None, [every.note, every.stop], cancels=asked, **VIEWS)


def _wire_methods(page: Page) -> None:
    """Tried when the part is opened, for another answer while it is open, and when others are chosen; it can stop."""
    side, how = page.side, {"show_progress": "hidden", **ALL}
    given = [side.fold.opened, side.fold.filled, page.turn, *page.photos, page.answer, side.methods]
    asked = [
        event(side_by_side.compare, given, side.outputs, **how)
        for event in (remember(side.fold).then, page.turn.change, side.methods.input)
    ]
    side.stop.click(side_by_side.stopped, None, [side.note, side.stop], cancels=asked, **VIEWS)


def fill_curves(event: Any, page: Page) -> None:
    """The curves of the map that is shown, where their part is open."""
    fill(event, page.curves.fold, do.draw_curves, [page.curves.raw], page.curves.drawn, **VIEWS)


def _wire_report(page: Page) -> None:
    viewer = page.viewer
    shown = [page.answer, viewer.maps, viewer.method, viewer.layer, page.threshold, viewer.opacity]
    making.wire(page.report, do.make_report, [*page.photos, *shown, *_looked_at(page.inside.viewer)])


def _looked_at(inside: EvidenceViewer) -> list[Any]:
    """What the report is told of the patch on the page."""
    return [inside.seen, inside.attention.layer, inside.attention.head, inside.attention.place, inside.links.number]


def then_answer(event: Any, page: Page) -> None:
    """After `event`: the answer, the pickers that fit the model, the map, and what is open below."""
    page.to_answer.after(event)


def _wire_answer(page: Page) -> None:
    others = [p.fold for p in (page.every, page.place, page.side, page.inside, page.regions, page.curves)]
    former = [page.viewer.view, page.verdict, page.words, *(part.panel for part in others)]
    answered = mark(page.to_answer, *former, former=True).then(
        do.answer_pair,
        [*page.photos, page.weight, page.threshold, page.prior],
        [page.answer, page.card, page.details, page.rest, page.inside.viewer.seen],
        show_progress_on=page.card,
        **RUNS,
    )
    told = answered.then(do.answered, [page.answer, page.inside.viewer.seen], page.answered, **VIEWS)
    viewer = page.viewer
    asked = [page.weight, viewer.method, page.here.asked, viewer.maps]
    offered = told.then(do.offer_methods, asked, [viewer.method, viewer.layer], **VIEWS)
    page.to_explain.after(offered)


def _wire_map(page: Page) -> None:
    """The map, and what follows it, whether it is finished or stopped."""
    viewer, here = page.viewer, page.here
    former = [viewer.view, page.verdict, page.curves.fold.panel]
    outputs = [viewer.maps, viewer.view, viewer.stop]

    def fade_and_tell(*given: Any) -> list[Any]:
        TURNS.begin()
        return [*[gr.update(elem_classes=["ks-former"])] * len(former), None, *arriving.tell_pair(here, *given)]

    faded = [*former, page.curves.raw, here.told, here.own]
    explained = page.to_explain.then(fade_and_tell, _told_of(page), faded, **VIEWS).then(
        do.explain_pair,
        [*page.photos, page.answer, viewer.method, viewer.layer, viewer.opacity],
        outputs,
        show_progress_on=viewer.view,
        **RUNS,
    )
    _then_check(explained, page)
    given = [*page.photos, page.answer, viewer.maps]
    _then_check(viewer.stop.click(do.stopped, given, outputs, cancels=[explained], **VIEWS), page)


def _then_check(event: Any, page: Page) -> None:
    """After the maps, or after they were stopped: how far they can be trusted, and the curves where they are open."""
    checked = mark(event, page.viewer.view, former=False).then(
        do.check_maps,
        [*page.photos, page.answer, page.viewer.maps],
        [page.verdict, page.curves.raw],
        show_progress_on=page.verdict,
        **RUNS,
    )
    fill_curves(mark(checked, page.verdict, former=False).then, page)
    tell_parts(checked, page)


def tell_parts(event: Any, page: Page) -> None:
    """After `event`: what the parts of the faces are worth, unless it stands there already."""
    given = [page.turn, page.told, *page.photos, page.answer, page.threshold]
    told = event.then(regions.tell_parts, given, [page.told, page.parts, page.words], **WORDS)
    now = [page.turn, page.told, page.parts, page.threshold]
    told.then(regions.told_at_threshold, now, page.words, **VIEWS)
