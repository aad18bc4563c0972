"""ROAD: missing pixels become the noisy mean of their neighbours.

"A Consistent and Efficient Evaluation Strategy for Attribution Methods" (Rong, Leemann et al., ICML 2022). Every
missing pixel is the weighted mean of its eight neighbours (1/6 beside it, 1/12 across the corner), missing ones
included: one sparse linear system a mask. What stands there is smooth, as a face is, and unlike a blur it knows nothing
of what was taken away. Small noise hides the smoothness itself.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import splu
from torch import Tensor

NEIGHBOURS = {(0, 1): 1 / 6, (1, 0): 1 / 6, (1, 1): 1 / 12, (1, -1): 1 / 12}
"""(down, right) -> weight; the opposite neighbours have the same."""
NOISE = 0.01
"""Standard deviation, of a range of 1."""


def imputed(image: Tensor, missing: Tensor, *, noise: float = NOISE, seed: int = 0) -> Tensor:
    """Fill the missing pixels of an image, once a mask.

    Args:
        image: (1, 3, H, W) in [0, 1].
        missing: (V, H, W) bool. Where nothing at all is left, the image's mean colour stands.
        noise: standard deviation of what is added to filled pixels.
        seed: of that noise; every mask gets the same.

    Returns:
        (V, 3, H, W), the image itself where nothing is missing; on the image's device.
    """
    pixels = image[0].detach().double().cpu().permute(1, 2, 0).numpy()  # (H, W, 3)
    grain = noise * np.random.default_rng(seed).standard_normal(pixels.shape)
    filled = np.stack([_solved(pixels, mask) + grain * mask[..., None] for mask in missing.cpu().numpy()])
    return torch.from_numpy(filled).permute(0, 3, 1, 2).to(image).clamp(0, 1)


def _solved(pixels: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """(H, W, 3) with the missing ones solved for."""
    flat, mask = pixels.reshape(-1, 3), missing.ravel()
    if not mask.any():
        return pixels
    found = flat.copy()
    if mask.all():
        found[:] = flat.mean(0)
        return found.reshape(pixels.shape)
    weights = _weights(*missing.shape)[mask]
    system = diags(np.asarray(weights.sum(1)).ravel()) - weights[:, mask]
    solver = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", panel_size=1, options={"SymmetricMode": True})
    found[mask] = solver.solve(weights[:, ~mask] @ flat[~mask])
    return found.reshape(pixels.shape)


@lru_cache(maxsize=8)
def _weights(height: int, width: int) -> csr_matrix:
    """(H W, H W): the weight of each pixel's neighbours inside the image."""
    index = np.arange(height * width).reshape(height, width)
    rows, columns, values = [], [], []
    for (down, right), weight in NEIGHBOURS.items():
        here = index[: height - down, max(0, -right) : width - max(0, right)].ravel()
        there = index[down:, max(0, right) : width - max(0, -right)].ravel()
        rows += [here, there]
        columns += [there, here]
        values += [np.full(2 * len(here), weight)]
    return csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))))
