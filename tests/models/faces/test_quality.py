"""Quality notes follow from what is in the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from models.faces.face import Face
from models.faces.quality import NOSE_DEPTH, Quality, assess, sharpness, yaw

FRONTAL = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.55, NOSE_DEPTH], [-0.45, 1.1, 0], [0.45, 1.1, 0]])
"""(x, y, depth towards the camera) of a frontal face, in eye distances."""


def turned(degrees: float, roll: float = 0.0, eyes: float = 100.0) -> np.ndarray:
    """Keypoints of the model face after yaw, then roll in the image plane, scaled, weak perspective."""
    t, r = np.radians(degrees), np.radians(roll)
    x = FRONTAL[:, 0] * np.cos(t) + FRONTAL[:, 2] * np.sin(t)
    flat = np.stack([x, FRONTAL[:, 1]], 1)
    return (flat @ np.array([[np.cos(r), np.sin(r)], [-np.sin(r), np.cos(r)]]) * eyes + 150).astype(np.float32)


def textured_face(blur: float = 0.0, eyes: float = 100.0, contrast: float = 1.0) -> Face:
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((400, 400), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(blur))
    photo = ((np.asarray(image).astype(float) - 128) * contrast + 128).round().astype(np.uint8)
    return Face(photo, turned(0, eyes=eyes), np.array([90, 80, 210, 240], np.float32), 1.0)


@pytest.mark.parametrize("degrees", [-60, -30, -10, 0, 10, 30, 60])
@pytest.mark.parametrize("roll", [-25, 0, 25])
def test_yaw_of_a_turned_model_face(degrees: float, roll: float) -> None:
    assert yaw(turned(degrees, roll)) == pytest.approx(degrees, abs=0.01)


def test_yaw_needs_two_eyes() -> None:
    with pytest.raises(ValueError, match="eyes coincide"):
        yaw(np.zeros((5, 2)))


def test_blur_lowers_sharpness_and_contrast_does_not() -> None:
    values = [sharpness(textured_face(blur)) for blur in (0, 2, 4, 8)]
    assert values == sorted(values, reverse=True) and values[0] > 3 * values[-1]
    assert sharpness(textured_face(contrast=0.4)) == pytest.approx(values[0], rel=0.1)


def test_a_flat_photo_is_not_sharp() -> None:
    flat = Face(np.full((300, 300, 3), 90, np.uint8), turned(0), np.array([90, 80, 210, 240], np.float32), 1.0)
    assert sharpness(flat) == 0.0


def test_assess_reports_the_box_and_the_eyes() -> None:
    quality = assess(textured_face())
    assert quality.size_px == (120, 160)
    assert quality.eye_distance_px == pytest.approx(100)
    assert abs(quality.yaw_deg) < 0.1
    assert "120 × 160 px" in quality.words


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        (Quality((200, 240), 100, 0.2, 0), []),
        (Quality((50, 60), 30, 0.2, 0), ["small face: fine detail is missing"]),
        (Quality((20, 24), 10, 0.2, 0), ["tiny face"]),
        (Quality((200, 240), 100, 0.06, 25), ["slightly soft", "head turned"]),
        (Quality((200, 240), 100, 0.001, -50), ["blurred", "head strongly turned: half the face is hidden"]),
    ],
)
def test_warnings(quality: Quality, said: list[str]) -> None:
    assert quality.warnings == said
