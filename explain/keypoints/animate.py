"""A sweep as an animation: the crop with its keypoints, and the offsets of one query beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from explain.keypoints import render as draw
from explain.keypoints.find import follow, shared_limit, sweep_values
from explain.keypoints.findings import Query
from models.faces.affine import Move, moved
from models.faces.face import Face, FaceBatch
from models.pair import PairModel

STEPS = 13
"""Steps from one end of a sweep to the other."""


def animate_sweep(
    models: Mapping[str, PairModel], face: Face, what: str, query: Query, *, opacity: float = 0.65
) -> bytes:
    """GIF of a sweep, offsets of all models in one colour scale that holds for all frames.

    The query stays on its patch of the crop while the face moves under it.

    Args:
        models: registered name -> network that has offsets.
        what: what is swept, a key of explain.keypoints.find.SWEEPS.

    Raises:
        ValueError: nothing of that name is swept, or a query that does not exist.
    """
    spec = next(iter(models.values())).spec
    still, crops, fields, similarity = moved(face, spec, Move()), [], [], []
    for value in sweep_values(what, STEPS):
        crops.append(moved(face, spec, replace(Move(), **{what: float(value)})))
        found = {m: follow(net, still, crops[-1]) for m, net in models.items()}
        layer = f"block{query.block}.rpe_bias"
        fields.append({m: f.offsets[layer][1].from_query(*query.patch, query.head) for m, f in found.items()})
        similarity.append({m: f.similarity for m, f in found.items()})
    limit = shared_limit([values for both in fields for values in both.values()])
    frames = []
    for value, crop, both, alike in zip(sweep_values(what, STEPS), crops, fields, similarity, strict=True):
        pictures = _pictures(crop, both, alike, query, opacity, limit)
        name, unit = draw.AXES[what]
        frames.append(draw.frame(pictures, limit, f"{name}: {draw.shown_value(what, float(value)):.3g} {unit}"))
    return draw.animate(frames)


def _pictures(
    crop: FaceBatch,
    fields: Mapping[str, np.ndarray],
    similarity: Mapping[str, float],
    query: Query,
    opacity: float,
    limit: float,
) -> list[tuple[str, np.ndarray]]:
    """What was fed, then a field a model, with their titles."""
    pixels, keypoints = crop.pixels()[0], crop.keypoints[0].numpy()
    pictures = [("fed to the networks", draw.keypoints_picture(pixels, keypoints, keypoints))]
    for model, values in fields.items():
        picture = draw.field_picture(pixels, values, query.patch, keypoints, opacity=opacity, limit=limit)
        pictures.append((f"{draw.LINES[model][0]}, similarity {similarity[model]:.2f}", picture))
    return pictures
