"""The endpoint of the partial-face comparison, for programs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from explain.partial.edit import PRESETS, Edit
from explain.partial.report import losses_values, partial_values
from models.numbers import number
from ui.partial import answers as parting
from ui.shared.answering import trained
from ui.shared.failures import in_words
from ui.shared.photos import take
from ui.shared.widgets import API_RUNS, file_image, plain_number, whole_number

Json = dict[str, Any]


def partial_face(
    photo: str,
    other: str,
    part: str = "nose",
    factor: float = 0.3,
    centred: bool = False,
    seed: int = 0,
    order: bool = False,
) -> Json:
    """Compare the largest faces of two photos when only a part of the second one is seen: the same person?

    A research demonstration: no proof of identity.

    Args:
        photo: The first photo, which stays whole: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        other: The second photo, of which a part is left.
        part: whole, left eye, right eye, nose, mouth, upper half or lower half stay visible; sunglasses or mask are
            worn.
        factor: Size of an eye, nose or mouth part, from 0.05 to 1; 0.1 to 0.5 in the published protocol.
        centred: Move what is left to the middle.
        seed: Another number draws other sunglasses or another mask; from 0 to 4294967295.
        order: Also find which parts of the whole face can be hidden before the decision flips; takes seconds.

    Returns:
        visible: share of the face that is left; networks: for the attention model, the average-pooled baseline and the
        reference encoder similarity, score and decision for the whole face and now, threshold and weight_sha256;
        importances: of the parts of both faces, adding up to 1; parts_that_can_go: when asked for, per network.
    """
    with in_words(ValueError):
        edit = Edit(part, number("factor", factor), bool(centred), seed=int(number("seed", seed)))
        look, held = parting.look(take(photo), take(other), edit)
        values = partial_values(look, parting.sidecars())
        if order:
            found = parting.order(held).order
            values["parts_that_can_go"] = {name: losses_values(lost) for name, lost in found.items()}
    return values


def build() -> None:
    """Register the endpoint where its networks have weights; call it among components that are never shown."""
    if not trained(parting.NEEDS):
        return
    settings = [
        gr.Dropdown([*PRESETS], value="nose"),
        plain_number(0.3),
        gr.Checkbox(False),
        whole_number(0),
        gr.Checkbox(False),
    ]
    gr.Button().click(
        partial_face, [file_image(), file_image(), *settings], gr.JSON(), api_name="partial_face", **API_RUNS
    )
