"""Everything about one answer in a folder: a page to read, pictures, raw maps, and a JSON with where numbers are from.

report.html                         one page with everything, pictures inside: to read, print and pass on
crop_a.png crop_b.png               the aligned crops the model saw, one a face
METHOD_a.png METHOD_b.png           maps over the crops, one scale for all
METHOD_photo_a.png ..._b.png        the same over the photos
METHOD_scale.png                    the colour scale
maps.npz                            raw float32 maps: METHOD_a, METHOD_b
report.json                         every number
README.txt                          what the files are
and what the model gave away, see explain/report/evidence.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explain.core import render
from explain.core.faithfulness import faithfulness
from explain.core.findings import Curve, Heatmap, RegionDrops, letter
from explain.evidence import PatchQuery, left_eye, read_evidence
from explain.methods.occlusion import occlude_regions
from explain.methods.part_shapley import part_values
from explain.registry import EXPLAINERS, default_target, explain, explains, layers_for
from explain.report.evidence import write_evidence
from explain.report.known import Known
from explain.report.page import report_page
from explain.report.parts import part_figures, words_of
from explain.report.staging import Staging
from models.faces.face import Face
from models.faces.quality import assess, or_withheld, undecided
from models.predict import Result
from models.tasks import TASKS
from models.weights import Sidecar

NOTICE = "A research demonstration: no proof of kinship or identity."
README = """What the files of this report are.

report.html     everything on one page, with its pictures; needs no network; a browser prints it to PDF
report.json     every number, with what it was measured on
maps.npz        raw float32 arrays (numpy.load): METHOD_a and METHOD_b are maps of face a and b over the aligned crop,
                before any scaling or colour; arrays named after a layer are attention, (heads, queries, keys)
