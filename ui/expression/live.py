"""The live camera: frames in, a picture with the map and bars out.

A frame comes as a data URI in the event itself. It is no file here: it is decoded by the process that decodes photos of
strangers, asked about, and gone with the event; the session keeps where the face was, and the pace.
"""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData

from explain import EXPLAINERS
from explain.core.measured import measured
from explain.expression.follow import Followed
from explain.expression.live import MAX_PIXELS, METHOD, read_frame
from models import PhotoError
from models.errors import UserError
from models.expressions import EXPRESSIONS
from models.faces.decoder import open_untrusted
from ui.expression import answers as telling
from ui.expression import cards as expression_cards
from ui.expression.callbacks import LEADING, UNTRAINED
from ui.shared import cards
from ui.shared.widgets import SESSION_SECONDS, VIEWS

EVERY = 0.05
"""Seconds between two looks of the page at the camera; while a frame is worked on, it sends none."""
LIVE_SECONDS = 120
"""After which the camera stops, so that others have their turn."""
STREAMS: dict[str, Any] = {
    "concurrency_id": "live",
    "concurrency_limit": 2,
    "stream_every": EVERY,
    "time_limit": LIVE_SECONDS,
    "show_progress": "hidden",
    "trigger_mode": "multiple",  # a frame goes to the step that runs; there is no queue of frames
    "api_visibility": "private",
}
MOST_BYTES = 3_000_000
"""Of a frame's JPEG."""
PREFIX = "data:image/jpeg;base64,"
NO_FRAME = "This is no frame of a camera."
HOW = (
    "Press the camera, then Record. The largest face is answered and mapped, frame by frame; a frame that comes while "
    "another is worked on is dropped, and none is stored. It stops after two minutes."
)
REMEMBERED = 0.8
"""Weight of the former pace in the mean that is shown."""


class CameraFrame(ImageData):
    """A frame on its way in. Gradio keeps the last value of every component in the session: of this one, nothing."""

    def model_dump(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Nothing."""
        return {}


def camera_input() -> gr.Image:
    """A webcam that sends frames; callbacks get the bytes of a JPEG, or None."""
    camera = gr.Image(
        label="Camera",
        sources=["webcam"],
        streaming=True,
        height=280,
        elem_id="expression-camera",
        buttons=[],
        webcam_options=gr.WebcamOptions(
            mirror=True, constraints={"video": {"width": {"ideal": 640}, "height": {"ideal": 480}}}
        ),
    )
    camera.data_model = CameraFrame
    camera.preprocess = bytes_of  # type: ignore[assignment,method-assign]
    return camera


def bytes_of(payload: ImageData | None) -> bytes | None:
    """The bytes of a frame; None where there is none, or something else was sent."""
    url = payload.url if payload else None
    if not url or not url.startswith(PREFIX) or len(url) > MOST_BYTES * 4 / 3:
        return None
    try:
        return base64.b64decode(url[len(PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True)
class Pace:
    """What a session remembers between two frames.

    Attributes:
        followed: where the face was; None where none was in sight.
        at: when the last frame was answered, seconds.
        per_second: frames, a running mean; 0 before there are two.
    """

    followed: Followed | None = None
    at: float = 0.0
    per_second: float = 0.0


class LivePage(NamedTuple):
    """The components that callbacks fill."""

    camera: gr.Image
    target: gr.Dropdown
    shown: gr.HTML
    pace: gr.State


def build(weight: gr.Dropdown) -> LivePage:
    """Lay the mode out and wire it."""
    with gr.Row(elem_classes="ks-layout"):
        with gr.Column(scale=4, min_width=300, elem_classes="ks-stay"):
            with gr.Column():
                camera = camera_input()
                choices = [("leading class", LEADING), *((name, name) for name in EXPRESSIONS)]
                info = how_good(telling.default_weight())
                target = gr.Dropdown(
                    choices, value=LEADING, label="Map explains", info=info, elem_id="expression-live-target"
                )
            gr.HTML(expression_cards.NOTICE)
        with gr.Column(scale=8, min_width=300):
            shown = gr.HTML(cards.message(HOW), elem_id="expression-live", min_height=320)
    page = LivePage(camera, target, shown, gr.State(Pace(), time_to_live=SESSION_SECONDS))
    camera.stream(frame, [camera, weight, target, page.pace], [page.pace, shown], **STREAMS)
    weight.change(lambda chosen: gr.update(info=how_good(chosen)), weight, target, **VIEWS)
    camera.clear(stopped, None, page.pace, **VIEWS)
    return page


def how_good(weight: str | None) -> str:
    """What the map is, and how often one of its kind beats a random order on this weight."""
    found = measured(weight).get(METHOD) if weight else None
    hint = "" if found is None or found.trusted else " A hint, no proof."
    return f"{EXPLAINERS[METHOD].title}{f', which {found.words}.{hint}' if found else ''}"


def frame(data: bytes | None, weight: str | None, target: str | None, pace: Pace | None) -> list[Any]:
    """One frame -> what is remembered, the picture with map and bars."""
    if weight is None:
        return [gr.skip(), cards.message(UNTRAINED, error=True)]
    pace = pace or Pace()
    try:
        pixels = decoded(data)
        wanted = target if target in EXPRESSIONS else None
        found, followed = read_frame(telling.network(weight), pixels, pace.followed, wanted)
    except UserError as error:
        return [Pace(), cards.message(str(error), error=True)]
    now = Pace(followed, time.monotonic(), paced(pace, time.monotonic()))
    return [now, expression_cards.live(found, now.per_second)]


def decoded(data: bytes | None) -> np.ndarray:
    """(H, W, 3) uint8 of a frame's JPEG, decoded in the child process.

    Raises:
        PhotoError: no frame, too large, or damaged.
    """
    if not data:
        raise PhotoError(NO_FRAME)
    return open_untrusted(data, MAX_PIXELS)


def paced(before: Pace, at: float) -> float:
    """Frames a second with this one, a running mean; a gap of seconds starts anew."""
    gap = at - before.at
    if not before.at or gap > 3 or gap <= 0:
        return 0.0
    return REMEMBERED * before.per_second + (1 - REMEMBERED) / gap if before.per_second else 1 / gap


def stopped() -> Pace:
    """Nothing is remembered of a camera that was switched off."""
    return Pace()
