"""One frame of a camera: the largest face, the answer about it, and a map over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from explain.core import render
from explain.core.findings import Heatmap
from explain.expression.follow import Followed, follow
from explain.expression.said import Said, said_of
from explain.registry import explain
from models.faces.face import Face
from models.nets.expression import EXPRESSIONS, Expression
from models.outputs import ClassOutput
from models.predict import predict

METHOD = "grad_cam"
"""One backward pass through the last blocks: the only kind of map that a frame has time for."""
VIEW = 360
"""Longest side in pixels of the frame as it is shown."""
MAX_PIXELS = 2_100_000
"""Of a frame: 1920 x 1080 and a little more."""


@dataclass(frozen=True)
class Frame:
    """What is shown of one frame.

    Attributes:
        picture: (h, w, 3) uint8 with the box and the map, at most VIEW pixels a side.
        said: None where there is no face.
        target: the class that the map explains; empty without a face.
    """

    picture: np.ndarray
    said: Said | None
    target: str


def read_frame(
    model: Expression, frame: np.ndarray, before: Followed | None, target: str | None = None
) -> tuple[Frame, Followed | None]:
    """Answer about the largest face of a frame; nothing of the frame is kept.

    Args:
        model: with its weight.
        frame: (H, W, 3) uint8 RGB.
        before: where the face was in the frame before.
        target: the class to explain; by default the leading one.

    Returns:
        What is shown, and what to remember: where the face is.

    Raises:
        ValueError: an unknown class.  BusyError, TooLongError: as models.running.step.
    """
    if target is not None and target not in EXPRESSIONS:
        raise ValueError(f"no class {target!r}; there are: {', '.join(EXPRESSIONS)}")
    small = shrunk(frame, VIEW)
    face, followed = follow(frame, before)
    if face is None:
        return Frame(small, None, ""), followed
    result = predict(model, face, grad=True)
    output = result.output
    assert isinstance(output, ClassOutput)
    (said,) = said_of(model, output)
    explained = target or said.leading
    (heatmap,) = explain(result, METHOD, target=explained)
    return Frame(drawn(small, face, heatmap, model), said, explained), followed


def drawn(small: np.ndarray, face: Face, heatmap: Heatmap, model: Expression, opacity: float = 0.45) -> np.ndarray:
    """A copy of the frame with the map over the face: the scale ends at this map's own largest value."""
    scale = small.shape[1] / face.photo.shape[1]
    there = Face(small, (face.keypoints * scale).astype(np.float32), (face.box * scale).astype(np.float32), 1.0)
    limit = render.shared_limit([heatmap])
    return render.on_photo(there, model.spec, heatmap, opacity=opacity, limit=limit)


def shrunk(frame: np.ndarray, side: int) -> np.ndarray:
    """(H, W, 3) -> the same, at most `side` pixels on the longest side."""
    height, width = frame.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return frame
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(frame).resize(size, Resampling.BILINEAR, reducing_gap=2.0))
