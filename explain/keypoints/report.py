"""A report about one face moved out of alignment, in a folder or a zip.

crop_aligned.png crop_moved.png keypoints.png        what the networks were fed
MODEL_offsets.png MODEL_difference.png               offsets of the chosen query, one scale each for all networks
MODEL_attention.png                                  the attention of the same query
offsets_scale.png difference_scale.png attention_scale.png
offsets.npz                                          raw: MODEL_aligned, MODEL_moved, MODEL_attention, (heads, N, N)
report.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explain.core import render
from explain.keypoints import render as render_offsets
from explain.keypoints.find import CAPTION, shared_limit
from explain.keypoints.findings import Followed, Query, Sweep
from explain.report.pair import NOTICE
from explain.report.staging import Staging
from models.faces.affine import Move
from models.faces.face import KEYPOINT_NAMES, FaceBatch
from models.weights import Sidecar


def write_offsets(
    folder: Path,
    followed: Mapping[str, Followed],
    crops: tuple[FaceBatch, FaceBatch],
    query: Query,
    *,
    move: Move,
    sidecars: Mapping[str, Sidecar],
    sweeps: Sequence[Sweep] = (),
    opacity: float = 0.6,
    gif: bytes | None = None,
    archive: bool = False,
) -> Path:
    """Write pictures, raw offsets of the query's layer, and a JSON with every number.

    Args:
        folder: made when it is not there.
        followed: registered model -> what it made of the face.
        crops: the aligned and the moved face, batches of one, as they were fed.
        query: what is drawn.
        move: how the crop was moved.
        sidecars: of the same models' weights.
        sweeps: curves to write down.
        gif: an animated sweep, written as sweep.gif.
        archive: also pack what was written into <folder>.zip, and return that.

    Raises:
        ValueError: a patch, block or head that does not exist.  OSError: the folder cannot be written.
    """
    stage = Staging(folder)
    folder = stage.folder
    name = f"block{query.block}"
    with_offsets = {m: f for m, f in followed.items() if f.offsets}
    for m, f in with_offsets.items():
        if f"{name}.rpe_bias" not in f.offsets:
            raise ValueError(f"{m} has no block {query.block}: it has {len(f.offsets)}, from 0")
    _crops(folder, crops)
    raw: dict[str, Any] = {}
    shown: dict[str, dict[str, np.ndarray]] = {"offsets": {}, "difference": {}, "attention": {}}
    for m, f in with_offsets.items():
        still, other = f.offsets[f"{name}.rpe_bias"]
        raw |= {f"{m}_aligned": still.values, f"{m}_moved": other.values}
        shown["offsets"][m] = other.from_query(*query.patch, query.head)
        shown["difference"][m] = shown["offsets"][m] - still.from_query(*query.patch, query.head)
    for m, f in followed.items():
        if f"{name}.attn" in f.attention:
            maps = f.attention[f"{name}.attn"]
            rows = maps.from_query(*query.patch)
            shown["attention"][m] = rows.mean(0) if query.head is None else rows[query.head]
            raw[f"{m}_attention"] = maps.weights
    for what, pictures in shown.items():
        _draw(folder, what, pictures, crops[1], query, opacity)
    if raw:
        np.savez_compressed(folder / "offsets.npz", **raw)
    values = {
        "notice": NOTICE,
        "caption": CAPTION,
        "move": asdict(move),
        "keypoints": {
            row: dict(zip(KEYPOINT_NAMES, crop.keypoints[0].tolist(), strict=True))
            for row, crop in zip(("aligned", "moved"), crops, strict=True)
        },
        "query": {
            "row": query.patch[0],
            "column": query.patch[1],
            "block": query.block,
            "head": None if query.head is None else query.head + 1,  # as on the page, from 1
        },
        "models": {m: _model(f, sidecars[m], shown, m) for m, f in followed.items()},
        "sweeps": {s.what: _sweep(s) for s in sweeps},
    }
    if gif:
        (folder / "sweep.gif").write_bytes(gif)
    (folder / "report.json").write_text(json.dumps(values, indent=1) + "\n")
    return stage.finish(archive)


def _crops(folder: Path, crops: tuple[FaceBatch, FaceBatch]) -> None:
    for word, crop in zip(("aligned", "moved"), crops, strict=True):
        Image.fromarray(crop.pixels()[0]).save(folder / f"crop_{word}.png")
    points = crops[1].keypoints[0].numpy()
    Image.fromarray(render_offsets.keypoints_picture(crops[1].pixels()[0], points, points)).save(
        folder / "keypoints.png"
    )


def _draw(
    folder: Path, what: str, fields: Mapping[str, np.ndarray], crop: FaceBatch, query: Query, opacity: float
) -> None:
    """All networks' fields of one kind in one scale."""
    if not fields:
        return
    limit, signed = shared_limit(list(fields.values())), what != "attention"
    keypoints = crop.keypoints[0].numpy()
    for model, values in fields.items():
        picture = render_offsets.field_picture(
            crop.pixels()[0], values, query.patch, keypoints, opacity=opacity, limit=limit, signed=signed
        )
        Image.fromarray(picture).save(folder / f"{model}_{what}.png")
    bar = render.colour_bar(limit, signed=signed, unit="attention" if what == "attention" else f"{what}, logit")
    Image.fromarray(bar).save(folder / f"{what}_scale.png")


def _model(
    followed: Followed, sidecar: Sidecar, shown: Mapping[str, Mapping[str, np.ndarray]], model: str
) -> dict[str, Any]:
    return {
        "weight": sidecar.name,
        "weight_sha256": sidecar.sha256,
        "similarity_to_aligned": followed.similarity,
        **{what: fields[model].tolist() for what, fields in shown.items() if model in fields},
    }


def _sweep(sweep: Sweep) -> dict[str, Any]:
    return {"values": sweep.values.tolist(), "similarity": {m: y.tolist() for m, y in sweep.similarity.items()}}
