"""Named endpoints for programs: gradio_client, plain HTTP, and MCP for scoring."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from explain.report.parts import part_figures, words_of
from models.faces.quality import assess, or_withheld
from models.gallery import Hit
from models.numbers import Range, within
from models.search.index import TOP
from models.weights import default_model
from ui.kinship import search_indexes
from ui.kinship import tri_answers as triplet
from ui.kinship.search_answers import Ranking, collect, rank, silent
from ui.shared import answering, doubts, evidence
from ui.shared.failures import in_words
from ui.shared.photos import take
from ui.shared.widgets import API_RUNS, GALLERIES, file_image, whole_number

Json = dict[str, Any]
DEFAULT = default_model()


def kin_score(photo_a: str, photo_b: str, model: str = DEFAULT) -> Json:
    """Compare the largest face of two photos: are they blood relatives, or the same person?

    A research demonstration: the score is no proof of kinship or identity.

    Args:
        photo_a: The first photo: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        photo_b: The second photo.
        model: Name of a weight: dlib_kin asks for kinship, dlib_resnet for the same person.

    Returns:
        score (number): calibrated probability from 0 to 1, mean of score_ab and score_ba (numbers); similarity
        (number): cosine from -1 to 1; threshold (number): on the score; decision (string): in words,
        or why it is withheld, for a face too poor to decide by; far and tar
        (numbers): shares measured at the threshold on the pairs that protocol (string) names; model and weight_sha256
        (strings): what answered.
    """
    _check_weight(model, answering.pair_weights())
    with in_words():
        a, b = take(photo_a), take(photo_b)
        given = answering.answer(a, b, model)
    row, spoilt = answering.sidecar(model), doubts.about(("photo_a", a), ("photo_b", b)).spoilt
    verdict = answering.judge(given, row.rule.threshold)
    return {
        "score": given.score,
        "score_ab": given.score_ab,
        "score_ba": given.score_ba,
        "similarity": given.similarity,
        "threshold": row.rule.threshold,
        "decision": or_withheld(verdict.decision, spoilt),
        "far": verdict.far,
        "tar": verdict.tar,
        "protocol": verdict.protocol,
        "model": row.model,
        "weight_sha256": row.sha256,
    }


def kin_parts(photo_a: str, photo_b: str, model: str = DEFAULT) -> Json:
    """Say which parts of either face carry the similarity of the largest face of two photos, in words and figures.

    Exact Shapley values over eight parts of the face, by covering every set of them; a few seconds. A research
    demonstration: no proof of kinship or identity.

    Args:
        photo_a: The first photo: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        photo_b: The second photo.
        model: Name of a weight: dlib_kin asks for kinship, dlib_resnet for the same person.

    Returns:
        words (list of strings): a paragraph a face; parts (list of objects, one a face): face (string, a or b); target
        (string), the number that is shared out; shapley (object): part to its share; empty and whole (numbers): the
        target without any part and with all, the shares add up to their difference; smallest_flip (object or null): the
        fewest parts whose covering turns the decision.
    """
    _check_weight(model, answering.pair_weights())
    with in_words():
        found = evidence.parts(take(photo_a), take(photo_b), model)
    return {"words": words_of(found), "parts": [part_figures(p) for p in found]}


def tri_score(father: str, mother: str, child: str, model: str = DEFAULT) -> Json:
    """Compare the largest face of three photos: is the child theirs, the father's and the mother's?

    A research demonstration: the score is no proof of kinship.

    Args:
        father: The father's photo: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        mother: The mother's photo.
        child: The child's photo.
        model: Name of a weight that answers kinship.

    Returns:
        score (number): from 0 to 1, a probability only when calibrated (boolean, on triplets) is true; father_child
        and mother_child (numbers): the scores of the two pairs; threshold (number): on the score; decision (string):
        in words, or why it is withheld; far and tar (numbers): shares measured on triplets at the threshold, null where
        nobody measured them; protocol, model and weight_sha256 (strings).
    """
    _check_weight(model, triplet.weights())
    with in_words():
        family = triplet.Family(take(father), take(mother), take(child))
        given = triplet.answer(family, model)
    shots = {"father": family.father, "mother": family.mother, "child": family.child}
    spoilt = doubts.about(*shots.items()).spoilt
    row, threshold = answering.sidecar(model), triplet.own_threshold(model)
    verdict = triplet.judge(given, threshold)
    return {
        "score": given.score,
        "calibrated": given.calibrated,
        "father_child": given.father.pair.score,
        "mother_child": given.mother.pair.score,
        "threshold": threshold,
        "decision": or_withheld(verdict.decision, spoilt),
        "far": verdict.far,
        "tar": verdict.tar,
        "protocol": verdict.protocol,
        "model": row.model,
        "weight_sha256": row.sha256,
    }


def kin_search(probe: str, gallery: list[str], model: str = DEFAULT) -> Json:
    """Rank every face of many photos by kinship (or identity) with the largest face of a probe photo.

    A research demonstration: somebody comes first in every gallery, and no place is proof of kinship or identity.

    Args:
        probe: The probe's photo: JPEG, PNG, WebP, BMP or TIFF with at least one face.
        gallery: Photos, or zips of photos.
        model: Name of a weight: dlib_kin asks for kinship, dlib_resnet for the same person.

    Returns:
        faces (integer): how many were ranked; ranking (list): the first 100, each with rank (integer), file (string),
        face (integer, its number in the photo, the largest 1), similarity (number, cosine) and score (number, of the
        pair; null beyond the 50 most similar); skipped (list): files that gave no face, each with file and reason
        (strings); threshold, far and tar (numbers) of single pairs, and the protocol (string) they were measured by;
        model and weight_sha256 (strings).
    """
    _check_weight(model, answering.pair_weights())
    with in_words():
        collection = collect(gallery or [], silent, get_upload_folder())
        ranking = rank(collection, take(probe), model, silent)
    row = answering.sidecar(model)
    far, tar = row.rule.operating_points.at(row.rule.threshold)
    return {
        "faces": len(ranking.hits),
        "ranking": [_place(i, hit, ranking) for i, hit in enumerate(ranking.hits[:100], 1)],
        "skipped": [{"file": s.name, "reason": s.reason} for s in collection.skipped],
        "threshold": row.rule.threshold,
        "far": far,
        "tar": tar,
        "protocol": row.rule.operating_points.measured_on(row.rule.threshold),
        "model": row.model,
        "weight_sha256": row.sha256,
    }


def index_search(probe: list[str], index: str, top: int = 100, by_person: bool = False) -> Json:
    """Rank an index of this server for a person, by kinship (or identity) as its model was made for.

    A research demonstration: somebody comes first in every index, and no place is proof of kinship or identity.

    Args:
        probe: One photo of the person or several: JPEG, PNG, WebP, BMP or TIFF; the largest face of each counts.
        index: Name of an index; the first unless given.
        top: How many matches, 1 to 100.
        by_person: Rank people, each by all their faces, and not single faces.

    Returns:
        faces (integer): how many were searched; ranking (list): rank (integer), file (string), face (integer, its
        number in the photo, the largest 1), person (integer, 0 without grouping), faces (integer, of this person that
        were compared; 1 where faces are ranked), similarity (number, cosine) and score (number, of the pair); own
        (list): photos taken for the probe's own, which are not ranked, each with file and face; model and
        weight_sha256 (strings).
    """
    if not isinstance(probe, list) or not probe:
        raise gr.Error("The probe is a list of photos.", print_exception=False)
    with in_words():
        count = int(within(Range(1, TOP, whole=True), top, "top"))
        searched, answer = search_indexes.ask(index, [take(photo) for photo in probe], count, bool(by_person))
        rows = [
            {
                "rank": rank,
                "file": searched.file(m),
                "face": m.row.number,
                "person": m.row.person,
                "faces": m.faces,
                "similarity": m.similarity,
                "score": m.score,
            }
            for rank, m in enumerate(answer.matches, 1)
        ]
        own = [{"file": searched.file(m), "face": m.row.number} for m in answer.own]
    row = answering.sidecar(searched.weight)
    return {
        "faces": answer.searched,
        "ranking": rows,
        "own": own,
        "model": row.model,
        "weight_sha256": row.sha256,
    }


def _place(number: int, hit: Hit, ranking: Ranking) -> Json:
    named = ranking.entry(hit).named
    return {
        "rank": number,
        "file": named.file,
        "face": named.face,
        "similarity": hit.similarity,
        "score": hit.score,
    }


def _check_weight(model: str, known: list[str]) -> None:
    if model not in known:
        raise gr.Error(f"There is no weight {model!r}; there are: {', '.join(known) or 'none'}.", print_exception=False)


def detect(photo: str) -> Json:
    """Find the faces in a photo, largest first.

    Args:
        photo: JPEG, PNG, WebP, BMP or TIFF.

    Returns:
        width and height in pixels, and faces: a list of box (XYXY pixels), keypoints (five (x, y) in pixels: left eye,
        right eye, nose, left and right mouth corner, as seen in the image), confidence (0 to 1) and quality (in words).
    """
    with in_words():
        shot = take(photo)
        faces = [shot.pick(i).face() for i in range(len(shot.marks))]
    height, width = faces[0].photo.shape[:2]
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
    """Register the endpoints; call it among components that are never shown.

    Photos come through image components and not through gr.api: theirs is the check that a path was uploaded.
    """
    photo_a, photo_b = file_image(), file_image()
    model = gr.Dropdown(answering.pair_weights(), value=answering.default_weight())
    found = gr.JSON()
    gr.Button().click(kin_score, [photo_a, photo_b, model], found, api_name="kin_score", **API_RUNS)
    gr.Button().click(kin_parts, [photo_a, photo_b, model], found, api_name="kin_parts", **API_RUNS)
    mother, child = file_image(), file_image()
    kinship = gr.Dropdown(triplet.weights(), value=triplet.default_weight())
    gr.Button().click(tri_score, [photo_a, mother, child, kinship], found, api_name="tri_score", **API_RUNS)
    gallery = gr.File(file_count="multiple")
    one = {name: GALLERIES[name] for name in ("concurrency_id", "concurrency_limit")}
    gr.Button().click(kin_search, [photo_a, gallery, model], found, api_name="kin_search", **one)
    if known := search_indexes.names():
        inputs = [gallery, gr.Dropdown(known), whole_number(TOP), gr.Checkbox()]
        gr.Button().click(index_search, inputs, found, api_name="index_search", **API_RUNS)
    gr.Button().click(detect, photo_a, found, api_name="detect", api_visibility="undocumented", **API_RUNS)
