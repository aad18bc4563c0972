"""Masks and other occluders drawn on a face from its five keypoints: what recognition meets in the street.

    worn = occlude(photo, face.keypoints, "surgical", seed=3)
    worn.image      # (H, W, 3) uint8
    worn.mask       # (H, W) bool, what is covered

All of them are procedural (no picture of a mask is stored), follow the face's turn, take colour, texture, fit and light
from the seed, and leave the pixels outside the drawn thing and its contact shadow untouched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from models.faces.worn.camera import FaceCamera, fit_camera
from models.faces.worn.eyewear import sunglasses
from models.faces.worn.hand import hand
from models.faces.worn.sheets import sheet
from models.faces.worn.splat import Canvas, canvas_for, over
from models.faces.worn.straps import straps

OCCLUDERS = ("surgical", "cloth", "n95", "sunglasses", "scarf", "hand")
MASKS = ("surgical", "cloth", "n95")
"""The occluders that are face masks: nose to chin, eyes free."""

REACH = 2.4
"""How far from the middle of the face, in units of the face frame, anything is drawn."""


@dataclass(frozen=True)
class Occluded:
    """An image with something in front of the face.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True where the face or background is covered by at least half.
    """

    image: np.ndarray
    mask: np.ndarray


def occlude(image: np.ndarray, keypoints: np.ndarray, kind: str, seed: int | np.random.Generator = 0) -> Occluded:
    """Draw an occluder of a random make.

    Args:
        image: (H, W, 3) uint8 RGB, a photo or a crop.
        keypoints: (5, 2) pixels of the image, in the order of KEYPOINT_NAMES.
        kind: one of OCCLUDERS.
        seed: decides colour, texture, fit and light; the same seed draws the same thing.

    Raises:
        ValueError: an unknown kind, or keypoints that lie on one line.
    """
    if kind not in OCCLUDERS:
        raise ValueError(f"no occluder {kind!r}; there are: {', '.join(OCCLUDERS)}")
    rng = np.random.default_rng(seed)
    camera = fit_camera(keypoints)
    canvas = canvas_for(camera, image.shape, REACH)
    if canvas is None:
        return Occluded(image.copy(), np.zeros(image.shape[:2], bool))
    drawn = draw(image, camera, canvas, kind, rng)
    return compose(image, canvas, canvas.to_image(drawn), camera.scale)


def draw(image: np.ndarray, camera: FaceCamera, canvas: Canvas, kind: str, rng: np.random.Generator) -> np.ndarray:
    """The occluder alone -> (h, w, 4) premultiplied canvas, in the light of the photo."""
    skin = skin_colour(image, camera)
    if kind == "hand":
        return hand(camera, canvas, skin, rng)
    if kind == "sunglasses":
        return sunglasses(camera, canvas, rng)
    exposure = float(np.clip((skin @ [0.299, 0.587, 0.114] / 150) ** 0.6, 0.45, 1.1))
    drawn = sheet(camera, canvas, kind, rng)
    if kind in MASKS:
        drawn = over(drawn, straps(camera, canvas, kind))
    drawn[..., :3] *= exposure
    return drawn


def skin_colour(image: np.ndarray, camera: FaceCamera) -> np.ndarray:
    """(3,) median RGB of small patches on cheeks and nose bridge; mid-grey when none lies inside the image."""
    spots = np.array([[-0.5, 0.55, 0.1], [0.5, 0.55, 0.1], [0.0, 0.25, 0.3], [0.0, -0.35, 0.15]])
    radius, values = max(1, int(0.1 * camera.scale)), []
    for x, y in np.rint(camera.project(spots)).astype(int):
        patch = image[max(0, y - radius) : max(0, y + radius + 1), max(0, x - radius) : max(0, x + radius + 1)]
        values.append(patch.reshape(-1, 3))
    pixels = np.concatenate(values)
    return np.median(pixels, axis=0) if len(pixels) else np.full(3, 128.0)


def compose(image: np.ndarray, canvas: Canvas, drawn: np.ndarray, scale: float) -> Occluded:
    """Lay the drawn window over the image, with a soft contact shadow around it."""
    rows, columns = slice(canvas.top, canvas.bottom), slice(canvas.left, canvas.right)
    alpha = np.clip(drawn[..., 3:], 0, 1)
    under = image[rows, columns] * (1 - 0.35 * shadow(alpha[..., 0], scale))[..., None]
    out, mask = image.copy(), np.zeros(image.shape[:2], bool)
    out[rows, columns] = np.clip(np.rint(drawn[..., :3] + under * (1 - alpha)), 0, 255).astype(np.uint8)
    mask[rows, columns] = alpha[..., 0] >= 0.5
    return Occluded(out, mask)


def shadow(alpha: np.ndarray, scale: float) -> np.ndarray:
    """(h, w) opacity -> (h, w) darkness of the rim around it, in [0, 1], zero beyond a tenth of a unit."""
    blurred = Image.fromarray((alpha * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(max(0.5, 0.035 * scale)))
    spread = blurred.filter(ImageFilter.BoxBlur(max(0.5, 0.035 * scale)))
    return np.asarray(spread, np.float32) / 255
