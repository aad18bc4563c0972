"""The gates of a network as it answered: what SE and CBAM multiplied the features with, raw, in [0, 1].

SE: Hu et al., CVPR 2018, eq. 3. CBAM: Woo et al., ECCV 2018, eq. 2 and 3. Nothing is computed here: the values are the
tensors that the recorded taps handed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from explain.core.findings import check, check_array, check_face
from models.predict import Result
from models.taps import kind_of

KINDS = ("channel_gate", "spatial_gate")


@dataclass(frozen=True)
class Gates:
    """The gates of one block for one face.

    Attributes:
        channel: (C,) float32 in [0, 1], one weight a channel; None where the block has no channel gate.
        spatial: (h, w) float32 in [0, 1] over the crop, one weight a place; None where it has no spatial gate.
        face: index of the face, from 0.
        name: of the block, the taps' path without its last word ("stage2.block0").

    Raises:
        ValueError: no gate at all, another shape or type, or values outside [0, 1].
    """

    channel: np.ndarray | None
    spatial: np.ndarray | None
    face: int
    name: str

    def __post_init__(self) -> None:
        check_face(self.face)
        check(self.channel is not None or self.spatial is not None, "a block without a gate has no finding")
        for name, ndim in (("channel", 1), ("spatial", 2)):
            values = getattr(self, name)
            if values is not None:
                check_array(name, values, ndim)
                check(bool((values >= 0).all() and (values <= 1).all()), f"a {name} gate lies in [0, 1]")


def read_gates(result: Result) -> tuple[tuple[Gates, ...], ...]:
    """The gates of every block in order of depth, a tuple a face; empty for a network without gates.

    Raises:
        ValueError: a gate that was not recorded a row a face.
    """
    blocks: dict[str, dict[str, Tensor]] = {}
    for name, tensor in result.evidence.items():
        if kind_of(name) in KINDS:
            check(len(tensor) == len(result.faces), f"the tap {name!r} has {len(tensor)} rows, not one a face")
            blocks.setdefault(name.rpartition(".")[0], {})[kind_of(name)] = tensor
    faces = range(len(result.faces))
    return tuple(tuple(_gates(found, face, name) for name, found in blocks.items()) for face in faces)


def _gates(found: dict[str, Tensor], face: int, name: str) -> Gates:
    channel, spatial = (found[k][face].detach().float().cpu().numpy() if k in found else None for k in KINDS)
    return Gates(
        None if channel is None else channel[:, 0, 0],  # (C, 1, 1)
        None if spatial is None else spatial[0],  # (1, h, w)
        face,
        name,
    )


def spatial_of(gates: Sequence[Gates]) -> dict[str, np.ndarray]:
    """Block -> (h, w), of those with a spatial gate."""
    return {g.name: g.spatial for g in gates if g.spatial is not None}


def channel_of(gates: Sequence[Gates]) -> dict[str, np.ndarray]:
    """Block -> (C,), of those with a channel gate."""
    return {g.name: g.channel for g in gates if g.channel is not None}
