"""A face placed by hand, in a photo in which none is found or the wrong place is: both eyes, or the whole photo.

Two eyes fix a similarity (models/faces/placed.py). Nothing here runs a network.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from models import KEYPOINT_NAMES, Face, PhotoError
from models.faces.detect import default_face
from models.faces.placed import place_face
from ui.shared import cards
from ui.shared.photos import VIEW_SIDE, Mark, Shot, read

LEFT, RIGHT = "Click the eye on the left of the picture.", "Now the eye on the right."
BY_HAND = "Placed by hand."
EYES = "Four numbers are wanted, in pixels of the photo: x and y of the left eye, x and y of the right eye."
NOTHING = "There is no photo yet."
OFFERED = "data-place"
"""Stands in a note under a photo whose face can be placed by hand; the browser then shows the panel."""
SHOWN = f"note => ({{__type__: 'update', visible: String(note || '').includes('{OFFERED}')}})"
Pending = tuple[str | None, int] | None


class Hand(NamedTuple):
    """The panel, and what it remembers.

    Attributes:
        clicks: state: pixels clicked so far, None while nothing is to be clicked.
        points: state: what was placed last, a tuple of numbers, () for the whole photo; with a number of its own.
    """

    panel: gr.Column
    click: gr.Button
    whole: gr.Button
    typed: gr.Textbox
    clicks: gr.State
    points: gr.State


def panel(name: str, seconds: float) -> Hand:
    """Lay it out, hidden.

    Args:
        name: its parts' ids begin with it.
        seconds: how long states are kept.
    """
    with gr.Column(visible=False, elem_id=f"{name}-hand", elem_classes="ks-hand") as column:
        with gr.Row():
            click = gr.Button("Place the face: click both eyes", size="sm", min_width=120, elem_id=f"{name}-eyes")
            whole = gr.Button("The photo is the face", size="sm", min_width=120, elem_id=f"{name}-whole")
        typed = gr.Textbox(
            label="Or type both eyes, px", placeholder="left x, y, right x, y", max_lines=1, elem_id=f"{name}-typed"
        )
    clicks, points = (gr.State(None, time_to_live=seconds) for _ in range(2))
    return Hand(column, click, whole, typed, clicks, points)


def offer(note: str) -> str:
    """A note under a photo, with the panel."""
    return f"<div {OFFERED}>{note}</div>"


def photo_of(shot: Shot | None, pending: Pending) -> str | None:
    """Path of the photo that is shown, whether a face was found in it or not."""
    return shot.path if shot else pending[0] if pending else None


def begin(shot: Shot | None, pending: Pending) -> tuple[Any, str]:
    """The button -> nothing clicked yet, and what to do."""
    if photo_of(shot, pending) is None:
        return None, cards.message(NOTHING, error=True)
    return (), offer(cards.message(LEFT))


def click(shot: Shot | None, pending: Pending, clicks: Any, event: gr.SelectData) -> list[Any]:
    """A click on the photo -> clicks, points, note; without the button before it nothing happens."""
    path = photo_of(shot, pending)
    at = event.index[:2] if isinstance(event.index, (list, tuple)) else ()
    if clicks is None or path is None or len(at) != 2 or not all(_is_place(v) for v in at):
        return [gr.skip()] * 3
    height, width = read(path).pixels.shape[:2]
    scale = min(1.0, VIEW_SIDE / max(height, width))
    clicks = (*clicks, *(round((float(v) + 0.5) / scale - 0.5, 1) for v in at))
    if len(clicks) < 4:
        return [clicks, gr.skip(), offer(cards.message(RIGHT))]
    return [None, (clicks, time.monotonic_ns()), gr.skip()]


def _is_place(value: object) -> bool:
    """Can a click of a browser, or of a program, have this coordinate?"""
    return isinstance(value, (int, float)) and math.isfinite(value)


def whole() -> Any:
    """The button -> points."""
    return (), time.monotonic_ns()


def typed(text: str) -> tuple[Any, Any]:
    """What was typed -> points, note."""
    numbers = re.findall(r"(?<![\d.])-?\d+(?:\.\d+)?", text or "")
    if len(numbers) != 4:
        return gr.skip(), offer(cards.message(EYES, error=True))
    return (tuple(map(float, numbers)), time.monotonic_ns()), gr.skip()


def place(shot: Shot | None, pending: Pending, points: Any) -> Shot:
    """The photo with its chosen face where it was placed.

    Args:
        points: as Hand.points.

    Raises:
        PhotoError: the photo is no longer there, or the eyes lie in one place.
    """
    path = photo_of(shot, pending)
    if path is None or points is None:
        raise PhotoError(NOTHING)
    photo = read(path)
    try:
        face = _face(photo.pixels, points[0])
    except ValueError as error:
        raise PhotoError(str(error)) from error
    mark = Mark(face.keypoints, face.box, face.confidence)
    if shot is None:
        return Shot(path, (mark,), note=photo.note)
    return replace(shot, marks=tuple(mark if i == shot.chosen else m for i, m in enumerate(shot.marks)))


def _face(photo: np.ndarray, eyes: tuple[float, ...]) -> Face:
    if not eyes:
        return default_face(photo)
    known, size = np.full((len(KEYPOINT_NAMES), 2), np.nan), photo.shape[1::-1]
    known[:2] = np.reshape(eyes, (2, 2))
    if ((known[:2] < -1) | (known[:2] > size)).any():
        raise ValueError(f"The eyes lie outside of the photo, which has {size[0]} x {size[1]} pixels.")
    return place_face(photo, known)
