"""Findings -> RGB pictures and plotly figures: the only place with colours.

Amounts are drawn in viridis (perceptually uniform), signed values in a blue-white-red map centred on zero (blue:
below, red: above); both are legible to colour-blind eyes. A scale always starts at zero and ends at a limit shared by
the maps that are compared: nothing is stretched to its own range, so a flat map looks flat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw, ImageFont
from plotly.colors import diverging, sequential, unlabel_rgb

from explain.core.findings import Curve, Heatmap, RegionDrops, letter
from models.faces.align import warp_back
from models.faces.face import Face, InputSpec

GREY = "#797979"
"""Text and axes of figures: the grey with equal contrast (4.3 : 1) on white and on a near-black page."""
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
"""Lines that differ for every eye (Okabe and Ito)."""


def _table(stops: Sequence[str]) -> np.ndarray:
    """Colour stops ("#rrggbb" or "rgb(r,g,b)") -> (256, 3) float32, linear in between."""
    rgb = np.array([_rgb(s) for s in stops], np.float64)
    places = np.linspace(0, len(stops) - 1, 256)
    return np.stack([np.interp(places, np.arange(len(stops)), rgb[:, c]) for c in range(3)], 1).astype(np.float32)


def _rgb(colour: str) -> tuple[float, ...]:
    if colour.startswith("#"):
        return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return tuple(unlabel_rgb(colour))


AMOUNTS = _table(sequential.Viridis)
SIGNED = _table(diverging.RdBu[::-1])


def shared_limit(heatmaps: Sequence[Heatmap]) -> float:
    """Where the colour scale of compared maps ends: their largest magnitude, but never below their noise floor.

    Raises:
        ValueError: no maps.
    """
    if not heatmaps:
        raise ValueError("a shared limit wants at least one heatmap")
    return max(max(float(np.abs(h.values).max()), h.floor) for h in heatmaps)


def colours(values: np.ndarray, limit: float, *, signed: bool) -> np.ndarray:
    """(...,) values -> (..., 3) float32 in 0..255; the scale is [0, limit], or [-limit, limit] when signed."""
    share = np.nan_to_num(values) / limit
    place = (share + 1) / 2 if signed else share
    return (SIGNED if signed else AMOUNTS)[(place.clip(0, 1) * 255).round().astype(int)]


def stops(*, signed: bool, number: int = 33) -> list[str]:
    """Colours of the scale from its low end to its high one, evenly spaced, as CSS: "#rrggbb"."""
    shown = colours(np.linspace(-1.0 if signed else 0.0, 1.0, number), 1.0, signed=signed).round().astype(int)
    return ["#" + "".join(f"{c:02x}" for c in rgb) for rgb in shown.tolist()]


def overlay(rgb: np.ndarray, heatmap: Heatmap, *, opacity: float, limit: float) -> np.ndarray:
    """A map over the aligned crop.

    Args:
        rgb: (H, W, 3) uint8, the crop.
        opacity: of the colours, in [0, 1].
        limit: end of the colour scale, see shared_limit.

    Returns:
        (H, W, 3) uint8.
    """
    return blend(rgb, heatmap.resized(*rgb.shape[:2]), heatmap.signed, opacity, limit)


def on_photo(face: Face, spec: InputSpec, heatmap: Heatmap, *, opacity: float, limit: float) -> np.ndarray:
    """A map warped back onto the whole photo; where the crop did not reach, the photo stays as it is.

    Returns:
        (H, W, 3) uint8 in the frame of face.photo.
    """
    return blend(face.photo, warp_back(heatmap.values, face, spec), heatmap.signed, opacity, limit)


def blend(rgb: np.ndarray, values: np.ndarray, signed: bool, opacity: float, limit: float) -> np.ndarray:
    """Colours over a picture of the same size; NaN is transparent."""
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity lies in [0, 1], got {opacity}")
    shown, picture, share = ~np.isnan(values), rgb.copy(), np.float32(opacity)
    mixed = rgb[shown] * (1 - share) + colours(values[shown], limit, signed=signed) * share
    picture[shown] = mixed.round().astype(np.uint8)
    return picture


def colour_bar(limit: float, *, signed: bool, unit: str) -> np.ndarray:
    """The colour scale with its numbers as a picture for files, on a light card of its own.

    Returns:
        (72, 420, 3) uint8.
    """
    width, height, margin = 420, 72, 40
    card = Image.new("RGB", (width, height), "#fafafa")
    low = -limit if signed else 0.0
    ramp = colours(np.linspace(-1.0 if signed else 0.0, 1, width - 2 * margin)[None].repeat(18, 0), 1, signed=signed)
    card.paste(Image.fromarray(ramp.astype(np.uint8)), (margin, 28))
    draw, font = ImageDraw.Draw(card), ImageFont.load_default(13)
    draw.text((width / 2, 14), unit, "#222222", font, anchor="mm")
    for share in (0.0, 0.5, 1.0):
        text = f"{low + share * (limit - low):.3g}"
        draw.text((margin + share * (width - 2 * margin), 58), text, "#222222", font, anchor="mm")
    return np.asarray(card)


def draw_faces(photo: np.ndarray, faces: Sequence[Face], chosen: int) -> np.ndarray:
    """The photo with every face's box and number, and the keypoints of the chosen one.

    Args:
        photo: (H, W, 3) uint8.
        faces: found in this photo; numbered from 1 as drawn.
        chosen: index into faces, from 0.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: chosen is not the index of a face.
    """
    if faces and not 0 <= chosen < len(faces):
        raise ValueError(f"chosen must be from 0 to {len(faces) - 1}, got {chosen}")
    picture = Image.fromarray(photo)
    draw, unit = ImageDraw.Draw(picture), max(photo.shape[:2]) / 400
    for i, face in enumerate(faces):
        _draw_box(draw, face, str(i + 1), unit, ORANGE if i == chosen else BLUE)
    if faces:
        _draw_keypoints(draw, faces[chosen], unit)
    return np.asarray(picture)


def _draw_box(draw: ImageDraw.ImageDraw, face: Face, number: str, unit: float, colour: str) -> None:
    """A box on a white edge, so that it shows on any photo, with a number badge in its corner."""
    left, top, right, bottom = (float(v) for v in face.box)
    line, badge = max(1, round(1.5 * unit)), max(14.0, 16 * unit)
    draw.rectangle((left - line, top - line, right + line, bottom + line), outline="white", width=3 * line)
    draw.rectangle((left, top, right, bottom), outline=colour, width=line)
    x, y = max(left, 0.0), max(top, 0.0)
    draw.rectangle((x, y, x + badge, y + badge), fill=colour)
    draw.text((x + badge / 2, y + badge / 2), number, "white", ImageFont.load_default(badge * 0.75), anchor="mm")


def _draw_keypoints(draw: ImageDraw.ImageDraw, face: Face, unit: float) -> None:
    radius = max(2.0, 2 * unit)
    for x, y in face.keypoints.astype(float):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ORANGE, outline="white")


def curve_figure(curve: Curve) -> go.Figure:
    """Deletion and insertion of a map (solid) beside random orders (dotted), with the areas in the legend."""
    lines = (
        ("deletion", curve.deletion, curve.deletion_auc, ORANGE, "solid"),
        ("deletion, random", curve.random_deletion, curve.random_deletion_auc, ORANGE, "dot"),
        ("insertion", curve.insertion, curve.insertion_auc, BLUE, "solid"),
        ("insertion, random", curve.random_insertion, curve.random_insertion_auc, BLUE, "dot"),
    )
    figure = go.Figure()
    for name, y, area, colour, dash in lines:
        figure.add_scatter(
            x=curve.x * 100,
            y=y,
            name=f"{name} (area {area:.3f})",
            mode="lines+markers",
            line={"color": colour, "dash": dash},
        )
    figure.update_xaxes(title="pixels changed (%)")
    figure.update_yaxes(title=curve.unit)
    return styled(figure, f"{curve.method}, fill: {curve.fill}")


def region_figure(drops_a: RegionDrops, drops_b: RegionDrops) -> go.Figure:
    """Bars: what covering each region of either face takes from the score."""
    figure = go.Figure()
    for drops, colour in ((drops_a, ORANGE), (drops_b, BLUE)):
        figure.add_bar(x=drops.regions, y=drops.drop, name=f"face {letter(drops.face).upper()}", marker_color=colour)
    figure.update_yaxes(title=f"score lost (of {drops_a.baseline:.3f})")
    return styled(figure, f"region covered, fill: {drops_a.fill}")


def styled(figure: go.Figure, title: str) -> go.Figure:
    """Transparent, in a grey that reads on dark and light pages; its bar keeps what works by keyboard too."""
    figure.update_layout(
        title={"text": title, "font": {"size": 14}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": GREY},
        legend={"orientation": "h", "y": -0.25},
        margin={"l": 60, "r": 20, "t": 40, "b": 40},
        modebar={"remove": ["zoom", "pan", "select", "lasso", "autoscale"], "bgcolor": "rgba(0,0,0,0)", "color": GREY},
    )
    lines = {"gridcolor": "rgba(121,121,121,0.25)", "zerolinecolor": GREY}
    figure.update_xaxes(**lines)
    figure.update_yaxes(**lines)
    return figure
