"""Named endpoints for programs: gradio_client, plain HTTP, and MCP for scoring."""

from __future__ import annotations

from typing import Any

import gradio as gr

from models import PhotoError, WeightError, open_photo
from models.quality import assess
from ui import answering
from ui.shots import take
from ui.widgets import file_image

Json = dict[str, Any]


def kin_score(photo_a: str, photo_b: str, model: str = "dlib_kin") -> Json:
    """Compare the largest face of two photos: are they blood relatives, or the same person?

    A research demonstration: the score is no proof of kinship or identity.

    Args:
        photo_a: The first photo: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        photo_b: The second photo.
        model: Name of a weight: dlib_kin asks for kinship, dlib_resnet for the same person.

    Returns:
        score: calibrated probability from 0 to 1, mean of score_ab and score_ba; similarity: cosine from -1 to 1;
        threshold: on the score; decision: in words; far and tar: shares measured at the threshold on the pairs that
        protocol names; model and weight_sha256: what answered.
    """
    if model not in answering.pair_weights():
        known = ", ".join(answering.pair_weights()) or "none"
        raise gr.Error(f"There is no weight {model!r}; there are: {known}.", print_exception=False)
    try:
        a, b = take(photo_a), take(photo_b)
        given = answering.answer(a, b, model)
    except (PhotoError, WeightError) as error:
        raise gr.Error(str(error), print_exception=False) from error
    row = answering.sidecar(model)
    verdict = answering.judge(given, row.threshold)
    return {
        "score": given.score,
        "score_ab": given.score_ab,
        "score_ba": given.score_ba,
        "similarity": given.similarity,
        "threshold": row.threshold,
        "decision": verdict.decision,
        "far": verdict.far,
        "tar": verdict.tar,
        "protocol": verdict.protocol,
        "model": row.model,
        "weight_sha256": row.sha256,
    }


def detect(photo: str) -> Json:
    """Find the faces in a photo, largest first.

    Args:
        photo: JPEG, PNG, WebP, BMP or TIFF.

    Returns:
        width and height in pixels, and faces: a list of box (XYXY pixels), keypoints (five (x, y) in pixels: left eye,
        right eye, nose, left and right mouth corner, as seen in the image), confidence (0 to 1) and quality (in words).
    """
    try:
        shot = take(photo)
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error
    height, width = open_photo(photo).shape[:2]
    faces = [shot.pick(i).face() for i in range(len(shot.marks))]
    return {
        "width": width,
        "height": height,
        "faces": [
            {
                "box": [float(v) for v in f.box],
                "keypoints": f.keypoints.astype(float).tolist(),
                "confidence": f.confidence,
                "quality": assess(f).words,
            }
            for f in faces
        ],
    }


def build() -> None:
    """Register the endpoints on components that are never shown.

    Photos come through image components and not through gr.api: theirs is the check that a path was uploaded.
    """
    runs: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 2}
    with gr.Column(visible=False):
        photo_a, photo_b = file_image(), file_image()
        model = gr.Dropdown(answering.pair_weights(), value=answering.default_weight())
        found = gr.JSON()
        gr.Button().click(kin_score, [photo_a, photo_b, model], found, api_name="kin_score", **runs)
        gr.Button().click(detect, photo_a, found, api_name="detect", api_visibility="undocumented", **runs)
