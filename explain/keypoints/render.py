"""Pictures of keypoints and position offsets, curves of similarity against a move, and the animation of a sweep."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw, ImageFont

from explain.core import render
from explain.core.render import BLUE, GREEN, GREY, ORANGE, styled
from explain.core.render_evidence import SIDE, attention_picture, enlarged
from explain.keypoints.findings import Sweep

Grid = tuple[int, int]

LINES: dict[str, tuple[str, str, str]] = {
    "vit_kprpe": ("KP-RPE", ORANGE, "solid"),
    "vit_irpe": ("iRPE", BLUE, "dash"),
    "vit_abs": ("absolute positions only", GREEN, "dashdot"),
    "vit_kprpe off": ("KP-RPE, offsets off", ORANGE, "dot"),
    "vit_irpe off": ("iRPE, offsets off", BLUE, "dot"),
}
"""Network -> name for people, colour and dash of its curve."""
AXES = {
    "rotation": ("rotation, clockwise", "°"),
    "scale": ("scale", "×"),
    "shift_x": ("shift to the right", "% of the crop"),
    "shift_y": ("shift down", "% of the crop"),
}
"""What is swept -> name and unit of its axis."""
SHORT = ("L", "R", "N", "l", "r")
"""Marks of the five keypoints: left and right eye, nose, left and right mouth corner."""
FRAME_SIDE = 224
"""Side in pixels of one picture of the animation."""


def shown_value(what: str, value: float) -> float:
    """A value of a sweep in the unit of its axis."""
    return 100 * value if what.startswith("shift") else value


def keypoints_picture(
    crop: np.ndarray, keypoints: np.ndarray, detected: np.ndarray, picked: int | None = None
) -> np.ndarray:
    """A crop with the keypoints the model was given; where they differ, a line from the detected one.

    Args:
        crop: (H, W, 3) uint8.
        keypoints, detected: (5, 2) in [0, 1] of the crop.
        picked: index of the keypoint that is drawn as picked.

    Returns:
        (SIDE, SIDE, 3) uint8.
    """
    image = Image.fromarray(enlarged(crop))
    draw = ImageDraw.Draw(image)
    for (x, y), (x0, y0) in zip(keypoints * SIDE, detected * SIDE, strict=True):
        if np.hypot(x - x0, y - y0) > 1:
            draw.line((x0, y0, x, y), "white", 5)
            draw.line((x0, y0, x, y), GREY, 2)
            draw.ellipse((x0 - 4, y0 - 4, x0 + 4, y0 + 4), fill=GREY, outline="white")
    font = ImageFont.load_default(15)
    for i, (x, y) in enumerate(keypoints * SIDE):
        radius, colour = (15, BLUE) if i == picked else (11, ORANGE)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline="white", width=2)
        draw.text((x, y), SHORT[i], "white", font, anchor="mm")
    return np.asarray(image)


def field_picture(
    crop: np.ndarray,
    values: np.ndarray,
    patch: Grid,
    keypoints: np.ndarray,
    *,
    opacity: float,
    limit: float,
    signed: bool = True,
) -> np.ndarray:
    """Offsets (or attention, not signed) of one query over the keys, a square a key, with the keypoints as dots.

    Args:
        crop: (H, W, 3) uint8.
        values: (h, w) float32 over the key grid.
        patch: (row, column) of the query.
        keypoints: (5, 2) in [0, 1] of the crop.
        opacity: of the colours, in [0, 1].
        limit: end of the colour scale, shared by what is compared.

    Returns:
        (SIDE, SIDE, 3) uint8.
    """
    grid = (values.shape[0], values.shape[1])
    picture = attention_picture(crop, values, grid, patch, opacity=opacity, limit=limit, signed=signed)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for x, y in keypoints * SIDE:
        draw.ellipse((x - 6, y - 6, x + 6, y + 6), fill="#222222", outline="white", width=2)
    return np.asarray(image)


def sweep_figure(sweep: Sweep, at: float, current: Mapping[str, float]) -> go.Figure:
    """Similarity to the aligned face against one move, a curve a network; a vertical line at the present setting.

    Args:
        at: present value of what is swept.
        current: network -> similarity at the present setting of everything, drawn as diamonds.
    """
    figure, (name, unit) = go.Figure(), AXES[sweep.what]
    x = [shown_value(sweep.what, float(v)) for v in sweep.values]
    here = shown_value(sweep.what, at)
    for key, y in sweep.similarity.items():
        label, colour, dash = LINES[key]
        line = {"color": colour, "dash": dash, "width": 2.5}
        figure.add_scatter(x=x, y=y.tolist(), name=label, mode="lines", line=line, legendgroup=key)
        if key in current:
            marker = {"color": colour, "symbol": "diamond", "size": 11, "line": {"color": "white", "width": 1}}
            figure.add_scatter(
                x=[here], y=[current[key]], mode="markers", marker=marker, name=f"{label}, now", showlegend=False
            )
    figure.add_vline(x=here, line={"color": GREY, "dash": "dot", "width": 1.5})
    figure.update_xaxes(title=f"{name} ({unit})")
    figure.update_yaxes(title="similarity", range=[_floor(sweep, current), 1.03])
    return styled(figure, "")


def _floor(sweep: Sweep, current: Mapping[str, float]) -> float:
    """Lower end of the axis: a round tenth below everything drawn, and never above 0.5: no small loss looks large."""
    lowest = min(*(float(y.min()) for y in sweep.similarity.values()), *current.values(), 1.0)
    return float(min(0.5, np.floor(10 * lowest) / 10))


def animate(frames: Sequence[np.ndarray], milliseconds: int = 160) -> bytes:
    """RGB frames of one size, (H, W, 3) uint8 -> an endless GIF that runs to the last frame and back.

    All frames share one palette, so that a colour means the same number in each.

    Raises:
        ValueError: no frames.
    """
    if not frames:
        raise ValueError("an animation wants at least one frame")
    pictures = [Image.fromarray(f) for f in (*frames, *frames[-2:0:-1])]
    palette = _sheet(pictures[: len(frames)]).quantize(256, method=Image.Quantize.MEDIANCUT)
    ready = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    file = io.BytesIO()
    ready[0].save(file, "GIF", save_all=True, append_images=ready[1:], duration=milliseconds, loop=0)
    return file.getvalue()


def _sheet(pictures: Sequence[Image.Image]) -> Image.Image:
    """All pictures at half size below each other, which the palette is taken from; no colours are mixed."""
    width, height = (max(1, side // 2) for side in pictures[0].size)
    sheet = Image.new("RGB", (width, height * len(pictures)))
    for i, picture in enumerate(pictures):
        sheet.paste(picture.resize((width, height), Image.Resampling.NEAREST), (0, i * height))
    return sheet


def frame(pictures: Sequence[tuple[str, np.ndarray]], limit: float, title: str) -> np.ndarray:
    """One picture of the animation: titled pictures side by side, a line of text, and the colour scale below.

    Args:
        pictures: title and (SIDE, SIDE, 3) uint8 of each.
        limit: end of the scale, the same for every frame.

    Returns:
        (height, width, 3) uint8.
    """
    bar = render.colour_bar(limit, signed=True, unit="offset, added to the attention logit")
    width, top = FRAME_SIDE * len(pictures) + 8 * (len(pictures) + 1), 44
    sheet = Image.new("RGB", (width, top + FRAME_SIDE + bar.shape[0] + 12), "#fafafa")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    draw.text((width / 2, 12), title, "#222222", font, anchor="mm")
    for i, (name, picture) in enumerate(pictures):
        left = 8 + i * (FRAME_SIDE + 8)
        draw.text((left + FRAME_SIDE / 2, 32), name, "#222222", font, anchor="mm")
        sheet.paste(Image.fromarray(picture).resize((FRAME_SIDE, FRAME_SIDE), Image.Resampling.BOX), (left, top))
    sheet.paste(Image.fromarray(bar), ((width - bar.shape[1]) // 2, top + FRAME_SIDE + 6))
    return np.asarray(sheet)
