"""A drawn face: 68 landmarks of which the right half mirrors the left."""

from __future__ import annotations

import numpy as np

from training.studies.action_units import RIGHT


def drawn_face() -> np.ndarray:
    """(68, 2) in [0, 1]: eyes at (.32, .4) and (.68, .4), mouth at .75, chin at .95."""
    points = np.zeros((68, 2))
    points[:9] = [(0.12 + 0.38 * (k / 8) ** 2, 0.4 + 0.55 * k / 8) for k in range(9)]
    points[17:22] = [(0.2 + 0.05 * k, 0.28) for k in range(5)]
    points[27:31] = [(0.5, 0.38 + 0.06 * k) for k in range(4)]
    points[31:34] = [(0.44, 0.6), (0.47, 0.61), (0.5, 0.61)]
    points[36:42] = [(0.26, 0.4), (0.3, 0.38), (0.34, 0.38), (0.38, 0.4), (0.34, 0.42), (0.3, 0.42)]
    points[48:52] = [(0.36, 0.75), (0.41, 0.73), (0.46, 0.72), (0.5, 0.72)]
    points[57:60] = [(0.5, 0.8), (0.45, 0.79), (0.4, 0.78)]
    points[60:63] = [(0.4, 0.75), (0.45, 0.75), (0.5, 0.75)]
    points[66:68] = [(0.5, 0.77), (0.45, 0.77)]
    for left, right in RIGHT.items():
        if not points[right].any():
            points[right] = (1 - points[left][0], points[left][1])
    return points
