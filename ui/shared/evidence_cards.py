"""Words and tables under what the model gave away, as HTML: pure functions from values to markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import numpy as np

from explain import AttentionMaps, Links, Shares
from explain.core import render_evidence
from ui.shared.cards import capital, colour_scale, picture

Grid = tuple[int, int]


def layer_title(name: str) -> str:
    """ "stage3.block1.attn" -> "Stage 3, block 1": the model's own numbers, in words."""
    words = [re.sub(r"(?<=[a-z])(?=\d)", " ", word) for word in name.split(".")[:-1]]
    return ", ".join(words).capitalize()


def grids(grid_q: Grid, grid_k: Grid) -> str:
    """How fine a layer's patches are."""
    q, k = (f"{h} × {w}" for h, w in (grid_q, grid_k))
    return f"{q} patches" if grid_q == grid_k else f"{q} patches read {k} places"


def attention_note(maps: AttentionMaps, head: int | None, limit: float) -> str:
    """The colour scale of both faces, and what they show."""
    h, w = maps.grid_k
    heads = len(maps.weights)
    who = f"the mean of {heads} heads" if head is None and heads > 1 else f"head {(head or 0) + 1} of {heads}"
    coarse = (
        f" The {maps.grid_q[0]} × {maps.grid_q[1]} patches that ask read from a coarser grid of {h} × {w} places, each "
        "a summary of a block of patches."
        if maps.grid_q != maps.grid_k
        else ""
    )
    even = f"{1 / (h * w):.3f}"
    return (
        f"{_scale(limit)}<p class='ks-caption'><b>{escape(layer_title(maps.name))}, {who}.</b> Where the framed patch "
        f"reads, in either face: its weights add up to 1, so an even look would be {even} everywhere.{coarse} "
        "It shows where values were read in this pass, not whether they raise the answer.</p>"
    )


def links_note(links: Links, limit: float) -> str:
    """The colour scale of the face that is looked at, and what a link is."""
    asks, other = capital(links.face), capital(1 - links.face)
    even = 1 / (links.grid_k[0] * links.grid_k[1])
    return (
        f"{_scale(limit)}<p class='ks-caption'><b>From the framed patch of face {asks} to face {other}.</b> "
        f"{escape(links.caption)} An even look would be {even:.3f} everywhere.</p>"
    )


def _scale(limit: float) -> str:
    return colour_scale(limit, signed=False, unit="attention")


def strongest(links: Links, crops: Sequence[np.ndarray], count: int) -> str:
    """The strongest links as lines, with their range in words."""
    listed = links.strongest(count)
    asks, other = capital(links.face), capital(1 - links.face)
    drawn = picture(
        render_evidence.links_picture(crops[0], crops[1], links, count),
        f"the {len(listed)} strongest links from face {asks} to face {other}",
    )
    return (
        f"<figure class='ks-links'>{drawn}<figcaption>The {len(listed)} strongest of {links.weights.size} links, from "
        f"face {asks} (orange dots) to face {other}: {listed[0][2]:.3f} to {listed[-1][2]:.3f}, where an even look is "
        f"{1 / links.weights.shape[1]:.3f}; wider and lighter is stronger.</figcaption></figure>"
    )


def shares_table(shares: Shares) -> str:
    """The parts in numbers, for either order and on the mean, and their sum."""

    def row(name: str, values: list[float], cell: str = "td") -> str:
        cells = "".join(f"<{cell}>{v:+.3f}</{cell}>" for v in values)
        return f"<tr><th scope='row'>{escape(name)}</th>{cells}</tr>"

    columns = [*shares.orders.tolist(), shares.values.tolist()]
    rows = "".join(row(name, [c[i] for c in columns]) for i, name in enumerate(shares.names))
    heads = "".join(f"<th scope='col'>{h}</th>" for h in ("part", "(A, B)", "(B, A)", "mean"))
    total = row("sum: the model's log-odds", [*shares.totals, shares.total])
    caption = f"{shares.unit.capitalize()} in either order of the faces"
    return (
        f"<div class='ks-scroll'><table class='ks-table ks-parts'><caption>{escape(caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody><tfoot>{total}</tfoot></table></div>"
        f"<p class='ks-caption'>{escape(shares.caption)}</p>"
    )
