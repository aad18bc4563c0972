"""The page of two faces: laid out, wired, and opened with a finished example."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.kinship import arriving
from ui.kinship import callbacks as do
from ui.kinship.events import tell_parts, wire
from ui.kinship.layout import Page, lay_out
from ui.shared import answering, cards
from ui.shared.addresses import given
from ui.shared.widgets import VIEWS


def build() -> Page:
    """Lay two faces out and wire them; the components are for pages that send a pair here."""
    page = lay_out()
    wire(page)
    done = [page.weight, *page.photos, page.a.pending, page.b.pending]

    def prepare(request: gr.Request) -> None:
        if not given(request):
            do.prepare_first_view()

    def view(request: gr.Request, *now: Any) -> dict[Any, Any]:
        return gr.skip() if given(request) else first_view(page, *now)

    ready = gr.on(None, prepare, None, None, **VIEWS)
    tell_parts(ready.then(view, done, [*page.filled, page.here.told], **VIEWS), page)
    return page


def first_view(page: Page, weight: str | None, *brought: Any) -> dict[Any, Any]:
    """A finished example, or why there is none; nothing for a visitor who was faster: a photo, another model.

    What an address names comes instead of it.
    """
    if any(brought) or weight != answering.default_weight():
        return gr.skip()  # an empty dict would be one value for many components
    try:
        values = do.first_view()
    except do.FAILURES as error:
        return {page.card: cards.message(str(error), error=True)}
    if values is None:
        return {page.card: cards.message(do.UNTRAINED, error=True)}
    filled = dict(zip(page.filled, values, strict=True))
    a, b, method = filled[page.a.shot], filled[page.b.shot], filled[page.viewer.method]["value"]
    return {**filled, page.here.told: arriving.tell_pair(page.here, a, b, None, filled[page.weight], method)[0]}
