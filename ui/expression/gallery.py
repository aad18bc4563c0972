"""The examples as a row of buttons."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from html import escape
from pathlib import Path

from PIL import Image

from ui.expression.callbacks import EXAMPLES
from ui.shared.examples import FOLDER

SIDE = 112
"""Of a thumbnail, pixels: twice what it is shown at."""
PICKED = (
    "element.addEventListener('click', e => { const hit = e.target.closest('[data-%s]');"
    " if (hit) trigger('click', {%s: Number(hit.dataset.%s)}); });"
)
"""A press, by mouse or keyboard, sends the number of what was pressed."""


def picked(word: str) -> str:
    """The script for buttons that carry data-WORD."""
    return PICKED % (word, word, word)


def gallery() -> str:
    """All examples."""
    items = "".join(
        f"<li role='none'><button type='button' class='ks-example' data-example='{i}' aria-label='{escape(who)}'>"
        "<span class='ks-faces'>"
        f"<img alt='' src='data:image/jpeg;base64,{_thumbnail(FOLDER / file)}'></span><b>{escape(who)}</b></button>"
        "</li>"
        for i, (file, who) in enumerate(EXAMPLES)
    )
    return f"<ul class='ks-examples' role='toolbar' aria-label='Examples' data-row>{items}</ul>"


@lru_cache(maxsize=len(EXAMPLES))
def _thumbnail(path: Path) -> str:
    """Base64 of a JPEG: the upper square of a portrait."""
    with Image.open(path) as photo:
        side, buffer = min(photo.size), io.BytesIO()
        left = (photo.width - side) // 2
        square = photo.convert("RGB").crop((left, 0, left + side, side))
    square.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()
