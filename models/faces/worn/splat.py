"""A small software renderer: coloured surface samples -> pixels with soft edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from models.faces.worn.camera import FaceCamera

MAX_UNIT = 240.0
"""Most canvas pixels for one unit of the face frame: enough for any screen, and it bounds time and memory."""
OVERSAMPLING = 1.5
"""Canvas pixels of one image pixel: smooth edges."""
SPACING = 0.8
"""Distance of neighbouring samples in canvas pixels."""


@dataclass(frozen=True)
class Canvas:
    """A window of the image at its own resolution.

    Attributes:
        left, top, right, bottom: pixels of the image.
        ratio: canvas pixels of one image pixel.
    """

    left: int
    top: int
    right: int
    bottom: int
    ratio: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in canvas pixels."""
        return (
            max(1, round((self.right - self.left) * self.ratio)),
            max(1, round((self.bottom - self.top) * self.ratio)),
        )

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """(..., 2) image pixels -> canvas pixels (centres at integers in both)."""
        return (pixels + 0.5 - [self.left, self.top]) * self.ratio - 0.5

    def grid(self) -> np.ndarray:
        """(h, w, 2) image coordinates of the canvas pixels."""
        width, height = self.size
        xy = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
        return (xy + 0.5) / self.ratio - 0.5 + [self.left, self.top]

    def to_image(self, rgba: np.ndarray) -> np.ndarray:
        """(h, w, 4) canvas -> (bottom - top, right - left, 4) at the image's resolution; float, premultiplied."""
        target = (self.right - self.left, self.bottom - self.top)
        bands = [Image.fromarray(np.ascontiguousarray(rgba[..., i], dtype=np.float32)) for i in range(4)]
        how = Resampling.BOX if self.ratio >= 1 else Resampling.BILINEAR
        return np.stack([np.asarray(band.resize(target, how)) for band in bands], -1)


def canvas_for(camera: FaceCamera, shape: tuple[int, ...], reach: float) -> Canvas | None:
    """The window of an (H, W) image within `reach` units of the face, oversampled; None when it is outside."""
    centre, radius = camera.project(np.array([0.0, 0.8, 0.0])), reach * camera.scale
    low = np.maximum(np.floor(centre - radius), 0).astype(int)
    high = np.minimum(np.ceil(centre + radius), [shape[1], shape[0]]).astype(int)
    if (high <= low).any():
        return None
    return Canvas(int(low[0]), int(low[1]), int(high[0]), int(high[1]), min(OVERSAMPLING, MAX_UNIT / camera.scale))


def samples_for(camera: FaceCamera, canvas: Canvas, extent: float) -> int:
    """How many samples a line of `extent` units needs."""
    return max(8, int(extent * camera.scale * canvas.ratio / SPACING))


def normals(points: np.ndarray) -> np.ndarray:
    """(n, m, 3) surface, rows downwards and columns to the right -> unit normals towards the viewer of its front."""
    normal = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
    return normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)


def finer(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(n, m, k) at the corners of a coarse net -> (*shape, k) float32, bilinear, corners on corners."""
    rows, columns = (_between(fine, coarse) for fine, coarse in zip(shape, values.shape, strict=False))
    moved = np.tensordot(rows, values.astype(np.float32), 1)  # (n', m, k)
    return np.matmul(columns, moved)  # (n', m', k)


def _between(fine: int, coarse: int) -> np.ndarray:
    """(fine, coarse) weights of linear interpolation."""
    place = np.linspace(0, coarse - 1, fine)
    return np.clip(1 - np.abs(place[:, None] - np.arange(coarse)), 0, None).astype(np.float32)


def splat(camera: FaceCamera, canvas: Canvas, points: np.ndarray, rgba: np.ndarray) -> np.ndarray:
    """Draw the side of a surface that faces the camera.

    Args:
        points: (n, m, 3) a coarse net over the surface, in the face frame.
        rgba: (n', m', 4) colour in [0, 255] and opacity in [0, 1], evenly over the same net and about SPACING canvas
            pixels apart.

    Returns:
        (h, w, 4) canvas, colour premultiplied by opacity.
    """
    width, height = canvas.size
    facing = normals(points) @ camera.view
    net = np.concatenate([canvas.place(camera.project(points)), facing[..., None]], -1)
    x, y, front = np.moveaxis(finer(net, rgba.shape[:2]), -1, 0)
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    seen = (front > 0.02) & (rgba[..., 3] > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    index, values = (row * width + column)[seen], rgba[seen]
    sums = [np.bincount(index, values[:, i] * values[:, 3], width * height) for i in range(3)]
    sums += [np.bincount(index, values[:, 3], width * height), np.bincount(index, minlength=width * height)]
    total = np.stack(sums, -1).reshape(height, width, 5)
    gaps = total[..., 4] == 0
    total[gaps] = _neighbours(total)[gaps]  # a pixel between samples takes the mean of those around it
    return total[..., :4] / np.maximum(total[..., 4:], 1)


def _neighbours(total: np.ndarray) -> np.ndarray:
    """Sum over the four direct neighbours, zero unless two of them hold a sample (edges do not grow)."""
    padded = np.pad(total, ((1, 1), (1, 1), (0, 0)))
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    held = np.sum([side[..., 4] > 0 for side in sides], axis=0)
    return np.sum(sides, axis=0) * (held >= 2)[..., None]


def over(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Premultiplied (h, w, 4) over premultiplied (h, w, 4)."""
    return top + bottom * (1 - top[..., 3:])
