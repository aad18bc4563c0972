"""Widgets that several tabs share: a photo with its faces, a viewer of heatmaps, a report button."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from gradio.components.number import Number
from gradio.data_classes import ImageData, ListFiles
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from models import PhotoError
from models.faces.quality import CUT, UNSURE
from ui.shared import cards, placing
from ui.shared.photos import NO_FACE, VIEW_SIDE, Shot, read, shrink, take
from ui.shared.placing import Hand

SESSION_SECONDS = 2 * 3600
"""How long a session's state and its files are kept."""
LAST: dict[str, Any] = {"trigger_mode": "always_last", "api_visibility": "private"}
"""An event that comes while its step still runs waits and is answered with the newest values; Gradio would drop it."""
RUNS: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 2, **LAST}
"""Events that run a network: two at a time, whoever asks."""
MAKES: dict[str, Any] = {**RUNS, "trigger_mode": "once"}
"""Buttons that make a file: pressed again in the meantime, they make no second one."""
TASK_SECONDS, GALLERY_SECONDS = 180, 1800
"""How long a task may run networks; a gallery holds up to 2,000 photos."""
GALLERIES: dict[str, Any] = {**RUNS, "concurrency_id": "gallery", "concurrency_limit": 1}
"""Events that go through a whole gallery: minutes, so one at a time and beside the queue of single pairs."""
API_RUNS: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 2}
"""The same for endpoints that programs call."""
VIEWS: dict[str, Any] = {
    "concurrency_id": "view",
    "concurrency_limit": 8,
    "show_progress": "hidden",
    **LAST,
}
"""Events that only redraw."""
NOTICES: dict[str, Any] = {**VIEWS, "concurrency_id": "notice", "concurrency_limit": 1}
"""A picture's changes, one after the other: the second of two that say the same has to see what the first one did."""


_DRAWN: dict[str, None] = {}
"""Paths of the newest drawings that the page showed, oldest first; no upload ever has one of them."""
_FACELESS: dict[str, None] = {}
"""Paths of the newest photos that the page shows though no face was found in them, oldest first."""
KEPT_DRAWINGS = 10_000
_DRAWING = Lock()


class PhotoInput(NamedTuple):
    """The components of one photo, and the session's memory of it.

    Attributes:
        pending: state: the newest file, with a number of its own.
        hand: where a face is placed by hand; None where the tab has a way of its own.
    """

    image: gr.Image
    face: gr.Radio
    note: gr.HTML
    shot: gr.State
    pending: gr.State
    hand: Hand | None = None

    @property
    def outputs(self) -> list[Any]:
        """What take_photo and show_shot return values for."""
        return [self.shot, self.image, self.face, self.note]


def file_image(**options: Any) -> gr.Image:
    """A gr.Image that hands callbacks the path of the untouched upload.

    Gradio's own preprocessing opens the file first: a file that is no image then fails before any callback runs, and
    others are converted. Here ui.shared.photos reads them all, so that its messages reach the page.
    """
    image = gr.Image(type="filepath", **options)

    def path_of(payload: ImageData | None) -> str | None:
        return payload.path if payload else None

    image.preprocess = path_of  # type: ignore[method-assign]
    return image


def file_list(**options: Any) -> gr.File:
    """A gr.File for several files that hands callbacks the paths of the untouched uploads, whatever they are.

    As file_image: Gradio's own preprocessing refuses other kinds of files before any callback runs.
    """
    files = gr.File(file_count="multiple", **options)

    def paths_of(payload: ListFiles | None) -> list[str] | None:
        return [file.path for file in payload.root] if payload else None

    files.preprocess = paths_of  # type: ignore[method-assign, assignment]
    return files


def in_range(slider: gr.Slider, payload: float | None) -> float:
    """What a slider hands to callbacks: a number beyond its range as the end of the range, none as its lowest.

    Gradio's own preprocessing refuses it with an error, which stays on the page beside what was typed.
    """
    if payload is None:
        return float(slider.minimum)
    return Number.round_to_precision(min(max(payload, slider.minimum), slider.maximum), slider.precision)


def keep_sliders_in_range() -> None:
    """in_range for every slider of the process. On the class: what updates a slider makes a new one of it."""
    gr.Slider.preprocess = in_range  # type: ignore[method-assign, assignment]


