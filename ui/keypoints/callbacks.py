"""What the tab Keypoints does, as plain functions: values in, values for components out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from explain.evidence import centre_of, patch_at
from explain.keypoints.find import SWEEPS, shared_limit
from explain.keypoints.findings import Query
from explain.keypoints.render import field_picture, keypoints_picture, sweep_figure
from explain.keypoints.report import write_offsets
from models.faces.affine import Move
from ui.keypoints import answers as following
from ui.keypoints import cards as keypoints_cards
from ui.keypoints.answers import KPRPE, MODELS, OFFSET_MODELS, PatchQuery, Points, Setting, Sweeps, View
from ui.shared import cards, doubts
from ui.shared.answering import sidecar, weight_of
from ui.shared.evidence_callbacks import clicked
from ui.shared.failures import FAILURES
from ui.shared.making import file_name, kept, photo_name
from ui.shared.photos import Shot, example_shot
from ui.shared.widgets import show_shot

WAITING = "The answer appears here as soon as the photo shows a face."
EXAMPLE, EXAMPLE_ROTATION = "obama_2012.jpg", 20
"""What a first visit shows: a photo, and by how many degrees its face is turned."""
NEAR = 0.06
"""A click this near a keypoint, in sides of the crop, picks it."""
Place = tuple[float, float]


def setting(
    rotation: float, scale: float, shift_x: float, shift_y: float, off: bool, keypoints: Points | None
) -> Setting:
    """What the controls say; shifts in percent of the crop's side."""
    return Setting(Move(float(rotation), float(scale), shift_x / 100, shift_y / 100), keypoints, bool(off))


def run(shot: Shot | None, *controls: Any) -> tuple[PatchQuery | None, str, Any]:
    """Photo and controls (as `setting` takes them) -> what the networks made of them, the answer, the rest shown."""
    if shot is None:
        return None, cards.message(WAITING), gr.update(visible=False)
    try:
        look = following.look(shot, setting(*controls))
    except FAILURES as error:
        return None, cards.message(str(error), error=True), gr.update(visible=False)
    return look, keypoints_cards.answer(look, doubts.about(("the photo", shot))), gr.update(visible=True)


def first_place(look: PatchQuery) -> Place:
    """(y, x) of the left eye: the patch that is looked at until another is clicked."""
    x, y = (float(v) for v in look.keypoints[0].clip(0, 1))
    return y, x


def view_of(look: PatchQuery, layer: int | None, head: int | None, place: Place | None) -> View:
    """What is looked at; a layer or head this network does not have falls back to the last and to the mean."""
    maps = look.followed[KPRPE].attention
    block = layer if layer is not None and layer in range(len(maps)) else len(maps) - 1
    heads = len(maps[f"block{block}.attn"].weights)
    return View(place or first_place(look), block, head - 1 if head and head <= heads else None)


def draw(
    look: PatchQuery | None, layer: int | None, head: int | None, place: Place | None, opacity: float
) -> list[Any]:
    """Row, column, both offset fields, their note, difference, attention; no model runs."""
    if look is None:
        return [gr.skip()] * 7
    view = view_of(look, layer, head, place)
    maps = look.followed[KPRPE].attention[view.attn]
    patch = patch_at(maps.grid_q, view.place)
    sliders = [gr.update(maximum=n, value=i + 1) for n, i in zip(maps.grid_q, patch, strict=True)]
    read = keypoints_cards.attention(look, view, patch, opacity)
    if look.setting.off:
        plain = keypoints_picture(look.crop, look.keypoints, look.detected)
        return [*sliders, plain, plain, keypoints_cards.off_note(), "", read]
    both = [following.fields(look.followed[m], view, patch)[0] for m in OFFSET_MODELS]
    limit = shared_limit(both)
    pictures = [field_picture(look.crop, field, patch, look.keypoints, opacity=opacity, limit=limit) for field in both]
    note = keypoints_cards.offsets_note(view, len(maps.weights), limit)
    return [*sliders, *pictures, note, keypoints_cards.difference(look, view, patch, opacity), read]


def offer(look: PatchQuery | None, layer: int | None, head: int | None) -> list[Any]:
    """Layer and head pickers of these networks; what was chosen stays where it can."""
    if look is None:
        return [gr.skip(), gr.skip()]
    maps, view = look.followed[KPRPE].attention, view_of(look, layer, head, None)
    heads = len(maps[view.attn].weights)
    blocks = [(f"Block {i}", i) for i in range(len(maps))]
    choices = [("mean of all heads", 0), *((f"head {i}", i) for i in range(1, heads + 1))]
    return [
        gr.update(choices=blocks, value=view.layer),
        gr.update(choices=choices, value=0 if view.head is None else view.head + 1),
    ]


def place_of(look: PatchQuery | None, row: int, column: int) -> Any:
    """Sliders, from 1 -> the middle of that patch."""
    if look is None:
        return gr.skip()
    grid = next(iter(look.followed[KPRPE].attention.values())).grid_q
    return centre_of(grid, min(int(row), grid[0]) - 1, min(int(column), grid[1]) - 1)


