"""Folded parts of a page: closed at first, filled when they are opened, and remembered by the visitor's browser.

What only a folded part shows is not computed before it is opened, nor while it is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import gradio as gr

from ui.shared.cards import ErrorMessage
from ui.shared.widgets import SESSION_SECONDS, VIEWS

_STORE = """() => { try { const key = 'kinsight-open', open = new Set(JSON.parse(localStorage.getItem(key) || '[]'));
  open.%s('%s'); localStorage.setItem(key, JSON.stringify([...open])); } catch (e) { /* not remembered */ }
  return []; }"""
REOPEN = """() => setTimeout(() => { try {
  for (const id of JSON.parse(localStorage.getItem('kinsight-open') || '[]'))
    document.querySelector(`.ks-fold#${CSS.escape(id)} > button.label-wrap:not(.open)`)?.click();
} catch (e) { /* no storage: all stay closed */ } }, 300)"""
"""Opens what this browser had open, as a press on each heading would."""


class Fold(NamedTuple):
    """One folded part.

    Attributes:
        accordion: its heading.
        panel: what is folded; fades while it shows a former answer.
        opened: state: is it open?
        filled: state: what it was last filled for; None after a failure.
    """

    accordion: gr.Accordion
    panel: gr.Column
    opened: gr.State
    filled: gr.State


@contextmanager
def fold(label: str, name: str) -> Iterator[Fold]:
    """A closed part with the id `name`; what is laid out within the block is folded."""
    with gr.Accordion(label, open=False, elem_id=name, elem_classes="ks-fold") as accordion:
        opened, filled = (gr.State(None, time_to_live=SESSION_SECONDS) for _ in range(2))
        with gr.Column() as panel:
            yield Fold(accordion, panel, opened, filled)


def mark(event: Any, *panels: Any, former: bool) -> Any:
    """After `event`: fade panels that still show a former answer, or show them in full again; returns the step."""
    return _marked(event.then, panels, former)


def fade(listen: Callable[..., Any], *panels: Any) -> Any:
    """On an event (its listener): fade panels; returns the step, after which comes what takes longer."""
    return _marked(listen, panels, former=True)


def _marked(listen: Callable[..., Any], panels: Sequence[Any], former: bool) -> Any:
    """In the browser alone: at once, however busy the server is."""
    step = f"{{__type__: 'update', elem_classes: {['ks-former'] * former}}}"
    script = f"() => [{', '.join([step] * len(panels))}]"
    return listen(None, None, list(panels), js=script, show_progress="hidden", api_visibility="private")


def remember(part: Fold) -> Any:
    """Keep in mind whether a part is open, here and in the browser; returns the event of its opening."""
    name = part.accordion.elem_id
    part.accordion.collapse(lambda: False, None, part.opened, js=_STORE % ("delete", name), **VIEWS)
    return part.accordion.expand(lambda: True, None, part.opened, js=_STORE % ("add", name), **VIEWS)


def fill(
    event: Callable[..., Any],
    part: Fold,
    work: Callable[..., Sequence[Any]],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    *,
    key: gr.State | None = None,
    **how: Any,
) -> Any:
    """Fill a part at an event, if it is open; returns the step.

    Args:
        event: `button.click`, `step.then` or the like.
        part: what is filled.
        work: from the values of `inputs` to values for `outputs`; one that is an ErrorMessage says that it failed, and
            the part is filled again when it is opened again.
        inputs, outputs: components.
        key: state that names what is shown now: a part that was filled for it is left alone.
        how: options of the event.
    """

    def step(opened: bool | None, filled: Any, now: Any, *values: Any) -> list[Any]:
        if not opened or (key is not None and now == filled):
            return [gr.skip()] * (2 + len(outputs))
        made = work(*values)
        failed = any(isinstance(value, ErrorMessage) for value in made)
        return [None if failed else now, gr.update(elem_classes=[]), *made]

    step.__name__ = work.__name__  # not wraps: Gradio would count the arguments of `work`
    given = [part.opened, part.filled, key or part.filled, *inputs]
    return event(step, given, [part.filled, part.panel, *outputs], **how)