def plain_number(value: float, **options: Any) -> gr.Number:
    """A gr.Number for endpoints that hands on what it was given: its range is checked in models/numbers.py."""
    found = gr.Number(value, **options)
    found.preprocess = lambda payload: payload  # type: ignore[method-assign]
    return found


def whole_number(value: int) -> gr.Number:
    """plain_number whose schema says integer."""
    return plain_number(value, precision=0)


def photo_input(name: str, title: str = "", height: int = 300, *, by_hand: bool = True) -> PhotoInput:
    """Upload, webcam or clipboard; the photo with boxes and keypoints; a picker when it holds several faces.

    Args:
        name: "Photo A" for name "A"; its small letters end the components' ids, so each is for one widget of the page.
        title: instead of "Photo A".
        height: of the picture, pixels.
        by_hand: with a panel that places a face, shown where none or a doubtful one was found.
    """
    title = title or f"Photo {name}"
    image = file_image(
        label=title,
        sources=["upload", "webcam", "clipboard"],
        format="jpeg",
        height=height,
        elem_id=f"photo-{name.lower()}",
        buttons=["fullscreen"],
        placeholder=f"{title}\nDrop a photo here, or click to choose one",
        alt_text=f"{title} with the faces found in it",
    )
    face = gr.Radio(label=f"Face in {title[0].lower() + title[1:]}", visible=False, elem_id=f"face-{name.lower()}")
    note = gr.HTML(
        cards.message("JPEG, PNG, WebP, BMP or TIFF, with at least one face."), elem_id=f"note-{name.lower()}"
    )
    shot, pending = (gr.State(None, time_to_live=SESSION_SECONDS) for _ in range(2))
    hand = placing.panel(f"photo-{name.lower()}", SESSION_SECONDS) if by_hand else None
    return PhotoInput(image, face, note, shot, pending, hand)


def notice(path: str | None, shot: Shot | None, pending: placing.Pending = None) -> Any:
    """What the picture of the widget has become -> a photo to take, or nothing when it is the page's own drawing.

    Gradio fires `upload` for files and pasted pictures alone, not for snapshots, and `clear` with the old value;
    `change` comes for all of them, and for what the page itself puts there. The drawing may be a former one: on a busy
    server its event comes after the photo has another face or another drawing. Each upload has a path of its own, and
    Gradio tells twice of some: taken a second time, it would undo what was chosen in the meantime.
    """
    if path is not None and pending is not None and path == pending[0]:
        return gr.skip()
    removed = path is None and shot is None and pending is not None and pending[0] in _FACELESS
    if not removed and (path in _DRAWN or path == (shot.shown if shot else None)):
        return gr.skip()
    return path, time.monotonic_ns()  # a photo may be removed twice


def take_photo(pending: tuple[str | None, int]) -> tuple[Shot | None, Any, Any, str]:
    """A new file -> session memory, picture, picker, note.

    A photo without a face stays to be seen, with the reason; what is no photo leaves an empty widget and the reason.
    """
    path = pending[0]
    if not path:
        return None, None, gr.update(visible=False), cards.message("No photo yet.")
    try:
        return show_shot(take(path))
    except PhotoError as error:
        note = cards.message(str(error), error=True)
        seen = faceless(path) if str(error) == NO_FACE else None
        return None, seen, gr.update(visible=False), placing.offer(note) if seen else note


def faceless(path: str) -> str:
    """A photo in which no face was found, as the page shows it: its path. Raises PhotoError when it is gone."""
    with _DRAWING:
        _keep(_FACELESS, path)
    return cached_picture(shrink(read(path).pixels, VIEW_SIDE)[0])


def take_placed(shot: Shot | None, pending: placing.Pending, points: Any) -> list[Any]:
    """A face placed by hand -> as take_photo; what cannot be placed changes the note alone."""
    try:
        shown = list(show_shot(placing.place(shot, pending, points)))
    except PhotoError as error:
        return [gr.skip()] * 3 + [placing.offer(cards.message(str(error), error=True))]
    return [*shown[:3], cards.message(placing.BY_HAND) + shown[3]]


