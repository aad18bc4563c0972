"""What a click on a patch does, as plain functions: raw evidence of a session in, pictures out. No model ever runs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from explain import AttentionMaps, Links, PatchQuery
from explain.core import render_evidence
from explain.evidence import centre_of, patch_at, reading
from ui.shared import evidence_cards
from ui.shared.evidence import Seen

Place = tuple[float, float]
"""(y, x) in [0, 1] of the crop."""
LINKS = 20
"""Lines drawn unless told otherwise."""


def clicked(event: gr.SelectData) -> Any:
    """A click on a picture of a crop -> its place."""
    if not isinstance(event.index, (list, tuple)):
        return gr.skip()
    x, y = (float(v) / render_evidence.SIDE for v in event.index[:2])
    return min(max(y, 0.0), 1.0), min(max(x, 0.0), 1.0)


def clicked_on_a(event: gr.SelectData) -> tuple[Any, int]:
    """A click on face A -> its place, and that it lies on A."""
    return clicked(event), 0


def clicked_on_b(event: gr.SelectData) -> tuple[Any, int]:
    """A click on face B -> its place, and that it lies on B."""
    return clicked(event), 1


def attention_of(seen: Seen, layer: str | None) -> tuple[AttentionMaps, ...]:
    """The faces' maps of a layer, of the last one where the model has no such layer."""
    found = seen.inside.attention
    return found[layer] if layer and layer in found else list(found.values())[-1]


def links_of(seen: Seen, layer: str | None, face: int) -> Links:
    """Links that start at a face, of a layer or the last one."""
    found = seen.inside.links
    return (found[layer] if layer and layer in found else list(found.values())[-1])[face]


def offer_heads(seen: Seen | None, layer: str | None, head: int | None) -> Any:
    """Head picker of a layer; 0 is the mean, the others count from 1."""
    if seen is None or not seen.inside.attention:
        return gr.skip()
    count = len(attention_of(seen, layer)[0].weights)
    choices = [("mean of all heads", 0), *((f"head {i}", i) for i in range(1, count + 1))]
    return gr.update(choices=choices, value=head if head in range(count + 1) else 0, visible=count > 1)


def draw_attention(seen: Seen | None, layer: str | None, head: int | None, place: Place | None, opacity: float) -> Any:
    """Row and column of the patch, both faces, scale and caption."""
    if seen is None or not seen.inside.attention:
        return [gr.skip()] * 5
    maps, place = attention_of(seen, layer), place or seen.place
    chosen = head - 1 if head and head <= len(maps[0].weights) else None
    rows = [reading(m, place, chosen) for m in maps]
    limit, grid = max(float(r.max()) for r in rows), maps[0].grid_q
    patch = patch_at(grid, place)
    pictures = [
        render_evidence.attention_picture(crop, row, grid, patch, opacity=opacity, limit=limit)
        for crop, row in zip(seen.crops, rows, strict=True)
    ]
    return [*_sliders(grid, patch), *pictures, evidence_cards.attention_note(maps[0], chosen, limit)]


def _sliders(grid: tuple[int, int], patch: tuple[int, int]) -> list[Any]:
    """Row and column, from 1, on a grid."""
    return [gr.update(maximum=n, value=i + 1) for n, i in zip(grid, patch, strict=True)]


def attention_place(seen: Seen | None, layer: str | None, row: int, column: int) -> Any:
    """Sliders -> the middle of that patch."""
    if seen is None or not seen.inside.attention:
        return gr.skip()
    return _middle(attention_of(seen, layer)[0].grid_q, row, column)


def links_place(seen: Seen | None, layer: str | None, face: int, row: int, column: int) -> Any:
    """Sliders -> the middle of that patch of the face that asks."""
    if seen is None or not seen.inside.links:
        return gr.skip()
    return _middle(links_of(seen, layer, face).grid_q, row, column)


