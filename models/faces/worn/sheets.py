"""Shapes and materials of things worn on a face: masks, a scarf, sunglasses. Everything is drawn, nothing is a photo.

Lengths are units of the face frame (models/faces/worn/camera.py). A Shape is five profiles from its upper edge (v = 0)
to its lower edge (v = 1), each a cubic through four heights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.faces.worn.camera import FaceCamera
from models.faces.worn.splat import Canvas, finer, normals, samples_for, splat

Knots = tuple[float, float, float, float]

COLOURS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "surgical": ((150, 200, 226), (232, 238, 240), (142, 208, 196), (236, 176, 196), (52, 54, 60), (186, 180, 220)),
    "cloth": (
        (38, 40, 46),
        (58, 74, 110),
        (126, 44, 50),
        (88, 104, 84),
        (180, 160, 132),
        (228, 222, 212),
        (110, 92, 120),
    ),
    "n95": ((238, 238, 234), (226, 222, 208), (206, 212, 216), (60, 62, 66)),
    "scarf": ((120, 34, 40), (44, 58, 92), (96, 98, 102), (176, 146, 104), (52, 84, 70), (214, 206, 196), (36, 36, 40)),
}


@dataclass(frozen=True)
class Shape:
    """A sheet over the lower face.

    Attributes:
        centre_y, centre_z: the sheet's middle line.
        side_x, side_y, side_z: its left and right edges (x mirrored).
        ridge: how far the nose lifts the middle line.
        ridge_width: half-width of that ridge.
    """

    centre_y: Knots
    centre_z: Knots
    side_x: Knots
    side_y: Knots
    side_z: Knots
    ridge: Knots
    ridge_width: float = 0.24

    def moved(self, rng: np.random.Generator) -> Shape:
        """This shape as another wearer or another maker has it: a little larger, higher, narrower."""
        height, lift = rng.normal(1, 0.04), rng.normal(0, 0.03)
        width = rng.normal(1, 0.03)

        def stretched(knots: Knots) -> Knots:
            a, b, c, d = (float(0.3 + (k - 0.3) * height + lift) for k in knots)
            return (a, b, c, d)

        x0, x1, x2, x3 = (float(x * width) for x in self.side_x)
        return replace(self, centre_y=stretched(self.centre_y), side_y=stretched(self.side_y), side_x=(x0, x1, x2, x3))

    def surface(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """u (m,) in [-1, 1] across, v (n,) in [0, 1] down -> (n, m, 3)."""
        cy, cz, sx, sy, sz, ridge = (
            cubic(k, v)[:, None]
            for k in (self.centre_y, self.centre_z, self.side_x, self.side_y, self.side_z, self.ridge)
        )
        theta, last = u[None] * np.radians(80), np.radians(80)
        x = sx * np.sin(theta) / np.sin(last)
        y = sy + (cy - sy) * (1 - np.abs(u[None]) ** 1.8)
        z = sz + (cz - sz) * (np.cos(theta) - np.cos(last)) / (1 - np.cos(last))
        return np.stack(np.broadcast_arrays(x, y, z + ridge * np.exp(-((x / self.ridge_width) ** 2))), -1)


def cubic(knots: Knots, v: np.ndarray) -> np.ndarray:
    """The cubic through four values at v = 0, 1/3, 2/3, 1."""
    return np.polyval(np.polyfit(np.linspace(0, 1, 4), knots, 3), v)


_DEEP: Knots = (-0.40, -0.42, -0.42, -0.38)
SHAPES: dict[str, Shape] = {
    "surgical": Shape(
        (0.30, 0.80, 1.34, 1.95), (0.20, 0.32, 0.36, 0.14), (0.95, 0.97, 0.92, 0.76), (0.56, 0.80, 1.10, 1.46), _DEEP,
        (0.14, 0.18, 0.05, 0.0),
    ),
    "cloth": Shape(
        (0.28, 0.78, 1.35, 2.00), (0.22, 0.42, 0.42, 0.10), (0.96, 1.00, 0.94, 0.72), (0.62, 0.84, 1.10, 1.44), _DEEP,
        (0.14, 0.14, 0.04, 0.0),
    ),
    "n95": Shape(
        (0.31, 0.78, 1.29, 1.86), (0.20, 0.62, 0.62, 0.12), (0.74, 0.88, 0.86, 0.58), (0.60, 0.86, 1.18, 1.58),
        (-0.16, -0.22, -0.22, -0.12), (0.12, 0.06, 0.0, 0.0),
    ),
    "scarf": Shape(
        (0.46, 1.10, 1.85, 2.75), (0.34, 0.46, 0.44, 0.50), (1.06, 1.08, 1.14, 1.34), (0.66, 1.12, 1.66, 2.15),
        (-0.55, -0.55, -0.50, -0.40), (0.12, 0.06, 0.0, 0.0),
    ),
}  # fmt: skip


def lit(points: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(n, m) brightness of a matt surface: an ambient part and a Lambert part."""
    return 0.60 + 0.44 * np.clip(normals(points) @ light, 0, 1)