*.png           the pictures of the page; crop_* are the aligned faces that the model saw
"""
PACKAGES = ("torch", "timm", "grad-cam", "facenet-pytorch", "numpy", "pillow", "plotly")


def write_report(
    folder: str | Path,
    result: Result,
    faces: Sequence[Face],
    methods: Sequence[str],
    *,
    sidecar: Sidecar,
    threshold: float | None = None,
    target: str | None = None,
    layer: str | None = None,
    look: PatchQuery | None = None,
    opacity: float = 0.5,
    fill: str = "blur",
    archive: bool = False,
    known: Known | None = None,
) -> Path:
    """Explain an answer with every method asked for and write all of it down.

    Args:
        folder: made when it is not there; files of the same names are replaced.
        result: from predict(grad=True) when one of the methods needs gradients.
        faces: the faces in their photos, in the order of the result's.
        methods: labels of methods_for(result.model); may be empty.
        sidecar: of the weight that answered.
        threshold: on the score; by default the sidecar's. Nothing where the model answers with classes.
        target: the answer to explain, in maps, words, curves and regions; without one, or where a method cannot, its
            own default, which is written down.
        layer: the tap to read, for the methods that can read it; the others read their own default.
        look: the patch whose attention is drawn; by default the one at the first face's left eye, in the last layer.
        opacity: of the maps in the pictures.
        fill: of region occlusion and faithfulness, a name of explain.core.fill.FILLS.
        archive: also pack what was written into <folder>.zip, and return that.
        known: findings about this very answer, made with the same layer, target and fill, that need not be made again.

    Returns:
        The folder, or the zip file.

    Raises:
        ValueError: as explain.  OSError: the folder cannot be written.
    """
    stage, known = Staging(folder), known or Known()
    folder = stage.folder
    maps = {
        m: known.maps.get(m) or explain(result, m, target=_target(result, m, target), layer=_layer(result, m, layer))
        for m in methods
    }
    watched = result.output.watching(target or result.explained)
    curves = {
        m: known.curves.get(m) or tuple(faithfulness(result, h, fill=fill, target=watched) for h in pair)
        for m, pair in maps.items()
    }
    _write_pictures(folder, result, faces, maps, opacity)
    inside, arrays = write_evidence(
        folder, result, read_evidence(result), look or PatchQuery(left_eye(result)), opacity
    )
    raw: dict[str, Any] = {**{f"{m}_{letter(h.face)}": h.values for m, pair in maps.items() for h in pair}, **arrays}
    np.savez_compressed(folder / "maps.npz", **raw)
    found, decided = (
        known.parts or part_values(result, fill=fill, target=target),
        None if sidecar.decision is None else threshold,
    )
    values = {
        "notice": NOTICE,
        "question": TASKS[sidecar.task].question,
        **_answer_values(result, sidecar, threshold, faces),
        "faces": {letter(i): _face_values(face) for i, face in enumerate(faces)},
        "words": words_of(found, decided),
        "parts": [part_figures(p, decided) for p in found],
        "regions": [_region_values(d) for d in known.regions or occlude_regions(result, fill=fill, watched=watched)],
        "methods": {m: _method_values(result, m, target, pair, curves[m]) for m, pair in maps.items()},
        **inside,
        "versions": versions(),
    }
    (folder / "report.json").write_text(json.dumps(values, indent=1) + "\n")
    (folder / "report.html").write_text(report_page(folder, values), encoding="utf-8")
    (folder / "README.txt").write_text(README)
    return stage.finish(archive)


def _target(result: Result, method: str, target: str | None) -> str | None:
    if method not in EXPLAINERS:
        return None  # explain() says so
    return target if target and explains(result, method, target) else default_target(result, method)


def _layer(result: Result, method: str, layer: str | None) -> str | None:
    return layer if method in EXPLAINERS and layer in layers_for(result.model, method) else None


def _write_pictures(
    folder: Path, result: Result, faces: Sequence[Face], maps: Mapping[str, tuple[Heatmap, ...]], opacity: float
) -> None:
    crops, spec = [face.pixels()[0] for face in result.faces], result.model.spec
    for i, crop in enumerate(crops):
        Image.fromarray(crop).save(folder / f"crop_{letter(i)}.png")
    for method, pair in maps.items():
        limit = render.shared_limit(pair)
        bar = render.colour_bar(limit, signed=pair[0].signed, unit=pair[0].unit)
        Image.fromarray(bar).save(folder / f"{method}_scale.png")
        for heatmap, crop, face in zip(pair, crops, faces, strict=True):
            on_crop = render.overlay(crop, heatmap, opacity=opacity, limit=limit)
            Image.fromarray(on_crop).save(folder / f"{method}_{letter(heatmap.face)}.png")
            on_photo = render.on_photo(face, spec, heatmap, opacity=opacity, limit=limit)
            Image.fromarray(on_photo).save(folder / f"{method}_photo_{letter(heatmap.face)}.png")


def reasons(faces: Sequence[Face]) -> tuple[str, ...]:
    """Why nothing is decided by these faces; empty where something is."""
    names = ("the photo",) if len(faces) == 1 else tuple(f"photo {letter(i).upper()}" for i in range(len(faces)))
    return undecided(*zip(names, map(assess, faces), strict=True))


def _answer_values(result: Result, sidecar: Sidecar, threshold: float | None, faces: Sequence[Face]) -> dict[str, Any]:
    withheld = reasons(faces)
    by_class = sidecar.decision is None
    answer = _class_values(result) if by_class else _decision_values(result, sidecar, threshold)
    said = "answer" if by_class else "decision"
    answer[said] = or_withheld(answer[said], withheld)
    return {
        "model": sidecar.model,
        "weight": sidecar.name,
        "weight_sha256": sidecar.sha256,
        "licence": sidecar.licence,
        "task": sidecar.task,
        **answer,
        "withheld": withheld,
    }


def _class_values(result: Result) -> dict[str, Any]:
    return {"probabilities": result.probabilities, "answer": max(result.probabilities.items(), key=lambda c: c[1])[0]}


def _decision_values(result: Result, sidecar: Sidecar, threshold: float | None) -> dict[str, Any]:
    rule = sidecar.rule
    threshold = rule.threshold if threshold is None else threshold
    far, tar = rule.operating_points.at(threshold)
    return {
        "score": result.score,
        "score_ab": result.score_ab,
        "score_ba": result.score_ba,
        "similarity": result.similarity,
        "threshold": threshold,
        "threshold_protocol": rule.threshold_protocol,
        "far": far,
        "tar": tar,
        "protocol": rule.operating_points.measured_on(threshold),
        "decision": TASKS[sidecar.task].decision(result.score >= threshold),
    }


def _face_values(face: Face) -> dict[str, Any]:
    return {
        "box_xyxy_px": face.box.tolist(),
        "keypoints_px": face.keypoints.tolist(),
        "confidence": face.confidence,
        "photo_width_height_px": [face.photo.shape[1], face.photo.shape[0]],
        "warnings": assess(face).warnings,
    }


def _region_values(drops: RegionDrops) -> dict[str, Any]:
    scores = {r: float(d) for r, d in zip(drops.regions, drops.drop, strict=True)}
    return {
        "face": letter(drops.face),
        "answer": drops.unit,
        "fill": drops.fill,
        "baseline": drops.baseline,
        "score_drop": scores,
    }


def _method_values(
    result: Result, method: str, target: str | None, pair: tuple[Heatmap, ...], curves: tuple[Curve, ...]
) -> dict[str, Any]:
    row = EXPLAINERS[method]
    return {
        "title": row.title,
        "reads": row.reads,
        "target": _target(result, method, target),
        "signed": row.signed,
        "unit": pair[0].unit,
        "colour_limit": render.shared_limit(pair),
        "captions": {letter(h.face): h.caption for h in pair},
        "empty": {letter(h.face): h.empty for h in pair},
        "faithfulness": {letter(c.face): _curve_values(c) for c in curves},
    }


def _curve_values(curve: Curve) -> dict[str, Any]:
    return {
        "answer": curve.unit,
        "fill": curve.fill,
        "fraction": curve.x.tolist(),
        "deletion": curve.deletion.tolist(),
        "insertion": curve.insertion.tolist(),
        "random_deletion": curve.random_deletion.tolist(),
        "random_insertion": curve.random_insertion.tolist(),
        "deletion_auc": curve.deletion_auc,
        "insertion_auc": curve.insertion_auc,
        "random_deletion_auc": curve.random_deletion_auc,
        "random_insertion_auc": curve.random_insertion_auc,
    }


def versions() -> dict[str, str]:
    """Package -> installed version, of PACKAGES."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found
