"""The bands that hold a mask: from its corners to the ears, or around the head."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from models.faces.worn.camera import FaceCamera
from models.faces.worn.splat import Canvas

_EAR = ((1.06, 0.22, -0.80), (1.04, 0.62, -0.80))
"""Upper and lower point of the ear's root, x mirrored for the other side."""
STRAPS: dict[str, tuple[tuple[tuple[float, float, float], ...], ...]] = {
    "surgical": (((0.92, 0.60, -0.38), _EAR[0]), ((0.76, 1.36, -0.34), _EAR[1])),
    "cloth": (((0.94, 0.66, -0.38), _EAR[0]), ((0.74, 1.34, -0.34), _EAR[1])),
    "n95": (
        ((0.74, 0.66, -0.14), (1.0, 0.26, -0.62), (1.08, -0.1, -0.95)),
        ((0.62, 1.44, -0.12), (0.98, 1.14, -0.6), (1.0, 1.0, -0.9)),
    ),
}
COLOUR = {"surgical": (226, 228, 230), "cloth": (58, 58, 62), "n95": (214, 190, 120)}
WIDTH = {"surgical": 0.028, "cloth": 0.04, "n95": 0.045}


def straps(camera: FaceCamera, canvas: Canvas, kind: str) -> np.ndarray:
    """The bands on the sides of the head that face the camera -> (h, w, 4) premultiplied canvas."""
    band = Image.new("L", canvas.size, 0)
    pen = ImageDraw.Draw(band)
    width = max(1, round(WIDTH[kind] * camera.scale * canvas.ratio))
    for side in (-1.0, 1.0):
        if camera.view @ np.array([side * 0.9, 0, 0.42]) < 0.05:  # this side of the head is turned away
            continue
        for path in STRAPS[kind]:
            points = canvas.place(camera.project(np.array(path) * [side, 1, 1]))
            pen.line([tuple(p) for p in points], fill=255, width=width, joint="curve")
    alpha = np.asarray(band, float)[..., None] / 255
    return np.concatenate([alpha * COLOUR[kind], alpha], -1)
