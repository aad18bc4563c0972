"""A report about a pair whose second face is partial, in a folder or a zip.

crop_a.png crop_b.png partial_b.png       the aligned faces, and what is left of face b, as networks of 160 px are fed
part_01.png ... part_scale.png            the attention model's maps over what is left, one scale with the whole face's
whole_01.png ...                          the same parts of the whole face b
arrays.npz                                raw: maps and weights of face a, of face b whole and now; hidden and worn
partial.json                              answers, importances, curve of the visible area, order of loss, settings
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explain.core import render
from explain.partial.find import APART, CAPTIONS, TITLES, UNITS, PartialLook, Said
from explain.partial.loss import AreaCurve, Losses
from explain.partial.render import part_picture, shared_limit
from explain.report.pair import NOTICE, versions
from explain.report.staging import Staging
from models.faces.partial_crops import FACTORS, FILL, LANDMARKS
from models.tasks import TASKS
from models.weights import Sidecar


def write_partial(
    folder: str | Path,
    look: PartialLook,
    sidecars: Mapping[str, Sidecar],
    *,
    curve: AreaCurve | None = None,
    losses: Mapping[str, Losses] | None = None,
    kind: str = APART,
    opacity: float = 0.6,
    archive: bool = False,
) -> Path:
    """Write a look at a partial face down.

    Args:
        folder: made when it is not there; files of the same names are replaced.
        sidecars: network -> what is known of its weight.
        curve, losses: of the same pair, where they were computed.
        kind: how the pictures show maps; the raw ones are in arrays.npz whatever it is.
        opacity: of the maps in the pictures.
        archive: also pack what was written into <folder>.zip, and return that.

    Raises:
        OSError: the folder cannot be written.
    """
    stage = Staging(folder)
    folder = stage.folder
    for name, crop in (("crop_a", look.crops[0]), ("crop_b", look.crops[1]), ("partial_b", look.edited.image)):
        Image.fromarray(crop).save(folder / f"{name}.png")
    _write_parts(folder, look, kind, opacity)
    raw: dict[str, Any] = dict(arrays(look))
    np.savez_compressed(folder / "arrays.npz", **raw)
    values = partial_values(look, sidecars) | {
        "pictures": {"shown": kind, "unit": UNITS[kind], "caption": CAPTIONS[kind]},
        "visible_area_curve": _curve_values(curve) if curve else None,
        "parts_that_can_go": {name: losses_values(found) for name, found in (losses or {}).items()},
        "versions": versions(),
    }
    (folder / "partial.json").write_text(json.dumps(values, indent=1) + "\n")
    return stage.finish(archive)


def _write_parts(folder: Path, look: PartialLook, kind: str, opacity: float) -> None:
    now, whole = look.now.parts[1], look.whole.parts[1]
    limit = shared_limit((now, whole), kind)
    for word, parts, crop in (("part", now, look.edited.image), ("whole", whole, look.crops[1])):
        for k, heatmap in enumerate(parts.heatmaps(kind), 1):
            over = part_picture(crop, heatmap, opacity=opacity, limit=limit)
            Image.fromarray(over).save(folder / f"{word}_{k:02d}.png")
    bar = render.colour_bar(limit, signed=kind == APART, unit=UNITS[kind])
    Image.fromarray(bar).save(folder / "part_scale.png")


def arrays(look: PartialLook) -> dict[str, np.ndarray]:
    """Every raw array of a look by name."""
    states = {"a": look.now.parts[0], "b_whole": look.whole.parts[1], "b_now": look.now.parts[1]}
    found = {f"maps_{n}": p.maps for n, p in states.items()} | {f"weights_{n}": p.weights for n, p in states.items()}
    return found | {"hidden": look.edited.hidden, "worn": look.edited.worn}


def partial_values(look: PartialLook, sidecars: Mapping[str, Sidecar]) -> dict[str, Any]:
    """Everything of a look that is a number or a word, for JSON."""
    edit = look.edit
    return {
        "notice": NOTICE,
        "edit": {
            "part": edit.part,
            "factor": edit.factor if edit.part in LANDMARKS else None,
            "centred": edit.centred,
            "erased_by_hand": float(edit.erased.mean()) if edit.erased is not None else 0.0,
            "seed": edit.seed,
            "fill": FILL,
            "shift_px": list(look.edited.shift),
        },
        "visible": look.visible,
        "networks": {
            name: {
                "title": TITLES.get(name, name),
                "weight": sidecars[name].name,
                "weight_sha256": sidecars[name].sha256,
                "threshold": now.threshold,
                "whole": said_values(look.whole.said[name]),
                "now": said_values(now),
            }
            for name, now in look.now.said.items()
        },
        "importances": {
            "face_a": look.now.parts[0].weights.tolist(),
            "face_b_whole": look.whole.parts[1].weights.tolist(),
            "face_b_now": look.now.parts[1].weights.tolist(),
        },
    }


def said_values(said: Said) -> dict[str, Any]:
    """An answer with its decision in words."""
    word = TASKS["verification"].decision(said.same)
    return {"similarity": said.similarity, "score": said.score, "decision": word}


def _curve_values(curve: AreaCurve) -> dict[str, Any]:
    return {
        "part": curve.part,
        "centred": curve.centred,
        "factor": list(FACTORS),
        "visible": curve.visible.tolist(),
        "score": {n: v.tolist() for n, v in curve.score.items()},
        "similarity": {n: v.tolist() for n, v in curve.similarity.items()},
    }


def losses_values(found: Losses) -> dict[str, Any]:
    """The order in which parts can be hidden."""
    return {
        "whole": said_values(found.whole),
        "steps": [{"hidden": s.part, "visible": s.visible, **said_values(s.said)} for s in found.steps],
        "flipped": found.flipped,
        "never_hidden": list(found.left),
    }
