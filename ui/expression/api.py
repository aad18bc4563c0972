"""The endpoint that tells expressions, for programs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from explain.expression.cover import COVERS, cover_words
from explain.expression.regions import region_sentences
from explain.expression.report import NOTICE, region_values, said_values
from explain.expression.said import change_sentence, sentence
from models.expressions import EXPRESSIONS
from models.numbers import number
from ui.expression import answers as telling
from ui.expression.callbacks import target_of
from ui.shared.answering import sidecar
from ui.shared.failures import in_words
from ui.shared.photos import take
from ui.shared.widgets import API_RUNS, file_image, whole_number

Json = dict[str, Any]
NOTHING = "nothing"
DEFAULT = telling.TASK


def face_expression(
    photo: str,
    cover: str = NOTHING,
    seed: int = 0,
    why: str = "leading",
    why_not: str = NOTHING,
    model: str = DEFAULT,
) -> Json:
    """Say which expression every face of a photo shows, and how ten people's votes would split over eight expressions.

    A shown expression is not a felt emotion. A research demonstration: not for decisions about people.

    Args:
        photo: The photo: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        cover: nothing, or what is put over the largest face: eyes, nose, mouth, mask or sunglasses.
        seed: Another number draws another mask or sunglasses; from 0 to 4294967295.
        why: The class that words and regions are about: leading, neutral, happiness, surprise, sadness, anger, disgust,
            fear or contempt.
        why_not: nothing, or a class that it is held against.
        model: Name of a weight that tells expressions.

    Returns:
        faces (list of objects, largest first): box (list of numbers, XYXY pixels), sentence (string), leading (string),
        shares (object: class to its share of the votes, adding up to 1), majority (object: class to the probability
        that most people name it), split (number, 0 where all agree to 1), agreement (string), valence and arousal
        (numbers from -1 to 1, derived from the shares, not learned); covered (object or null): what was covered, the
        same figures then, and change (string); target (string), words (string) and regions (object: region to class to
        share with that region covered) of the largest face; notice, model and weight_sha256 (strings).
    """
    _check("cover", cover, (NOTHING, *COVERS))
    _check("why", why, ("leading", *EXPRESSIONS))
    _check("why_not", why_not, (NOTHING, *EXPRESSIONS))
    _check("model", model, tuple(telling.weights()))
    covers = () if cover == NOTHING else (cover,)
    with in_words(ValueError):
        shot = take(photo)
        looked = telling.look(shot, model, covers, int(number("seed", seed)))
        found, target = telling.regions(shot, model), target_of(looked, why, why_not)
    row = sidecar(model)
    faces = zip(looked.numbers, looked.every, strict=True)
    return {
        "faces": [
            {"box": shot.marks[i].box.tolist(), "sentence": sentence(said), **said_values(said)} for i, said in faces
        ],
        "covered": _covered(looked),
        "target": target,
        "words": region_sentences(found, target),
        "regions": region_values(found),
        "notice": NOTICE,
        "model": row.model,
        "weight_sha256": row.sha256,
    }


def _covered(looked: telling.Looked) -> Json | None:
    if looked.covered is None:
        return None
    words, then = cover_words(looked.covers), looked.covered[0]
    return {"what": words, "change": change_sentence(looked.said, then, words), **said_values(then)}


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        words = f"{name} is one of {', '.join(known)}; got {value!r}." if known else "There is no weight for it."
        raise gr.Error(words, print_exception=False)


def build() -> None:
    """Register the endpoint where there is a weight; call it among components that are never shown."""
    names = telling.weights()
    if not names:
        return
    inputs = [
        file_image(),
        gr.Dropdown([NOTHING, *COVERS], value=NOTHING),
        whole_number(0),
        gr.Dropdown(["leading", *EXPRESSIONS], value="leading"),
        gr.Dropdown([NOTHING, *EXPRESSIONS], value=NOTHING),
        gr.Dropdown(names, value=telling.default_weight()),
    ]
    gr.Button().click(face_expression, inputs, gr.JSON(), api_name="face_expression", **API_RUNS)
