"""The page of two faces: laid out, wired, and opened with a finished example."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from ui.kinship import callbacks as do
from ui.kinship.events import wire
from ui.kinship.layout import Page, lay_out
from ui.shared import answering, cards
from ui.shared.widgets import VIEWS


def build() -> Page:
    """Lay two faces out and wire them; the components are for pages that send a pair here."""
    page = lay_out()
    wire(page)
    ready = gr.on(None, do.prepare_first_view, None, None, **VIEWS)
    done = [page.weight, *page.photos, page.a.pending, page.b.pending]
    ready.then(partial(_first_view, page), done, page.filled, **VIEWS)
    return page


def _first_view(page: Page, weight: str | None, *brought: Any) -> dict[Any, Any]:
    """A finished example, or why there is none; nothing for a visitor who was faster: a photo, another model."""
    if any(brought) or weight != answering.default_weight():
        return gr.skip()  # an empty dict would be one value for many components
    try:
        values = do.first_view()
    except do.FAILURES as error:
        return {page.card: cards.message(str(error), error=True)}
    if values is None:
        return {page.card: cards.message(do.UNTRAINED, error=True)}
    return dict(zip(page.filled, values, strict=True))
