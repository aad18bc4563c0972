"""One frame of a camera: the largest face, the answer about it, and a map over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from explain.core import render
from explain.core.findings import Heatmap
from explain.expression.follow import Followed, follow
from explain.expression.said import Said, said_of
from explain.registry import explain
from models.expressions import EXPRESSIONS
from models.faces.face import Face
from models.faces.quality import Quality, assess
from models.outputs import ClassOutput
from models.predict import predict

if TYPE_CHECKING:  # a page is there before a network is: its imports take a second
    from models.nets.expression import Expression

METHOD = "hires_cam"
"""Of the maps of one backward pass through the last blocks, for which alone a frame has time, the best measured."""
VIEW = 360
"""Longest side in pixels of the picture that is shown."""
AROUND = 2.0
"""Side of what is shown, in longer sides of the face's box."""
MAX_PIXELS = 2_100_000
"""Of a frame: 1920 x 1080 and a little more."""


@dataclass(frozen=True)
class Frame:
    """What is shown of one frame.

    Attributes:
        picture: (h, w, 3) uint8, the surroundings of the face with the map, at most VIEW pixels a side; the whole frame
            where there is no face.
        said: None where there is no face.
        target: the class that the map explains; empty without a face.
        quality: of the face; None without one.
    """

    picture: np.ndarray
    said: Said | None
    target: str
    quality: Quality | None = None


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
    face, followed = follow(frame, before)
    if face is None:
        return Frame(shrunk(frame, VIEW), None, ""), followed
    result = predict(model, face, grad=True)
    output = result.output
    assert isinstance(output, ClassOutput)
    (said,) = said_of(model, output)
    explained = target or said.leading
    (heatmap,) = explain(result, METHOD, target=explained)
    return Frame(drawn(face, heatmap, model), said, explained, assess(face)), followed


def drawn(face: Face, heatmap: Heatmap, model: Expression, opacity: float = 0.45) -> np.ndarray:
    """The frame around a face with the map over it; the scale ends at this map's own largest value."""
    centre, reach = (face.box[:2] + face.box[2:]) / 2, AROUND * float((face.box[2:] - face.box[:2]).max()) / 2
    height, width = face.photo.shape[:2]
    left, top = (max(0, int(v)) for v in centre - reach)
    right, bottom = min(width, int(centre[0] + reach) + 1), min(height, int(centre[1] + reach) + 1)
    part = face.photo[top:bottom, left:right]
    small = shrunk(part, VIEW)
    scale, corner = small.shape[1] / part.shape[1], np.array([left, top])
    box = ((face.box.reshape(2, 2) - corner) * scale).reshape(4)
    there = Face(small, ((face.keypoints - corner) * scale).astype(np.float32), box.astype(np.float32), face.confidence)
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
