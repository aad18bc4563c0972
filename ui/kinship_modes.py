"""The Kinship tab: one question asked of two faces, or of many."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui import kinship, search
from ui import search_callbacks as searching
from ui.kinship_callbacks import own_threshold
from ui.widgets import RUNS, VIEWS


def build() -> None:
    """A sub-tab a mode; a search result opens as a pair."""
    with gr.Tabs(elem_id="modes") as modes:
        with gr.Tab("Two faces", id="pair"):
            pair = kinship.build()
        with gr.Tab("Search", id="search"):
            found = search.build()
    _open_results(modes, pair, found)


def _open_results(modes: gr.Tabs, pair: kinship.Page, found: search.Page) -> None:
    """A click on a result: the probe and that face become the two photos of "Two faces"."""

    def opened(probe: Any, collection: Any, ranking: Any, event: gr.EventData) -> list[Any]:
        weight = ranking.weight if ranking else None
        return [*searching.open_pair(probe, collection, weight, event.entry), gr.Tabs(selected="pair")]

    filled = [*pair.a.outputs, *pair.b.outputs, pair.weight, modes]
    given = [found.probe.shot, found.collection, found.ranking]
    sent = found.hits.click(opened, given, filled, show_progress_on=found.hits, **RUNS)
    kinship.then_answer(sent.success(own_threshold, pair.weight, pair.threshold, **VIEWS), pair)
