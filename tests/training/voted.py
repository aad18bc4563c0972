"""A set laid out as FER+ is, of noise: each expression has a picture of its own, with a little noise on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from training.data.ferplus import PARTS


def write_ferplus(root: Path, faces: int = 16) -> None:
    """`faces` pictures a part; face k shows expression k % 8 by nine votes of ten."""
    drawn = np.random.default_rng(0)
    patterns = drawn.integers(0, 256, (8, 6, 6), dtype=np.uint8)
    for part in PARTS.values():
        folder = root / "ferplus" / part
        folder.mkdir(parents=True)
        rows = []
        for k in range(faces):
            pattern = Image.fromarray(patterns[k % 8]).resize((48, 48), Resampling.BICUBIC)
            noisy = np.clip(np.asarray(pattern, np.float64) + drawn.normal(0, 12, (48, 48)), 0, 255)
            Image.fromarray(noisy.astype(np.uint8)).save(folder / f"fer{k:07d}.png")
            votes = ["9" if c == k % 8 else "1" if c == 8 else "0" for c in range(10)]
            rows.append(f'fer{k:07d}.png,"(0, 0, 48, 48)",{",".join(votes)}')
        (folder / "label.csv").write_text("\n".join(rows) + "\n")
