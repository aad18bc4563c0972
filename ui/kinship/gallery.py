"""The examples as a row of buttons, each with both faces and what is known of them; and that truth beside an answer."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from html import escape
from pathlib import Path

from PIL import Image

from ui.shared.answering import sidecar
from ui.shared.examples import EXAMPLES, FOLDER, Example, recorded

SIDE = 112
"""Of a thumbnail, pixels: twice what it is shown at."""
PICKED = (
    "element.addEventListener('click', e => { const card = e.target.closest('[data-example]');"
    " if (card) trigger('click', {example: Number(card.dataset.example)}); });"
)
"""A press, by mouse or keyboard, sends the example's number."""


def gallery() -> str:
    """All examples; whether the model is right about one comes from `recorded`."""
    items = "".join(f"<li role='none'>{_button(number, example)}</li>" for number, example in enumerate(EXAMPLES))
    return f"<ul class='ks-examples' role='toolbar' aria-label='Examples' data-row>{items}</ul>"


def _button(number: int, example: Example) -> str:
    found, mark = recorded(example), ""
    if found is not None:
        words = f"{found.weight}<span class='ks-unseen'> {'agrees' if found.agrees else 'is wrong'}</span>"
        mark = f"<span class='ks-{'right' if found.agrees else 'wrong'}'>{words}</span>"
    faces = "".join(
        f"<img alt='' src='data:image/jpeg;base64,{thumbnail(FOLDER / n)}'>" for n in (example.a, example.b)
    )
    return (
        f"<button type='button' class='ks-example' data-example='{number}'><span class='ks-faces'>{faces}</span>"
        f"<b>Known: {escape(example.known)}</b><span>{escape(example.names)}</span>{mark}</button>"
    )


@lru_cache(maxsize=64)
def thumbnail(path: Path) -> str:
    """Base64 of a JPEG: the upper square of one of the app's own portraits."""
    with Image.open(path) as photo:
        side, buffer = min(photo.size), io.BytesIO()
        left = (photo.width - side) // 2
        square = photo.convert("RGB").crop((left, 0, left + side, side))
    square.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()


def known_line(example: Example | None, weight: str, above: bool) -> str:
    """Of an example: what is known, and whether the answer agrees; nothing of other photos."""
    if example is None:
        return ""
    truth = example.truth.get(sidecar(weight).task)
    said = f"Known: {escape(example.known)} ({escape(example.names)})."
    if truth is None:
        return f"<p class='ks-known'>{said} This question has no right answer here.</p>"
    right = above == truth
    words = "The model's answer agrees." if right else "The model is wrong here."
    return (
        f"<p class='ks-known ks-{'right' if right else 'wrong'}' data-agrees='{str(right).lower()}'>{said} {words}</p>"
    )
