"""Colours of the theme: an unchecked box is its outline alone, so the outline has to be seen in light and in dark."""

from __future__ import annotations

import pytest

from ui.shared.theme import theme


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2) of a value of the theme: "#rrggbb", "white", or "*name" of another value."""
    while colour.startswith("*"):
        colour = getattr(theme(), colour[1:])
    colour = {"white": "#ffffff", "black": "#000000"}.get(colour, colour)
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", ["", "_dark"])
@pytest.mark.parametrize("state", ["", "_hover"])
@pytest.mark.parametrize("ground", ["checkbox_background_color", "block_background_fill"])
def test_boxes_and_circles_have_an_outline(dark: str, state: str, ground: str) -> None:
    line, behind = (luminance(getattr(theme(), name + dark)) for name in (f"checkbox_border_color{state}", ground))
    assert (max(line, behind) + 0.05) / (min(line, behind) + 0.05) >= 3
