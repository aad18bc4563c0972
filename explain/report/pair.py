"""Everything about one answered pair in a folder: pictures, raw maps, and a JSON that says where each number is from.

crop_a.png crop_b.png               the aligned crops the model saw
METHOD_a.png METHOD_b.png           maps over the crops, one scale for both
METHOD_photo_a.png ..._b.png        the same over the photos
METHOD_scale.png                    the colour scale
maps.npz                            raw float32 maps: METHOD_a, METHOD_b
report.json
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
from explain.core.findings import Curve, Heatmap, RegionDrops
from explain.evidence import PatchQuery, left_eye, read_evidence
from explain.methods.occlusion import occlude_regions
from explain.registry import EXPLAINERS, default_target, explain, layers_for
from explain.report.evidence import write_evidence
from explain.report.staging import Staging
from models.faces.face import Face
from models.predict import Result
from models.weights import Sidecar

DECISIONS = {
    "kinship": ("blood relatives", "not blood relatives"),
    "verification": ("the same person", "different people"),
}
"""task -> words for a score at or above the threshold, and below."""
NOTICE = "A research demonstration: no proof of kinship or identity."
PACKAGES = ("torch", "timm", "grad-cam", "facenet-pytorch", "numpy", "pillow", "plotly")


def write_report(
    folder: str | Path,
    result: Result,
    face_a: Face,
    face_b: Face,
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
) -> Path:
    """Explain a pair with every method asked for and write all of it down.

    Args:
        folder: made when it is not there; files of the same names are replaced.
        result: from predict(grad=True) when one of the methods needs gradients.
        face_a, face_b: the faces in their photos.
        methods: labels of methods_for(result.model); may be empty.
        sidecar: of the weight that answered.
        threshold: on the score; by default the sidecar's.
        target: the answer to explain; without one, or where a method cannot, its own default, which is written down.
        layer: the tap to read, for the methods that can read it; the others read their own default.
        look: the patch whose attention is drawn; by default the one at face a's left eye, in the last layer.
        opacity: of the maps in the pictures.
        fill: of region occlusion and faithfulness, "blur" or "grey".
        archive: also pack what was written into <folder>.zip, and return that.

    Returns:
        The folder, or the zip file.

    Raises:
        ValueError: as explain.  OSError: the folder cannot be written.
    """
    stage = Staging(folder)
    folder = stage.folder
    maps = {m: explain(result, m, target=_target(result, m, target), layer=_layer(result, m, layer)) for m in methods}
    _write_pictures(folder, result, (face_a, face_b), maps, opacity)
    inside, arrays = write_evidence(
        folder, result, read_evidence(result), look or PatchQuery(left_eye(result)), opacity
    )
    raw: dict[str, Any] = {**{f"{m}_{h.face}": h.values for m, pair in maps.items() for h in pair}, **arrays}
    np.savez_compressed(folder / "maps.npz", **raw)
    values = {
        "notice": NOTICE,
        **_answer_values(result, sidecar, sidecar.threshold if threshold is None else threshold),
        "faces": {"a": _face_values(face_a), "b": _face_values(face_b)},
        "regions": [_region_values(d) for d in occlude_regions(result, fill=fill)],
        "methods": {m: _method_values(result, m, target, pair, fill) for m, pair in maps.items()},
        **inside,
        "versions": versions(),
    }
    (folder / "report.json").write_text(json.dumps(values, indent=1) + "\n")
    return stage.finish(archive)


def _target(result: Result, method: str, target: str | None) -> str | None:
    if method not in EXPLAINERS:
        return None  # explain() says so
    return target if target in EXPLAINERS[method].targets else default_target(result.model, method)


def _layer(result: Result, method: str, layer: str | None) -> str | None:
    return layer if method in EXPLAINERS and layer in layers_for(result.model, method) else None


def _write_pictures(
    folder: Path, result: Result, faces: tuple[Face, Face], maps: Mapping[str, tuple[Heatmap, Heatmap]], opacity: float
) -> None:
    crops, spec = (result.a.pixels()[0], result.b.pixels()[0]), result.model.spec
    for name, crop in zip("ab", crops, strict=True):
        Image.fromarray(crop).save(folder / f"crop_{name}.png")
    for method, pair in maps.items():
        limit = render.shared_limit(pair)
        bar = render.colour_bar(limit, signed=pair[0].signed, unit=pair[0].unit)
        Image.fromarray(bar).save(folder / f"{method}_scale.png")
        for heatmap, crop, face in zip(pair, crops, faces, strict=True):
            on_crop = render.overlay(crop, heatmap, opacity=opacity, limit=limit)
            Image.fromarray(on_crop).save(folder / f"{method}_{heatmap.face}.png")
            on_photo = render.on_photo(face, spec, heatmap, opacity=opacity, limit=limit)
            Image.fromarray(on_photo).save(folder / f"{method}_photo_{heatmap.face}.png")


def _answer_values(result: Result, sidecar: Sidecar, threshold: float) -> dict[str, Any]:
    far, tar = sidecar.operating_points.at(threshold)
    at_least, below = DECISIONS[sidecar.task]
    return {
        "model": sidecar.model,
        "weight": sidecar.name,
        "weight_sha256": sidecar.sha256,
        "licence": sidecar.licence,
        "task": sidecar.task,
        "score": result.score,
        "score_ab": result.score_ab,
        "score_ba": result.score_ba,
        "similarity": result.similarity,
        "threshold": threshold,
        "threshold_protocol": sidecar.threshold_protocol,
        "far": far,
        "tar": tar,
        "protocol": sidecar.operating_points.measured_on(threshold),
        "decision": at_least if result.score >= threshold else below,
    }


def _face_values(face: Face) -> dict[str, Any]:
    return {
        "box_xyxy_px": face.box.tolist(),
        "keypoints_px": face.keypoints.tolist(),
        "confidence": face.confidence,
        "photo_width_height_px": [face.photo.shape[1], face.photo.shape[0]],
    }


def _region_values(drops: RegionDrops) -> dict[str, Any]:
    scores = {r: float(d) for r, d in zip(drops.regions, drops.drop, strict=True)}
    return {"face": drops.face, "fill": drops.fill, "baseline": drops.baseline, "score_drop": scores}


def _method_values(
    result: Result, method: str, target: str | None, pair: tuple[Heatmap, Heatmap], fill: str
) -> dict[str, Any]:
    row = EXPLAINERS[method]
    return {
        "title": row.title,
        "reads": row.reads,
        "target": _target(result, method, target),
        "signed": row.signed,
        "unit": pair[0].unit,
        "colour_limit": render.shared_limit(pair),
        "captions": {h.face: h.caption for h in pair},
        "faithfulness": {h.face: _curve_values(faithfulness(result, h, fill=fill)) for h in pair},
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
