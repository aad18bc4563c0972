"""A trained face encoder, or an expression network, as the start of the expression network."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from models.nets.expression import Expression
from training.tools.warm_start import StartError

NORM = {"edgeface": "trunk.head.norm."}
"""Trunk -> where an encoder keeps the norm behind its mean over places."""


def begin(model: Expression, state: Mapping[str, Tensor]) -> None:
    """Give the trunk, and the norm where the encoder has one, what the encoder learned; the head stays as it is.

    From an expression network of the same shape, everything.

    Raises:
        StartError: the encoder lacks a tensor of the trunk, or has it in another shape.
    """
    trunk, own = model.config.trunk, model.state_dict()
    if own.keys() == state.keys():
        model.load_state_dict(dict(state))
        return
    wanted = [name for name in own if name.startswith("trunk.")]
    given = {name: state[name] for name in wanted if name in state}
    if prefix := NORM.get(trunk):
        given |= {f"norm.{k.removeprefix(prefix)}": v for k, v in state.items() if k.startswith(prefix)}
    missing = [name for name in wanted if name not in given]
    other = [name for name, value in given.items() if own[name].shape != value.shape]
    if missing or other:
        raise StartError(
            f"these weights do not fit the trunk {trunk}: missing {missing[:3]}, of another shape {other[:3]}"
        )
    model.load_state_dict({**own, **given})