def draw_fed(look: PatchQuery | None, picked: int | None) -> list[Any]:
    """The crop with its keypoints, and the numbers of the picked one in pixels of the crop; no model runs."""
    if look is None:
        return [gr.skip()] * 3
    image = keypoints_picture(look.crop, look.keypoints, look.detected, picked)
    if picked is None:
        return [image, gr.update(value=None, interactive=False), gr.update(value=None, interactive=False)]
    size = look.crop.shape[0]
    x, y = (round(float(v) * size - 0.5, 1) for v in look.keypoints[picked])
    return [image, gr.update(value=x, interactive=True), gr.update(value=y, interactive=True)]


def click_keypoint(look: PatchQuery | None, picked: int | None, event: gr.SelectData) -> Any:
    """A click on the crop: picks the keypoint under it, or puts the picked one there -> picked, keypoints."""
    place = clicked(event)
    if look is None or not isinstance(place, tuple):
        return gr.skip(), gr.skip()
    at = np.array([place[1], place[0]])
    distance = np.linalg.norm(look.keypoints - at, axis=1)
    nearest = int(distance.argmin())
    if distance[nearest] < NEAR and nearest != picked:
        return nearest, gr.skip()
    if picked is None:
        return gr.skip(), gr.skip()
    return None, _with(look, picked, at)


def type_keypoint(look: PatchQuery | None, picked: int | None, x: float | None, y: float | None) -> Any:
    """Numbers in pixels of the crop -> keypoints."""
    if look is None or picked is None or x is None or y is None:
        return gr.skip()
    size = look.crop.shape[0]
    return _with(look, picked, (np.array([x, y]) + 0.5).clip(0, size) / size)


def _with(look: PatchQuery, picked: int, at: np.ndarray) -> Points:
    """All keypoints in the frame of the aligned crop, where they stay when the crop is moved again."""
    points = look.keypoints.astype(np.float64)
    points[picked] = at
    return tuple((float(x), float(y)) for x, y in look.setting.move.back(points))


def curves(shot: Shot | None, look: PatchQuery | None, held: Sweeps | None) -> list[Any]:
    """The curves of this photo, computed when they are not held yet, with the present setting marked."""
    if shot is None or look is None or look.of != shot.key:
        return [None, *[None] * len(SWEEPS)]
    try:
        held = following.sweeps(shot, look.setting.off, held)
    except FAILURES:  # the card has said so
        return [None, *[None] * len(SWEEPS)]
    return [held, *mark(look, held)]


def mark(look: PatchQuery, held: Sweeps) -> list[Any]:
    """A figure a sweep."""
    return [
        sweep_figure(s, getattr(look.setting.move, s.what), look.similarity).update_layout(
            height=330, margin={"t": 10, "b": 90}, legend_y=-0.32
        )
        for s in held.curves
    ]


def animate(shot: Shot | None, look: PatchQuery | None, what: str, *view: Any) -> tuple[str | None, str]:
    """GIF of a sweep -> its path for the download link, and a line when there is nothing to show."""
    if shot is None or look is None or look.of != shot.key:
        return None, cards.message(WAITING, error=True)
    try:
        *chosen, opacity = view
        seen = view_of(look, *chosen)
        patch = patch_at(next(iter(look.followed[KPRPE].attention.values())).grid_q, seen.place)
        made = following.animation(shot, what, seen, patch, opacity)
    except FAILURES as error:
        return None, cards.message(str(error), error=True)
    return kept(file_name("keypoints", what, photo_name(shot.path)) + ".gif", lambda path: _write(made, path)), ""


def _write(content: bytes, path: Path) -> Path:
    path.write_bytes(content)
    return path


def make_report(shot: Shot | None, look: PatchQuery | None, held: Sweeps | None, *view: Any) -> tuple[str | None, str]:
    """Write the report's zip -> its path for the download link, and a line when there is nothing to report.

    The curves are in it where those of this face are held.
    """
    if shot is None or look is None or look.of != shot.key:
        return None, cards.message("There is no answer to report yet.", error=True)
    *chosen, opacity = view
    seen = view_of(look, *chosen)
    patch = patch_at(next(iter(look.followed[KPRPE].attention.values())).grid_q, seen.place)
    try:
        options = {
            "move": look.setting.move,
            "sidecars": {m: sidecar(weight_of(m) or m) for m in MODELS},
            "sweeps": held.curves if held and held.of == (look.of, look.setting.off) else (),
            "opacity": opacity,
            "archive": True,
        }
        query = Query(patch, seen.layer, seen.head)
        name = file_name("keypoints", photo_name(shot.path))
        return kept(name, lambda folder: write_offsets(folder, look.followed, look.crops, query, **options)), ""
    except FAILURES as error:
        return None, cards.message(str(error), error=True)


def example() -> list[Any]:
    """What a first visit shows: a photo, and its rotation."""
    return [*show_shot(example_shot(EXAMPLE)), EXAMPLE_ROTATION]


def still() -> list[Any]:
    """Sliders of the aligned face: rotation, scale, shifts."""
    return [0, 1, 0, 0]
