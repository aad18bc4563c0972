"""The Kinship tab: one question asked of two faces, of parents and child, of a gallery, or of many pairs."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from ui.kinship import batch_callbacks, batch_page
from ui.kinship import page as kinship
from ui.kinship import search_callbacks as searching
from ui.kinship import search_page as search
from ui.kinship import tri_callbacks as tri_do
from ui.kinship import tri_page as tri
from ui.kinship.callbacks import own_threshold
from ui.kinship.events import then_answer
from ui.kinship.layout import Page
from ui.shared.addresses import Place
from ui.shared.first_visit import first_visit
from ui.shared.widgets import RUNS, VIEWS

PAIR = "pair"
"""The sub-tab of two faces, where the others send their pairs."""
TO_TOP = "() => window.scrollTo({top: 0})"


def build() -> list[Place]:
    """A sub-tab a mode; the pairs of the others open as two faces. Returns what addresses name of it."""
    with gr.Tabs(elem_id="modes", overflow_behavior="wrap") as modes:
        with gr.Tab("Two faces", id=PAIR) as pair_tab:
            pair = kinship.build()
        with gr.Tab("Parents and child", id="tri") as tri_tab:
            family = tri.build()
        with gr.Tab("Search", id="search") as search_tab:
            found = search.build()
        with gr.Tab("Batch", id="batch") as batch_tab:
            batch = batch_page.build()
    three, asked = [family.father, family.mother, family.child], [family.here.asked]
    shown = first_visit(tri_tab, tri_do.load_example, three, family.photos, on=family.card, also=asked)
    tri.then_answer(shown, family)
    own = [found.files, found.collection, found.server_index, found.here.asked]
    make = searching.load_example
    seen = first_visit(search_tab, make, [found.probe], found.example, on=found.card, also=own)
    search.then_find(seen, found)
    search.then_tell(seen.then, found)
    _open_parents(modes, pair, family)
    _open_results(modes, pair, found)
    _open_compared(modes, pair, batch)
    inside = (
        (pair.here, pair_tab),
        (family.here, tri_tab),
        (found.here, search_tab),
        (batch.here, batch_tab),
    )
    return [here._replace(modes=modes, mode=tab) for here, tab in inside]


def _open_parents(modes: gr.Tabs, pair: Page, family: tri.Page) -> None:
    """A button a parent: that pair as two faces."""

    def opened(parent: Any, child: Any, weight: str | None) -> list[Any]:
        return [*tri_do.open_pair(parent, child, weight), gr.Tabs(selected=PAIR)]

    for button, parent in ((family.open_father, family.father), (family.open_mother, family.mother)):
        event = partial(button.click, opened, [parent.shot, family.child.shot, family.weight])
        _then_show(event, modes, pair, button)


def _open_results(modes: gr.Tabs, pair: Page, found: search.Page) -> None:
    """A click on a result: the probe and that face become the two photos of "Two faces"."""

    def opened(ranking: Any, event: gr.EventData) -> list[Any]:
        return [*searching.open_pair(ranking, event.entry), gr.Tabs(selected=PAIR)]

    event = partial(found.hits.click, opened, found.ranking)
    _then_show(event, modes, pair, found.hits)


def _open_compared(modes: gr.Tabs, pair: Page, batch: batch_page.Page) -> None:
    """A press on the faces of a row: that pair as two faces."""

    def opened(compared: Any, event: gr.EventData) -> list[Any]:
        return [*batch_callbacks.open_pair(compared, event.place), gr.Tabs(selected=PAIR)]

    event = partial(batch.table.click, opened, batch.batch)
    _then_show(event, modes, pair, batch.table)


def _then_show(event: Any, modes: gr.Tabs, pair: Page, on: Any) -> None:
    """`event` fills the photos, the model and the chosen sub-tab; then the pair is answered as any other."""
    sent = event([*pair.chosen, modes], show_progress_on=on, **RUNS)
    sent.success(None, None, None, js=TO_TOP, api_visibility="private")
    then_answer(sent.success(own_threshold, pair.weight, pair.threshold, **VIEWS), pair)
