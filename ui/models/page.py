"""The Models tab: every weight in a table with its card, a leaderboard a question, the models without a weight."""

from __future__ import annotations

import dataclasses
from html import escape
from pathlib import Path

import gradio as gr

from models import available_weights, list_models
from models.registry import MODELS
from models.weights import unreadable_weights
from ui.models.boards import boards
from ui.models.table import table
from ui.shared.addresses import Offers, Place
from ui.shared.answering import log_unreadable, sidecar

STYLE, SCRIPT = (Path(__file__).with_name(name) for name in ("style.css", "table.js"))
HEAD = (
    "<p class='ks-sub'>Press a row for its card. Figures compare within one data set only; brackets are 95 % intervals."
    " A time is for a pair of faces, on two CPU cores. Beside the sets in the table, every shipped weight has learnt "
    "from, starts from or contains a network that saw millions of faces from the web.</p>"
)
BOARDS = (
    "<p class='ks-sub'>The best first, by the figure in the title; where intervals overlap, that may be chance.</p>"
)


def build() -> Place:
    """Lay the tab out; everything in it happens in the browser. What cannot be read is also logged.

    Returns:
        What addresses name of it: the card that is open.
    """
    log_unreadable()
    gr.HTML(page(), js_on_load=SCRIPT.read_text(), elem_id="models")
    return Place("models", "Models", Offers(lambda _: available_weights()))


def page() -> str:
    """The table, the leaderboards, and a plain list of the models without a weight."""
    # a sidecar of the user's may name another weight than its own
    rows = [dataclasses.replace(sidecar(name), name=name) for name in available_weights()]
    trained = {row.model for row in rows}
    return (
        f"<style>{STYLE.read_text()}</style>{HEAD}{_passed_over()}{table(rows)}"
        f"<details class='ks-boards'><summary>Leaderboards, one a question</summary>{BOARDS}"
        f"<div class='ks-board-grid'>{boards(rows)}</div></details>{_untrained(trained)}"
    )


def _passed_over() -> str:
    """Weights and folders that cannot be read, each with the reason; the app goes on without them."""
    rows = "".join(f"<li class='ks-error'>{escape(why)}</li>" for _, why in unreadable_weights())
    return f"<h3>Cannot be read</h3><ul class='ks-unreadable'>{rows}</ul>" if rows else ""


def _untrained(trained: set[str]) -> str:
    missing = [name for name in list_models() if name not in trained]
    demo = [name for name in missing if not name.endswith(".paper")]
    published = [name for name in missing if name.endswith(".paper")]
    return _list("Untrained: no weight shipped", demo) + _list(
        "Untrained, in the size as published: no weight shipped, bring your own", published
    )


def _list(heading: str, names: list[str]) -> str:
    rows = "".join(f"<li><code>{escape(n)}</code> {escape(MODELS[n].title)}</li>" for n in names)
    folded = f"<summary>{escape(heading)} ({len(names)})</summary><ul class='ks-missing'>{rows}</ul>"
    return f"<details class='ks-untrained'>{folded}</details>" if names else ""
