"""Sunglasses: two tinted lenses on a curved front, a bridge, a frame and two temples."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from models.faces.worn.camera import FaceCamera
from models.faces.worn.splat import Canvas, over, samples_for, splat

TINTS = ((18, 18, 22), (44, 28, 18), (20, 34, 28), (24, 30, 52), (60, 22, 24))
FRAMES = ((16, 16, 18), (74, 44, 24), (150, 122, 62), (120, 122, 126), (120, 20, 26), (228, 226, 220))
LENSES = ((0.40, 0.27, 4.0), (0.35, 0.33, 2.0), (0.40, 0.33, 2.6), (0.41, 0.24, 3.0))
"""Half-width, half-height and roundness (exponent: 2 is an ellipse) of the lens shapes."""


def sunglasses(camera: FaceCamera, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Sunglasses of a random make -> (h, w, 4) premultiplied canvas."""
    net_x, net_y = np.linspace(-1.1, 1.1, 33), np.linspace(-0.45, 0.6, 9)[:, None]
    net = np.stack(np.broadcast_arrays(net_x, net_y, 0.26 - 0.26 * net_x**2), -1)
    x = np.linspace(-1.1, 1.1, samples_for(camera, canvas, 2.6), dtype=np.float32)[None, :]
    y = np.linspace(-0.45, 0.6, samples_for(camera, canvas, 1.1), dtype=np.float32)[:, None]
    frame = np.array(FRAMES[rng.integers(len(FRAMES))], float)
    rgba = front(x, y - rng.normal(0.05, 0.02), frame, rng)
    return over(splat(camera, canvas, net, rgba), temples(camera, canvas, frame))


def front(x: np.ndarray, y: np.ndarray, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(1, m) and (n, 1) coordinates -> (n, m, 4) colour and opacity of the glasses' front."""
    half_width, half_height, power = LENSES[rng.integers(len(LENSES))]
    thick = rng.uniform(0.03, 0.075)
    across = np.abs(x) - 0.5
    drop = 0.06 * across  # outer corners a little higher

    def inside(grow: float) -> np.ndarray:
        return (np.abs(across) / (half_width + grow)) ** power + (np.abs(y + drop) / (half_height + grow)) ** power < 1

    lens, rim = inside(0.0), inside(thick)
    bridge = (np.abs(x) < 0.5 - half_width + 0.05) & (np.abs(y + 0.11 - 0.6 * x**2) < 0.035 + thick / 3)
    tint = np.array(TINTS[rng.integers(len(TINTS))], float)
    fade = np.clip(0.5 + y / (2 * half_height), 0, 1)[..., None] * rng.uniform(0, 70)
    glare = np.exp(-(((across + 0.8 * y + 0.18) / 0.04) ** 2)) * rng.uniform(10, 60)
    rgba = np.zeros((*lens.shape, 4))
    lit_frame = frame * (1.05 - 0.3 * np.clip(y, -0.5, 0.5))[..., None] * np.ones_like(x)[..., None]
    rgba[rim | bridge] = np.concatenate([lit_frame, np.ones((*rim.shape, 1))], -1)[rim | bridge]
    rgba[lens, :3] = np.clip(tint + fade + glare[..., None], 0, 255)[lens]
    rgba[lens, 3] = rng.uniform(0.9, 0.99)
    return np.clip(rgba, 0, 255)


def temples(camera: FaceCamera, canvas: Canvas, frame: np.ndarray) -> np.ndarray:
    """The side arms to the ears, on the sides that face the camera."""
    band = Image.new("L", canvas.size, 0)
    for side in (-1.0, 1.0):
        if camera.view @ np.array([side, 0, 0.2]) > 0.05:
            path = np.array([(0.96, -0.08, 0.0), (1.03, -0.06, -0.45), (1.06, 0.0, -0.9)]) * [side, 1, 1]
            points = canvas.place(camera.project(path))
            width = max(1, round(0.06 * camera.scale * canvas.ratio))
            ImageDraw.Draw(band).line([tuple(p) for p in points], fill=255, width=width, joint="curve")
    alpha = np.asarray(band, float)[..., None] / 255
    return np.concatenate([alpha * frame * 0.85, alpha], -1)
