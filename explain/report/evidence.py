"""The part of a report that tells what the model gave away: attention of one patch, links, shares of its parts.

query_a.png query_b.png query_scale.png                 where the patch of the chosen layer reads, one scale for both
links_a.png links_b.png                                 the strongest links that start at face a, at face b
maps.npz                                                LAYER_a, LAYER_b: (heads, N, M); LINKS_a, LINKS_b: (N, M)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explain.core import render, render_evidence
from explain.core.findings import AttentionMaps, Links, letter
from explain.core.shares import Shares
from explain.evidence import Evidence, PatchQuery, patch_at, reading
from models.predict import Result

Arrays = dict[str, np.ndarray]
Crops = list[np.ndarray]


def write_evidence(
    folder: Path, result: Result, inside: Evidence, look: PatchQuery, opacity: float
) -> tuple[dict[str, Any], Arrays]:
    """Pictures into the folder; values for report.json and raw arrays for maps.npz; nothing of what is not there.

    Raises:
        ValueError: no such layer or head.  OSError: the folder cannot be written.
    """
    crops = [face.pixels()[0] for face in result.faces]
    values: dict[str, Any] = {}
    raw: Arrays = {}
    if inside.attention:
        name = look.layer or list(inside.attention)[-1]
        if name not in inside.attention:
            raise ValueError(f"no attention layer {name!r}; there are: {', '.join(inside.attention)}")
        maps = inside.attention[name]
        _draw_attention(folder, crops, maps, look, opacity)
        values["attention"] = _attention_values(maps, look)
        raw |= {f"{name}_{letter(m.face)}": m.weights for m in maps}
    for name, links in inside.links.items():
        _draw_links(folder, crops, links, look.links)
        values.setdefault("links", {})[name] = _links_values(links, look.links)
        raw |= {f"{name}_{letter(one.face)}": one.weights for one in links}
    if inside.shares:
        values["shares"] = _shares_values(inside.shares)
    return values, raw


def _draw_attention(
    folder: Path, crops: Crops, maps: tuple[AttentionMaps, ...], look: PatchQuery, opacity: float
) -> None:
    rows = [reading(m, look.place, look.head) for m in maps]
    limit = max(float(r.max()) for r in rows)
    for crop, row, m in zip(crops, rows, maps, strict=True):
        patch = patch_at(m.grid_q, look.place)
        picture = render_evidence.attention_picture(crop, row, m.grid_q, patch, opacity=opacity, limit=limit)
        Image.fromarray(picture).save(folder / f"query_{letter(m.face)}.png")
    Image.fromarray(render.colour_bar(limit, signed=False, unit="attention")).save(folder / "query_scale.png")


def _attention_values(maps: tuple[AttentionMaps, ...], look: PatchQuery) -> dict[str, Any]:
    grid_q, grid_k = maps[0].grid_q, maps[0].grid_k
    return {
        "layer": maps[0].name,
        "head": "mean" if look.head is None else look.head + 1,  # as on the page, from 1
        "heads": len(maps[0].weights),
        "query_grid": list(grid_q),
        "key_grid": list(grid_k),
        "query_row_column": list(patch_at(grid_q, look.place)),
        "reads": {letter(m.face): reading(m, look.place, look.head).tolist() for m in maps},
    }


def _draw_links(folder: Path, crops: Crops, links: tuple[Links, Links], count: int) -> None:
    for one in links:
        picture = render_evidence.links_picture(crops[0], crops[1], one, count)
        Image.fromarray(picture).save(folder / f"links_{letter(one.face)}.png")


def _links_values(links: tuple[Links, Links], count: int) -> dict[str, Any]:
    return {
        "caption": links[0].caption,
        "grid": list(links[0].grid_q),
        "strongest": {
            letter(one.face): [{"from": list(i), "to": list(j), "weight": w} for i, j, w in one.strongest(count)]
            for one in links
        },
    }


def _shares_values(shares: Shares) -> dict[str, Any]:
    return {
        "unit": shares.unit,
        "caption": shares.caption,
        "log_odds_ab": shares.totals[0],
        "log_odds_ba": shares.totals[1],
        "ab": dict(zip(shares.names, shares.orders[0].tolist(), strict=True)),
        "ba": dict(zip(shares.names, shares.orders[1].tolist(), strict=True)),
        "mean": dict(zip(shares.names, shares.values.tolist(), strict=True)),
    }
