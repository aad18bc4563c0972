"""The endpoint of the keypoint comparison, for programs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from models import KEYPOINT_NAMES
from models.faces.affine import Move
from models.numbers import number
from ui.keypoints import answers as following
from ui.shared.answering import sidecar, trained, weight_of
from ui.shared.failures import in_words
from ui.shared.photos import take
from ui.shared.widgets import API_RUNS, file_image, plain_number

Json = dict[str, Any]


def moved_face(
    photo: str, rotation: float = 0, scale: float = 1, shift_x: float = 0, shift_y: float = 0, offsets: bool = True
) -> Json:
    """Move the largest face of a photo out of alignment and compare it with its aligned self in three ViTs.

    A research demonstration, no proof of identity: it tells how stable an embedding is, not how well a network tells
    people apart.

    Args:
        photo: The photo: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        rotation: Degrees, clockwise, from -180 to 180.
        scale: From 0.25 to 4; above 1 the face is larger.
        shift_x: To the right, in sides of the crop, from -1 to 1.
        shift_y: Down, in sides of the crop, from -1 to 1.
        offsets: False leaves the position offsets out of the networks that have them.

    Returns:
        models: for vit_kprpe, vit_irpe and vit_abs an object with similarity_to_aligned (number, cosine of the moved
        face and the aligned one) and weight_sha256 (string); keypoints (five [x, y] in [0, 1]): of the moved crop, as
        the networks were given them.
    """
    with in_words(ValueError):
        move = Move(
            number("rotation", rotation), number("scale", scale), number("shift_x", shift_x), number("shift_y", shift_y)
        )
        look = following.look(take(photo), following.Setting(move, None, not offsets))
    return {
        "models": {
            model: {
                "similarity_to_aligned": found.similarity,
                "weight_sha256": sidecar(weight_of(model) or model).sha256,
            }
            for model, found in look.followed.items()
        },
        "keypoints": dict(zip(KEYPOINT_NAMES, look.keypoints.tolist(), strict=True)),
    }


def build() -> None:
    """Register the endpoint where all three networks have a weight; call it among components that are never shown."""
    if not trained(following.MODELS):
        return
    settings = [file_image(), *map(plain_number, (0, 1, 0, 0)), gr.Checkbox(True)]
    gr.Button().click(moved_face, settings, gr.JSON(), api_name="moved_face", **API_RUNS)
