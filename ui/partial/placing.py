"""Photo 2 of the tab Partial face when no face is found in it, or in the wrong place: keypoints placed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from models import KEYPOINT_NAMES, Face, PhotoError
from models.faces.detect import default_face
from models.faces.placed import place_face
from ui.shared import cards
from ui.shared.photos import NO_FACE, VIEW_SIDE, Mark, Shot, read, take
from ui.shared.widgets import show_shot

NOT_FOUND = (
    "No face was found: the photo may show too little of one. It is placed as if the face filled the photo. Put the "
    "keypoints that you can see where they belong, below, and empty the others."
)
BY_HAND = "Placed by hand: the networks see the face where these keypoints put it."
Rows = Sequence[Sequence[Any]]


def take_any(path: str) -> tuple[Shot, bool]:
    """A photo with its faces, and whether one was found; without one a face is put where a tight crop has it.

    Raises:
        PhotoError: the photo cannot be used at all.
    """
    try:
        return take(path), True
    except PhotoError as error:
        if str(error) != NO_FACE:
            raise
    photo = read(path)
    return Shot(path, (_mark(default_face(photo.pixels)),), note=photo.note), False


def _mark(face: Face) -> Mark:
    return Mark(face.keypoints, face.box, face.confidence)


def take_photo(pending: tuple[str | None, int]) -> list[Any]:
    """A new file -> shot, picture, picker, note, and the panel for placing, opened when no face was found."""
    path = pending[0]
    nothing = (None, None, gr.update(visible=False))
    if not path:
        return [*nothing, cards.message("No photo yet."), gr.update(open=False)]
    try:
        shot, found = take_any(path)
        shown = list(show_shot(shot))
    except PhotoError as error:
        return [*nothing, cards.message(str(error), error=True), gr.update(open=False)]
    if not found:
        shown[3] = cards.message(NOT_FOUND, error=True) + shown[3]
    return [*shown, gr.update(open=not found)]


def rows_of(shot: Shot | None) -> list[list[Any]]:
    """The table of the chosen face's keypoints, pixels of the photo."""
    if shot is None:
        return [[name, None, None] for name in KEYPOINT_NAMES]
    points = shot.marks[shot.chosen].keypoints
    return [[name, round(float(x), 1), round(float(y), 1)] for name, (x, y) in zip(KEYPOINT_NAMES, points, strict=True)]


def _whole(rows: Rows) -> list[list[Any]]:
    """A row of three cells for each keypoint, by its name: rows and cells can be deleted on the page."""
    found = {str(row[0]): [*row[1:3], None, None][:2] for row in rows if len(row)}
    return [[name, *found.get(name, (None, None))] for name in KEYPOINT_NAMES]


def points_of(rows: Rows) -> np.ndarray:
    """(5, 2) pixels of the photo; NaN where a row is blank or missing.

    Raises:
        ValueError: a cell that is no number; the message says which.
    """
    out = np.full((len(KEYPOINT_NAMES), 2), np.nan)
    for i, (name, *cells) in enumerate(_whole(rows)):
        for j, (axis, cell) in enumerate(zip("xy", cells, strict=True)):
            text = str(cell).strip() if cell is not None else ""
            if text in ("", "nan", "None"):
                continue
            try:
                out[i, j] = float(text.replace(",", "."))
            except ValueError as error:
                raise ValueError(f"{axis} of the {name} is no number: {text!r}") from error
    return out


def place(shot: Shot | None, rows: Rows) -> list[Any]:
    """A table -> shot, picture, picker, note; the table stays as it was typed."""
    if shot is None:
        return [gr.skip()] * 4
    try:
        face = place_face(shot.face().photo, points_of(rows))
        mark = _mark(face)
        marks = tuple(mark if i == shot.chosen else m for i, m in enumerate(shot.marks))
        shown = list(show_shot(replace(shot, marks=marks)))
    except (PhotoError, ValueError) as error:
        return [gr.skip()] * 3 + [cards.message(str(error), error=True)]
    shown[3] = cards.message(BY_HAND) + shown[3]
    return shown


def click(shot: Shot | None, picked: int | None, rows: Rows, event: gr.SelectData) -> Any:
    """A click on the photo puts the picked keypoint there -> the table; without one nothing happens."""
    if shot is None or picked is None or not isinstance(event.index, (list, tuple)):
        return gr.skip()
    height, width = shot.face().photo.shape[:2]
    scale = min(1.0, VIEW_SIDE / max(height, width))
    at = [round((float(v) + 0.5) / scale - 0.5, 1) for v in event.index[:2]]
    return [[row[0], *at] if i == picked else row for i, row in enumerate(_whole(rows))]


def clear(picked: int | None, rows: Rows) -> Any:
    """The picked keypoint cannot be seen -> the table with its row empty."""
    if picked is None:
        return gr.skip()
    return [[row[0], None, None] if i == picked else row for i, row in enumerate(_whole(rows))]


def from_other(first: Shot | None, second: Shot | None) -> Any:
    """The keypoints of photo 1, in the same share of photo 2's width and height -> the table."""
    if first is None or second is None:
        return gr.skip()
    sizes = [np.array(s.face().photo.shape[1::-1], np.float64) for s in (first, second)]
    points = (first.marks[first.chosen].keypoints + 0.5) / sizes[0] * sizes[1] - 0.5
    return [[name, round(float(x), 1), round(float(y), 1)] for name, (x, y) in zip(KEYPOINT_NAMES, points, strict=True)]


def detected(shot: Shot | None) -> list[Any]:
    """Back to what detection found, or to the placing without one -> as take_photo."""
    if shot is None:
        return [gr.skip()] * 5
    return take_photo((shot.path, 0))
