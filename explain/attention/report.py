"""A comparison of arms as files: pictures for people, JSON and raw arrays for programs.

crop_{a,b}.png                      what the arms saw
{WEIGHT}_{a,b}.png, scale_{a,b}.png maps over the crops; those of a face share its scale
difference_{LEFT}_{RIGHT}_{a,b}.png, difference_scale_{a,b}.png    right minus left, a scale a face
{WEIGHT}_gates_{a,b}.png, gates_scale.png    spatial gates in order of depth, from 0 to 1
arrays.npz                          raw float32: WEIGHT.map_a, WEIGHT.BLOCK.spatial_a, WEIGHT.BLOCK.channel_a, ...
comparison.json                     answers, region mass, faithfulness, settings, versions
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explain.attention.compare import Arm, Comparison, difference
from explain.attention.gates import channel_of, spatial_of
from explain.attention.region_mass import RegionMass
from explain.attention.render import LIMIT, gate_picture
from explain.core import render
from explain.core.findings import Curve, Heatmap, letter
from explain.registry import EXPLAINERS
from explain.report.pair import NOTICE, versions
from explain.report.staging import Staging
from models.tasks import TASKS
from models.weights import Sidecar


def write_comparison(
    folder: str | Path,
    compared: Comparison,
    curves: Sequence[Curve],
    sidecars: Mapping[str, Sidecar],
    *,
    opacity: float = 0.5,
    archive: bool = False,
) -> Path:
    """Write a comparison down.

    Args:
        folder: made when it is not there; files of the same names are replaced.
        curves: of trust(), one an arm.
        sidecars: weight -> what is known of it.
        opacity: of the maps in the pictures.
        archive: also pack what was written into <folder>.zip, and return that.

    Raises:
        OSError: the folder cannot be written.
    """
    stage = Staging(folder)
    folder = stage.folder
    for face, crop in enumerate(compared.crops):
        Image.fromarray(crop).save(folder / f"crop_{letter(face)}.png")
    _write_maps(folder, {arm.weight: arm.maps for arm in compared.arms}, compared, opacity, "scale")
    pairs = {f"difference_{x.weight}_{y.weight}": (x, y) for x, y in combinations(compared.arms, 2)}
    apart = {name: _differences(x, y) for name, (x, y) in pairs.items()}
    if apart:
        _write_maps(folder, apart, compared, opacity, "difference_scale")
    _write_gates(folder, compared, opacity)
    raw: dict[str, Any] = dict(arrays(compared))
    np.savez_compressed(folder / "arrays.npz", **raw)
    values = comparison_values(compared, sidecars) | {"faithfulness": _trust(compared, curves), "versions": versions()}
    (folder / "comparison.json").write_text(json.dumps(values, indent=1) + "\n")
    return stage.finish(archive)


def _differences(left: Arm, right: Arm) -> tuple[Heatmap, ...]:
    return tuple(difference(x, y) for x, y in zip(left.maps, right.maps, strict=True))


def _write_maps(
    folder: Path, maps: Mapping[str, Sequence[Heatmap]], compared: Comparison, opacity: float, scale: str
) -> None:
    for index, crop in enumerate(compared.crops):
        face, row = letter(index), {name: pair[index] for name, pair in maps.items()}
        first, limit = next(iter(row.values())), render.shared_limit(list(row.values()))
        bar = render.colour_bar(limit, signed=first.signed, unit=first.unit)
        Image.fromarray(bar).save(folder / f"{scale}_{face}.png")
        for name, heatmap in row.items():
            over = render.overlay(crop, heatmap, opacity=opacity, limit=limit)
            Image.fromarray(over).save(folder / f"{name}_{face}.png")


def _write_gates(folder: Path, compared: Comparison, opacity: float) -> None:
    drawn = False
    for arm in compared.arms:
        for face, (crop, gates) in enumerate(zip(compared.crops, arm.gates, strict=True)):
            pictures = [gate_picture(crop, g, opacity=opacity) for g in spatial_of(gates).values()]
            if pictures:
                Image.fromarray(np.concatenate(pictures, 1)).save(folder / f"{arm.weight}_gates_{letter(face)}.png")
                drawn = True
    if drawn:
        bar = render.colour_bar(LIMIT, signed=False, unit="spatial gate")
        Image.fromarray(bar).save(folder / "gates_scale.png")


def arrays(compared: Comparison) -> dict[str, np.ndarray]:
    """Every raw array of a comparison by name."""
    found: dict[str, np.ndarray] = {}
    for arm in compared.arms:
        for heatmap, gates in zip(arm.maps, arm.gates, strict=True):
            face = letter(heatmap.face)
            found[f"{arm.weight}.map_{face}"] = heatmap.values
            found |= {f"{arm.weight}.{block}.spatial_{face}": v for block, v in spatial_of(gates).items()}
            found |= {f"{arm.weight}.{block}.channel_{face}": v for block, v in channel_of(gates).items()}
    return found


def comparison_values(compared: Comparison, sidecars: Mapping[str, Sidecar]) -> dict[str, Any]:
    """Everything of a comparison that is a number or a word, for JSON."""
    first = compared.arms[0].maps[0]
    return {
        "notice": NOTICE,
        "faces": {letter(i): title for i, title in enumerate(compared.titles)},
        "occluder": compared.occluder,
        "seed": compared.seed,
        "method": compared.method,
        "method_title": EXPLAINERS[compared.method].title,
        "layer": compared.layer,
        "unit": first.unit,
        "caption": first.caption,
        "arms": {arm.weight: _arm_values(arm, sidecars[arm.weight]) for arm in compared.arms},
    }


def _arm_values(arm: Arm, sidecar: Sidecar) -> dict[str, Any]:
    task = TASKS[sidecar.task]
    return {
        "title": arm.title,
        "weight_sha256": sidecar.sha256,
        "threshold": sidecar.rule.threshold,
        "empty_maps": [h.empty for h in arm.maps],
        "answers": [
            {
                "pair": said.pair,
                "similarity": said.similarity,
                "score": said.score,
                "decision": task.decision(said.score >= sidecar.rule.threshold),
            }
            for said in arm.answers
        ],
        "region_mass": {letter(mass.face): _mass_values(mass) for mass in arm.mass},
    }


def _mass_values(mass: RegionMass) -> dict[str, Any]:
    return {
        "share": {r: float(v) for r, v in zip(mass.regions, mass.share, strict=True)},
        "area": {r: float(v) for r, v in zip(mass.regions, mass.area, strict=True)},
        "mean_magnitude": mass.total,
    }


def _trust(compared: Comparison, curves: Sequence[Curve]) -> dict[str, Any]:
    return {
        arm.weight: {
            "face": letter(c.face),
            "answer": c.unit,
            "fill": c.fill,
            "fraction": c.x.tolist(),
            **{k: getattr(c, k).tolist() for k in ("deletion", "insertion", "random_deletion", "random_insertion")},
            **{f"{k}_auc": getattr(c, f"{k}_auc") for k in ("deletion", "insertion")},
            **{f"{k}_auc": getattr(c, f"{k}_auc") for k in ("random_deletion", "random_insertion")},
        }
        for arm, c in zip(compared.arms, curves, strict=True)
    }
