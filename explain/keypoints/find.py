"""Position offsets of a ViT, as they were added to its attention logits, for a face that is moved out of alignment.

Source: Kim et al., "KeyPoint Relative Position Encoding for Face Recognition", CVPR 2024. The offsets B_ij are read
from the tap through which they flowed (models/nets/vit_kprpe.py); KP-RPE's follow the keypoints, iRPE's the query's
content, a ViT with absolute positions has none.

An offset says what position adds to a logit before the softmax. How much of the attention it decides depends on the
other part of the logit, the product of query and key, which is seen in the attention itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from explain.core.findings import AttentionMaps
from explain.keypoints.findings import Followed, Offsets, Sweep
from explain.methods.attention_maps import square
from models.faces.affine import Move, moved
from models.faces.face import Face, FaceBatch
from models.pair import PairModel
from models.taps import record, tap_names

CAPTION = (
    "What a key's position adds to the attention logit of the framed query, before the softmax: red draws attention, "
    "blue turns it away. It is one part of the logit; the other, the product of query and key, is not in it."
)
SWEEPS: dict[str, tuple[float, float]] = {
    "rotation": (-60.0, 60.0),
    "scale": (0.6, 1.6),
    "shift_x": (-0.3, 0.3),
    "shift_y": (-0.3, 0.3),
}
"""What is swept, an attribute of Move each, and between which values."""
STEPS = 9
"""Values of a sweep; the middle of the symmetric ones is the aligned face."""


def follow(model: PairModel, aligned: FaceBatch, other: FaceBatch) -> Followed:
    """Encode a face aligned and moved, as one batch of two, and keep every layer's offsets, and attention when moved.

    Raises:
        ValueError: a batch that is not of one, or tokens that do not fill a square.
    """
    if len(aligned) != 1 or len(other) != 1:
        raise ValueError(f"follow wants batches of one, got {len(aligned)} and {len(other)}")
    both = FaceBatch.cat([aligned, other]).to(next(model.parameters()).device)
    with torch.no_grad(), record() as evidence:
        code = model.encode(both.image, both.keypoints)
    embedding = model.embedding(code)
    offsets = {name: _offsets(evidence[name], name) for name in tap_names(model, "rpe_bias")}
    attention = {name: _attention(evidence[name][1], name) for name in tap_names(model, "attn")}
    return Followed(float(embedding[0] @ embedding[1]), offsets, attention)


def _offsets(bias: Tensor, name: str) -> tuple[Offsets, Offsets]:
    """(2, heads, N, N) -> of the aligned and of the moved face."""
    values, grid = bias.float().cpu().numpy(), square(bias.shape[3])
    return Offsets(values[0], grid, name), Offsets(values[1], grid, name)


def _attention(weights: Tensor, name: str) -> AttentionMaps:
    """(heads, N, N) -> a copy, so that the other face's weights can go."""
    grid = square(weights.shape[2])
    return AttentionMaps(weights.float().cpu().numpy().copy(), grid, grid, 0, name)


def sweep_values(what: str, steps: int = STEPS) -> np.ndarray:
    """(steps,) float32 over the range of a sweep: evenly spaced, scale by even factors with 1 in the middle.

    Raises:
        ValueError: nothing of that name is swept.
    """
    if what not in SWEEPS:
        raise ValueError(f"no sweep {what!r}; there are: {', '.join(SWEEPS)}")
    low, high = SWEEPS[what]
    if what == "scale":  # two runs that meet at 1
        half = steps // 2 + 1
        return np.concatenate([np.linspace(low, 1, half)[:-1], np.linspace(1, high, steps - half + 1)]).astype("f4")
    return np.linspace(low, high, steps, dtype=np.float32)


def sweep(models: Mapping[str, PairModel], face: Face, what: str, steps: int = STEPS) -> Sweep:
    """Change one thing about the crop, step by step, and see how alike its embedding stays to the aligned face's.

    All models must want the same crop. The keypoints move with the pixels.

    Raises:
        ValueError: nothing of that name is swept, or models of different crops.
    """
    values = sweep_values(what, steps)
    specs = {model.spec for model in models.values()}
    if len(specs) != 1:
        raise ValueError(f"a sweep wants models of one crop, got {len(specs)}")
    spec = specs.pop()
    moves = [Move(), *(replace(Move(), **{what: float(v)}) for v in values)]
    crops = FaceBatch.cat([moved(face, spec, m) for m in moves])
    return Sweep(what, values, {name: _similarity(model, crops) for name, model in models.items()})


@torch.no_grad()
def _similarity(model: PairModel, crops: FaceBatch) -> np.ndarray:
    """(n,) float32 cosines of crop 0 with each of the n crops after it."""
    crops = crops.to(next(model.parameters()).device)
    embedding = model.embedding(model.encode(crops.image, crops.keypoints))
    return (embedding[1:] @ embedding[0]).float().cpu().numpy()


def shared_limit(fields: Sequence[np.ndarray], floor: float = 1e-6) -> float:
    """Where the diverging scale of compared offset fields ends: their largest magnitude, never below `floor`."""
    return max(floor, *(float(np.abs(f).max()) for f in fields))