def pick_face(shot: Shot | None, number: int | None) -> tuple[Shot | None, Any, Any, Any]:
    """Another face of the same photo; `number` counts from 1, as drawn."""
    if shot is None or number is None:
        return shot, gr.skip(), gr.skip(), gr.skip()
    try:
        return show_shot(shot.pick(int(number) - 1))
    except PhotoError as error:
        return None, None, gr.update(visible=False), cards.message(str(error), error=True)


def show_shot(shot: Shot) -> tuple[Shot | None, Any, Any, str]:
    """Session memory -> itself, picture with its faces, picker, quality note."""
    numbers = [(f"Face {i}", i) for i in range(1, len(shot.marks) + 1)]
    picker = gr.update(choices=numbers, value=shot.chosen + 1, visible=len(numbers) > 1)
    shot = replace(shot, shown=cached_picture(shot.view()))
    quality = shot.quality()
    note = cards.quality_note(quality, len(numbers), shot.note)
    doubtful = quality.confidence < UNSURE or quality.cut > CUT
    return shot, shot.shown, picker, placing.offer(note) if doubtful else note


def cached_picture(rgb: np.ndarray) -> str:
    """Write an (H, W, 3) uint8 picture where the page can fetch it; the same pixels give the same path."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "photo.jpg"
        Image.fromarray(rgb).save(path, quality=90)
        drawn = save_file_to_cache(path, get_upload_folder())
    with _DRAWING:
        _keep(_DRAWN, drawn)
    return drawn


def _keep(paths: dict[str, None], path: str) -> None:
    paths[path] = None
    if len(paths) > KEPT_DRAWINGS:
        del paths[next(iter(paths))]


def face_at(shot: Shot | None, event: gr.SelectData, clicks: Any = None) -> Any:
    """A click on the picture -> the number of the smallest face box under it, for the picker.

    Args:
        clicks: not None while a face is placed by hand: then nothing is picked.
    """
    if shot is None or clicks is not None or len(shot.marks) < 2 or not isinstance(event.index, (list, tuple)):
        return gr.skip()
    x, y = (float(v) for v in event.index[:2])
    boxes = [f.box for f in shot.faces_in_view()]
    hit = [i for i, (left, top, right, bottom) in enumerate(boxes) if left <= x <= right and top <= y <= bottom]
    return max(hit) + 1 if hit else gr.skip()  # faces are sorted, the smallest last


def on_change(
    photo: PhotoInput,
    then: Callable[[Any], None],
    *,
    taking: Callable[..., Any] = take_photo,
    also: Sequence[Any] = (),
) -> None:
    """Wire one photo: upload, paste, snapshot, clear, picker, click; `then` continues each event.

    Args:
        taking: what takes a new file, for a tab that wants another way than take_photo.
        also: components that `taking` returns values for, after the photo's own.
    """
    photo.image.change(notice, [photo.image, photo.shot, photo.pending], photo.pending, **NOTICES)
    outputs = [*photo.outputs, *also]
    then(photo.pending.change(taking, photo.pending, outputs, show_progress_on=photo.image, **RUNS))
    then(photo.face.input(pick_face, [photo.shot, photo.face], photo.outputs, show_progress_on=photo.image, **RUNS))
    asked = [photo.shot, photo.hand.clicks] if photo.hand else [photo.shot]
    clicked = photo.image.select(face_at, asked, photo.face, **VIEWS)
    then(clicked.success(pick_face, [photo.shot, photo.face], photo.outputs, show_progress_on=photo.image, **RUNS))
    if photo.hand:
        _wire_hand(photo, photo.hand, then)


def _wire_hand(photo: PhotoInput, hand: Hand, then: Callable[[Any], None]) -> None:
    """The panel is shown where the note offers it; a face that was placed is answered as any other."""
    given = [photo.shot, photo.pending]
    photo.note.change(None, photo.note, hand.panel, js=placing.SHOWN, show_progress="hidden", api_visibility="private")
    hand.click.click(placing.begin, given, [hand.clicks, photo.note], **VIEWS)
    photo.image.select(placing.click, [*given, hand.clicks], [hand.clicks, hand.points, photo.note], **VIEWS)
    hand.whole.click(placing.whole, None, hand.points, **VIEWS)
    hand.typed.submit(placing.typed, hand.typed, [hand.points, photo.note], **VIEWS)
    placed = [*given, hand.points]
    then(hand.points.change(take_placed, placed, photo.outputs, show_progress_on=photo.image, **RUNS))
