"""A hand-like patch in front of the mouth or a cheek: four fingers and a palm, shaded as cylinders."""

from __future__ import annotations

import numpy as np

from models.faces.worn.camera import FaceCamera
from models.faces.worn.splat import Canvas

Capsule = tuple[np.ndarray, np.ndarray, float]
"""Two end points in the hand's plane and a radius, units of the face frame."""


def hand(camera: FaceCamera, canvas: Canvas, skin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hand with about the face's skin -> (h, w, 4) premultiplied canvas.

    Args:
        skin: (3,) RGB of the face.
    """
    plane = ((canvas.grid() - camera.shift) @ np.linalg.inv(camera.upright()).T).astype(np.float32)  # the face upright
    colour = np.clip(skin * rng.normal(1, 0.06) + rng.normal(0, 4, 3), 25, 245)
    drawn, soft = np.zeros((*plane.shape[:2], 4)), 0.6 / (camera.scale * canvas.ratio)
    for index, (start, end, radius) in enumerate(limbs(rng)):
        distance, along = to_segment(plane, start, end)
        near = distance < radius + soft
        cover = np.clip((radius - distance[near]) / soft + 0.5, 0, 1)[:, None]
        painted = paint(colour, distance[near] / radius, along[near], finger=index > 0)
        drawn[near] = np.concatenate([painted, np.ones_like(cover)], 1) * cover + drawn[near] * (1 - cover)
    return drawn


def paint(colour: np.ndarray, off: np.ndarray, along: np.ndarray, finger: bool) -> np.ndarray:
    """Skin of one limb.

    Args:
        colour: (3,) RGB.
        off: (n,) distance from its axis over its radius.
        along: (n,) place on its axis, 0 at the root and 1 at the tip.
        finger: fingers have creases and nails, the palm has none.
    """
    shade = 0.60 + 0.44 * np.sqrt(np.clip(1 - off**2, 0, 1))
    if not finger:
        return np.clip(colour * shade[:, None], 0, 255)
    for where in (0.47, 0.50, 0.75):
        shade -= 0.07 * np.exp(-(((along - where) / 0.016) ** 2))
    tone = colour + np.array([14.0, -8, -6]) * np.exp(-(((along - 1) / 0.18) ** 2))[:, None]  # redder tips
    painted = tone * shade[:, None]
    nail = np.clip((0.5 - np.hypot(off, (along - 0.96) * 7)) / 0.08, 0, 1)[:, None]
    polish = np.array([232, 200, 190]) * colour.mean() / 165
    return np.clip(painted + 0.5 * nail * (polish - painted), 0, 255)


def limbs(rng: np.random.Generator) -> list[Capsule]:
    """Palm first, then the fingers from the little to the index finger, each over the one before."""
    side = rng.choice([-1.0, 1.0])
    angle = np.radians(rng.uniform(18, 62)) * -side  # fingers point up and towards the middle
    along = np.array([np.sin(angle), -np.cos(angle)])
    across = np.array([np.cos(angle), np.sin(angle)]) * side
    knuckles = np.array([side * 0.42, 1.45]) + rng.normal(0, 0.08, 2)
    palm = (knuckles - 0.45 * along, knuckles - 1.6 * along, 0.46)
    fingers = []
    for i, length in enumerate((0.62, 0.82, 0.88, 0.78)):
        root = knuckles + across * (0.36 - 0.235 * i) - 0.25 * along
        lean = along + across * (0.10 - 0.06 * i) * rng.uniform(0.4, 1.4)
        fingers.append((root, root + lean * (length + 0.25) * rng.normal(1, 0.03), 0.118 - 0.012 * (i == 0)))
    return [palm, *fingers]


def to_segment(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 2) points -> distance to the segment, and the place along it in [0, 1]."""
    step = end - start
    along = np.clip((points - start) @ step / (step @ step), 0, 1)
    return np.linalg.norm(points - start - along[..., None] * step, axis=-1), along
