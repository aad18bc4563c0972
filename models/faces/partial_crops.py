"""PartialLFW: which part of a 160 px face stays visible, and which pairs are compared.

The protocol of Hörmann et al., "Attention-based Partial Face Recognition", ICIP 2021, from the published description
of its generator. All coordinates are pixels of a face aligned to models.faces.align.PARTIAL_160.

A part is a box around one landmark: half a width of 15 + 120 f and half a height of 10 + 105 f for a factor f of .1,
.15, ... .5, so from 54 x 41 to 150 x 125 pixels between its edges. Edges are truncated to integers, towards zero; the
pixels under both edges belong to the box, and what lies outside of the image is cut off: from 9.0 % (left eye, .1)
to 73.7 % (nose, .5) of the face. All other pixels become 128. "Centred": the landmark then moves to (80, 80), by a
fraction of a pixel bilinearly, and 128 comes in from outside.

    benchmarks("partial-cross", centred=True)     36 runs: 4 combinations of parts, 9 factors; their mean is the score
    pair_plan(run)                                12,000 rows (LFW pair, swapped)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 160
"""Side of the aligned face in pixels."""
FILL = 128
"""What hidden pixels become, in every channel, of 0..255."""
CENTRE = (80.0, 80.0)
"""Where the landmark of a centred part goes."""
LANDMARKS: dict[str, tuple[float, float]] = {
    "left eye": (51.94, 63.71),
    "right eye": (107.47, 63.71),
    "nose": (79.71, 98.37),
    "mouth": (79.71, 121.33),
}
FACTORS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
WHOLE = "whole"
"""In place of a part: the face as it is."""
PROTOCOLS: dict[str, tuple[tuple[str, str], ...]] = {
    "holistic": ((WHOLE, WHOLE),),
    "partial-holistic": tuple((WHOLE, part) for part in ("left eye", "nose", "mouth")),
    "partial-same": tuple((part, part) for part in ("left eye", "nose", "mouth")),
    "partial-cross": (("left eye", "right eye"), ("left eye", "nose"), ("left eye", "mouth"), ("nose", "mouth")),
}
"""Protocol -> what is left of the first and of the second face, one row a combination."""
LFW_PAIRS = 6000
"""Pairs of the LFW list, in 10 folds."""


@dataclass(frozen=True)
class Box:
    """Edges of a visible rectangle in pixels; the pixels under all four edges belong to it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def span(self) -> tuple[int, int]:
        """(width, height) from edge to edge, as the paper counts: one less than the pixels in a row or column."""
        return self.right - self.left, self.bottom - self.top

    def clipped(self, side: int = SIDE) -> Box:
        """The part of it inside a square image; left > right or top > bottom when there is none."""
        return Box(max(self.left, 0), max(self.top, 0), min(self.right, side - 1), min(self.bottom, side - 1))

    def visible(self, side: int = SIDE) -> float:
        """Fraction of a square image it leaves visible, in [0, 1]."""
        width, height = self.clipped(side).span
        return max(0, width + 1) * max(0, height + 1) / side**2


@dataclass(frozen=True)
class Benchmark:
    """One run of a protocol: every LFW pair with `first` left of one face and `second` left of the other.

    Attributes:
        protocol: a name in PROTOCOLS.
        first, second: a landmark's name, or WHOLE.
        factor: size of the parts, one of FACTORS; 0 for the holistic protocol, which has none.
        centred: parts are moved to the middle.
    """

    protocol: str
    first: str
    second: str
    factor: float = 0.0
    centred: bool = False

    @property
    def both_ways(self) -> bool:
        """The two sides differ: each pair is taken twice, the second time with its faces swapped."""
        return self.first != self.second


def box_around(centre: tuple[float, float], factor: float) -> Box:
    """The protocol's box of one factor around a point, not yet clipped to the image.

    Args:
        centre: (x, y) in pixels.
        factor: > 0, of FACTORS in the protocol; any other size is fair elsewhere.
    """
    x, y = centre
    half_width, half_height = 15 + 120 * factor, 10 + 105 * factor
    return Box(int(x - half_width), int(y - half_height), int(x + half_width), int(y + half_height))