def _middle(grid: tuple[int, int], row: int, column: int) -> Place:
    return centre_of(grid, min(int(row), grid[0]) - 1, min(int(column), grid[1]) - 1)


def draw_links(seen: Seen | None, layer: str | None, face: int, place: Place | None, opacity: float) -> Any:
    """Row and column of the patch, both faces, scale and caption: a patch on one face, where it looks on the other."""
    if seen is None or not seen.inside.links:
        return [gr.skip()] * 5
    links, place = links_of(seen, layer, face), place or seen.place
    patch, row = patch_at(links.grid_q, place), links.from_query(*patch_at(links.grid_q, place))
    limit = float(row.max())
    asks, other = seen.crops[face], seen.crops[1 - face]
    pictures = [
        render_evidence.patch_picture(asks, links.grid_q, patch),
        render_evidence.attention_picture(other, row, links.grid_k, None, opacity=opacity, limit=limit),
    ]
    ordered = pictures if face == 0 else pictures[::-1]
    return [*_sliders(links.grid_q, patch), *ordered, evidence_cards.links_note(links, limit)]


def draw_strongest(seen: Seen | None, layer: str | None, face: int, count: int) -> Any:
    """The strongest links between the two faces."""
    if seen is None or not seen.inside.links:
        return gr.skip()
    return evidence_cards.strongest(links_of(seen, layer, face), seen.crops, int(count))


def show(seen: Seen | None, opacity: float) -> list[Any]:
    """A new answer: every section that has evidence, from its first patch; the others go."""
    return [*_show_attention(seen, opacity), *_show_links(seen, opacity), *_show_shares(seen)]


def _show_attention(seen: Seen | None, opacity: float) -> list[Any]:
    """Column, layer, head, place, then as draw_attention."""
    if seen is None or not seen.inside.attention:
        return [gr.update(visible=False), *[gr.skip()] * 8]
    choices = [
        (f"{evidence_cards.layer_title(name)}: {evidence_cards.grids(a.grid_q, a.grid_k)}", name)
        for name, (a, *_) in seen.inside.attention.items()
    ]
    layer = gr.update(choices=choices, value=choices[-1][1])
    head = offer_heads(seen, None, 0)
    drawn = draw_attention(seen, None, 0, seen.place, opacity)
    return [gr.update(visible=True), layer, head, seen.place, *drawn]


def _show_links(seen: Seen | None, opacity: float) -> list[Any]:
    """Column, layer, face, place, then as draw_links, then the number of lines and the lines."""
    if seen is None or not seen.inside.links:
        return [gr.update(visible=False), *[gr.skip()] * 10]
    choices = [(evidence_cards.layer_title(name), name) for name in seen.inside.links]
    layer = gr.update(choices=choices, value=choices[-1][1], visible=len(choices) > 1)
    drawn = draw_links(seen, None, 0, seen.place, opacity)
    lines = draw_strongest(seen, None, 0, LINKS)
    return [gr.update(visible=True), layer, 0, seen.place, *drawn, LINKS, lines]


def _show_shares(seen: Seen | None) -> list[Any]:
    """Column, bars, table."""
    if seen is None or seen.inside.shares is None:
        return [gr.update(visible=False), gr.skip(), gr.skip()]
    shares = seen.inside.shares
    bars = render_evidence.shares_figure(shares).update_layout(height=120 + 36 * len(shares.names), showlegend=False)
    return [gr.update(visible=True), bars, evidence_cards.shares_table(shares)]


def look(seen: Seen | None, layer: str | None, head: int | None, place: Place | None, links: int) -> PatchQuery | None:
    """What the page shows of the inside, for the report."""
    if seen is None:
        return None
    heads = len(attention_of(seen, layer)[0].weights) if seen.inside.attention else 0
    name = layer if layer in seen.inside.attention else None
    return PatchQuery(place or seen.place, name, head - 1 if head and head <= heads else None, int(links))