def light_from(rng: np.random.Generator) -> np.ndarray:
    """A unit vector towards a light above and in front of the face."""
    light = np.array([rng.uniform(-0.5, 0.5), -0.45, 1.0])
    return light / np.linalg.norm(light)


def sheet(camera: FaceCamera, canvas: Canvas, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A mask or scarf of a random make -> (h, w, 4) premultiplied canvas."""
    net = SHAPES[kind].moved(rng).surface(np.linspace(-1, 1, 41), np.linspace(0, 1, 33))
    u = np.linspace(-1, 1, samples_for(camera, canvas, 2.9), dtype=np.float32)[None, :]
    v = np.linspace(0, 1, samples_for(camera, canvas, 2.1), dtype=np.float32)[:, None]
    colour = np.array(COLOURS[kind][rng.integers(len(COLOURS[kind]))]) + rng.normal(0, 6, 3)
    rgb, opacity = MATERIALS[kind](u, v, colour.astype(np.float32), rng)
    shade = finer(lit(net, light_from(rng))[..., None], rgb.shape[:2])
    fibre = 1 + 0.025 * rng.standard_normal((*rgb.shape[:2], 1), dtype=np.float32)
    alpha = np.broadcast_to(opacity, rgb.shape[:2])[..., None]
    return splat(camera, canvas, net, np.concatenate([np.clip(rgb * shade * fibre, 0, 255), alpha], -1))


def line(at: np.ndarray, where: float, width: float) -> np.ndarray:
    """A soft line: 1 on it, 0 away from it."""
    return np.exp(-(((at - where) / width) ** 2))


Material = tuple[np.ndarray, np.ndarray]


def surgical(u: np.ndarray, v: np.ndarray, colour: np.ndarray, rng: np.random.Generator) -> Material:
    """Three pleats, a hem all around, a wire at the nose."""
    shade = np.ones(np.broadcast_shapes(u.shape, v.shape))
    for where in np.array([0.34, 0.52, 0.70]) + rng.normal(0, 0.012, 3):
        sag = v - 0.015 * np.abs(u)
        shade += 0.07 * line(sag, where - 0.035, 0.03) - 0.24 * line(sag, where, 0.013)
    hem = np.maximum(line(v, 0.055, 0.006), line(v, 0.955, 0.006)) + line(np.abs(u), 0.95, 0.008)
    shade -= 0.10 * np.clip(hem, 0, 1)
    shade += 0.06 * line(v, 0.03, 0.018) * (np.abs(u) < 0.35)
    shade += 0.02 * np.sin(9 * u + rng.uniform(0, 6)) * np.sin(7 * v)
    return colour * shade[..., None], np.ones(1, np.float32)


def cloth(u: np.ndarray, v: np.ndarray, colour: np.ndarray, rng: np.random.Generator) -> Material:
    """Plain, striped, checked, dotted or mottled cotton with a seam down the middle and hems."""
    u, v = np.broadcast_arrays(u, v)
    second = np.clip(colour + rng.choice([-1, 1]) * rng.uniform(35, 80, 3), 15, 245)
    n = rng.integers(5, 11)
    stripes, across = (np.sin(n * np.pi * v) > 0), (np.sin(1.3 * n * np.pi * u) > 0)
    dots = (np.sin(1.4 * n * np.pi * u) * np.sin(n * np.pi * v)) > 0.72
    mottle = 0.5 + 0.5 * np.sin(n * u + 3 * np.sin(2 * v * n / 3)) * np.sin(n * v + 2 * np.sin(u * n / 2))
    choices = (np.zeros_like(u), stripes * 1.0, 0.5 * stripes + 0.5 * across, dots * 1.0, mottle * 0.7)
    amount = choices[rng.integers(len(choices))]
    seam = 0.22 * line(u, 0, 0.008) + 0.12 * np.maximum(line(v, 0.06, 0.006), line(v, 0.94, 0.006))
    folds = 0.05 * np.sin(6 * v + 5 * np.abs(u) + rng.uniform(0, 6)) * np.abs(u)
    shade = 1 - seam + folds + 0.03 * np.sin(160 * u) * np.sin(140 * v)
    return (colour + (second - colour) * amount[..., None]) * shade[..., None], np.ones(1, np.float32)


def n95(u: np.ndarray, v: np.ndarray, colour: np.ndarray, rng: np.random.Generator) -> Material:
    """A moulded cup: welded rim, a fold across the middle, a metal clip over the nose."""
    u, v = np.broadcast_arrays(u, v)
    rim = np.maximum(np.maximum(line(np.abs(u), 0.93, 0.02), line(v, 0.05, 0.016)), line(v, 0.95, 0.016))
    fold = line(v - 0.04 * u**2, 0.5, 0.012)
    shade = 1 - 0.14 * rim - 0.16 * fold + 0.06 * line(v, 0.47, 0.02) + 0.02 * np.sin(90 * u) * np.sin(80 * v)
    rgb = colour * shade[..., None]
    clip = (np.abs(u) < 0.24) & (np.abs(v - 0.085) < 0.022)
    rgb[clip] = rng.uniform(150, 190) + 40 * line(v, 0.08, 0.012)[clip][:, None]
    return rgb, np.ones(1, np.float32)


def scarf(u: np.ndarray, v: np.ndarray, colour: np.ndarray, rng: np.random.Generator) -> Material:
    """Knitted wool in loose folds, sometimes striped; the upper edge is uneven."""
    u, v = np.broadcast_arrays(u, v)
    slope, phase = rng.uniform(-0.25, 0.25), rng.uniform(0, 6, 3)
    wave = v + slope * u + 0.05 * np.sin(3 * u + phase[0])
    folds = 0.20 * np.sin(21 * wave + 1.5 * np.sin(2 * u + phase[1])) + 0.10 * np.sin(37 * wave + phase[2])
    knit = 0.07 * np.sin(150 * u + 3 * np.sin(180 * v)) * np.sin(170 * v)
    amount = (np.sin(rng.uniform(14, 26) * wave) > 0.6) * float(rng.random() < 0.5)
    rgb = (colour + (225 - colour) * 0.75 * amount[..., None]) * (0.92 + folds + knit)[..., None]
    edge = 0.018 + 0.014 * np.sin(7 * u + phase[0]) + 0.006 * np.sin(61 * u + phase[1])
    hem = 0.96 - 0.03 * np.sin(5 * u + phase[2]) - 0.015 * np.sin(90 * u)  # fringed
    return rgb, np.clip((v - edge) / 0.012, 0, 1) * np.clip((hem - v) / 0.012, 0, 1)


MATERIALS = {"surgical": surgical, "cloth": cloth, "n95": n95, "scarf": scarf}