def keep_box(faces: np.ndarray, box: Box) -> np.ndarray:
    """Copy with every pixel outside of the box set to FILL.

    Args:
        faces: (..., H, W, C) uint8.
    """
    rows = slice(max(0, box.top), max(0, box.bottom + 1))
    columns = slice(max(0, box.left), max(0, box.right + 1))
    out = np.full_like(faces, FILL)
    out[..., rows, columns, :] = faces[..., rows, columns, :]
    return out


def move(faces: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Shift right by dx and down by dy pixels, bilinear; FILL comes in from outside.

    Args:
        faces: (..., H, W, C) uint8.

    Returns:
        The same shape, uint8, rounded.
    """
    moved: np.ndarray = faces.astype(np.float32) - FILL  # outside is 0
    for axis, shift in ((-2, dx), (-3, dy)):
        whole = int(np.floor(shift))
        part = shift - whole
        moved = (1 - part) * _roll(moved, whole, axis) + part * _roll(moved, whole + 1, axis)
    return np.rint(moved + FILL).astype(np.uint8)


def _roll(values: np.ndarray, shift: int, axis: int) -> np.ndarray:
    """Shift by whole pixels along an axis; zeros come in, nothing wraps around."""
    n = values.shape[axis]
    source, target = [slice(None)] * values.ndim, [slice(None)] * values.ndim
    source[axis] = slice(max(0, -shift), max(0, n - max(0, shift)))
    target[axis] = slice(max(0, shift), max(0, n + min(0, shift)))
    out = np.zeros_like(values)
    out[tuple(target)] = values[tuple(source)]
    return out


def crop_part(faces: np.ndarray, part: str, factor: float, centred: bool = False) -> np.ndarray:
    """What the protocol leaves of aligned faces.

    Args:
        faces: (..., 160, 160, 3) uint8.
        part: a name in LANDMARKS, or WHOLE for the faces as they are.
        factor: size, see box_around.
        centred: move the landmark to CENTRE.

    Raises:
        ValueError: another size than 160 x 160.  KeyError: no such part.
    """
    if faces.shape[-3:-1] != (SIDE, SIDE):
        raise ValueError(f"the protocol is defined on {SIDE} x {SIDE} faces, got {faces.shape}")
    if part == WHOLE:
        return faces
    x, y = LANDMARKS[part]
    kept = keep_box(faces, box_around((x, y), factor))
    return move(kept, CENTRE[0] - x, CENTRE[1] - y) if centred else kept


def benchmarks(protocol: str, centred: bool = False) -> list[Benchmark]:
    """Every run of a protocol; the protocol's figure is the plain mean of their accuracies.

    Returns:
        1 run (holistic), 27 (partial-holistic, partial-same) or 36 (partial-cross).

    Raises:
        KeyError: no such protocol.
    """
    if protocol == "holistic":
        return [Benchmark("holistic", WHOLE, WHOLE)]
    return [Benchmark(protocol, a, b, factor, centred) for a, b in PROTOCOLS[protocol] for factor in FACTORS]


def pair_plan(run: Benchmark, pairs: int = LFW_PAIRS) -> np.ndarray:
    """Which faces a run compares.

    A pair whose two sides are cropped differently is taken both ways, one right after the other, so that the folds
    keep their pairs: 6,000 pairs in 10 folds of 600 become 12,000 in 10 folds of 1,200.

    Returns:
        (N, 2) int64: row of the LFW list, and 1 where its two faces are swapped, so that the list's second face is
        left with `run.first` and its first face with `run.second`; N is `pairs` or twice as many.
    """
    ways = 2 if run.both_ways else 1
    return np.stack([np.repeat(np.arange(pairs), ways), np.tile(np.arange(ways), pairs)], 1)
