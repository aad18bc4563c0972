"""The endpoint of the attention comparison, for programs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from explain.attention.compare import METHODS, WORDS, default_map
from explain.attention.report import comparison_values
from models.numbers import number
from ui.attention import answers as arms
from ui.shared.answering import trained
from ui.shared.failures import in_words
from ui.shared.photos import take
from ui.shared.widgets import API_RUNS, file_image, whole_number

Json = dict[str, Any]


def compare_attention(
    photo: str,
    other: str | None = None,
    occluder: str = "surgical",
    seed: int = 0,
    method: str = "",
    layer: str = "",
) -> Json:
    """Ask the same network with no gate, SE and CBAM about the largest face of a photo wearing a drawn mask.

    A research demonstration: no proof of identity, and one photo is no proof of what a gate does.

    Args:
        photo: The photo: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        other: A second photo to compare with; without it the same photo bare, or mirrored when nothing is worn.
        occluder: none, surgical, cloth, n95, sunglasses, scarf or hand.
        seed: Another number draws another make; from 0 to 4294967295.
        method: grad_cam, grad_cam_plus_plus, layer_cam, xgrad_cam, hires_cam, eigen_cam or covering_gradients; by
            default the one that was measured best.
        layer: The layer it reads, such as stage3.features; empty for the networks' own. covering_gradients has none.

    Returns:
        faces: what a and b are; arms: for each network its answers (pair, similarity, score, decision), threshold,
        weight_sha256 and region_mass: the share of each face's map in eyes, nose, mouth, mask area, forehead and
        background beside their area.
    """
    if occluder not in WORDS:
        raise gr.Error(f"There is no occluder {occluder!r}; there are: {', '.join(WORDS)}.", print_exception=False)
    method = method or default_map()
    if method not in METHODS:
        raise gr.Error(f"There is no method {method!r}; there are: {', '.join(METHODS)}.", print_exception=False)
    with in_words(ValueError):
        scene = arms.scene_of(take(photo), take(other) if other else None, occluder, int(number("seed", seed)))
        compared = arms.compare(scene, method, layer or None)
        return comparison_values(compared, arms.sidecars())


def build() -> None:
    """Register the endpoint where every arm has a weight; call it among components that are never shown."""
    if not trained(arms.NEEDS):
        return
    photos = [file_image(), file_image()]
    settings = [
        gr.Dropdown([*WORDS], value="surgical"),
        whole_number(0),
        gr.Dropdown([*METHODS], value=default_map()),
        gr.Textbox(""),
    ]
    gr.Button().click(compare_attention, [*photos, *settings], gr.JSON(), api_name="compare_attention", **API_RUNS)
