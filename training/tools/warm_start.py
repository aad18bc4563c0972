"""A trained plain network as the start of one with an addition, which answers alike at first.

    state = tensors_in(Path("weights/edgeface.safetensors"))
    start_from(create_pair("edgeface_cbam"), state)

Gates start as a constant (models.layers.gates.neutral), and the layer before each is made 2 or 4 times as large: the
answers are those of the network without gates, bit for bit. Relative positions (iRPE, KP-RPE) and S-ViT's guide start
at zero by themselves. So the arms of a comparison start level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from timm.models.edgenext import ConvBlock
from torch import Tensor, nn

from models.errors import UserError
from models.layers.gates import neutral
from models.nets.edgeface import EdgeFaceTrunk
from models.nets.edgeface_gates import open_gates
from models.nets.facor import FaCoR
from models.nets.ir_resnet import IRBlock
from models.nets.svit_guide import with_guide
from models.nets.vit_stem import ReferenceStem
from models.pair import PairModel
from models.weights import file_sha256, tensors_in
from training.tools.windows import open_windows


class StartError(UserError, ValueError):
    """What a run should start from does not fit its network; the message says what."""


GATE = ".gate."
"""Part of the names of gates' parameters."""
ADDITIONS = (GATE, ".rpe.", ".irpe.", ".guide.lateral.")
"""Parts of parameter names that a plain network does not have."""


def begin(model: PairModel, init: Sequence[Path], stem: Path | None, windows: bool, frozen: str) -> dict[str, str]:
    """Give a fresh model what a run starts from; what the run must remember of it.

    Args:
        init: see read_start.  stem: the reference encoder's weights, for lend_stem.
        windows: whether KP-RPE opens windows.  frozen: see freeze.
    """
    if init:
        start_from(model, read_start(init))
    if stem:
        lend_stem(model, tensors_in(stem))
    if windows:
        open_windows(model)
    freeze(model, frozen)
    files = [*init, *([stem] if stem else [])]
    facts = {"init": ", ".join(map(file_sha256, files)), "frozen": frozen, "start": "windows" if windows else ""}
    return {name: value for name, value in facts.items() if value}


def read_start(files: Sequence[Path]) -> dict[str, Tensor]:
    """Weights to start from; a second file is the reference encoder's, for the guide of an S-ViT."""
    state = tensors_in(files[0])
    for encoder in files[1:]:
        state = with_guide(state, tensors_in(encoder))
    return state


def freeze(model: nn.Module, prefix: str) -> None:
    """The parameters whose names begin so stay as they are; an empty prefix freezes nothing.

    Raises:
        StartError: there are none.
    """
    frozen = [p.requires_grad_(False) for name, p in model.named_parameters() if prefix and name.startswith(prefix)]
    if prefix and not frozen:
        raise StartError(f"no parameter's name begins with {prefix!r}")


def lend_stem(model: nn.Module, encoder: Mapping[str, Tensor]) -> None:
    """Give a ViT's "reference" stem the first stages of the reference encoder; they stay as they are.

    Raises:
        ValueError: the model has no such stem.
    """
    stem = next((m for m in model.modules() if isinstance(m, ReferenceStem)), None)
    if stem is None:
        raise StartError("this model's stem is not the reference encoder's; see its config")
    stem.trunk.load_state_dict({name: encoder[f"trunk.{name}"] for name in stem.trunk.state_dict()})
    stem.trunk.requires_grad_(False)


def start_from(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load `state`; what it does not have among ADDITIONS changes nothing at first.

    Raises:
        StartError: anything else is missing, left over or of another shape.
    """
    try:
        missing, unexpected = model.load_state_dict(dict(state), strict=False)
    except RuntimeError as error:
        raise StartError(f"these weights do not fit: {error}") from error
    others = [name for name in missing if not any(part in name for part in ADDITIONS)]
    if others or unexpected:
        raise StartError(f"these weights do not fit: missing {others[:3]}, left over {unexpected[:3]}")
    if any(GATE in name for name in missing):
        for block in model.modules():
            neutral_gate(block)


GLOBAL_FIRST = 2.0
"""Bias of FaCoRNet's gate at the start: sigmoid gives .88 to the global embedding and .12 to the components."""


@torch.no_grad()
def global_first(model: FaCoR) -> None:
    """Let a FaCoRNet on EdgeFace start as EdgeFace: all cosines of its embeddings are kept, components weigh little.

    EdgeFace's embeddings lie in the span of its last layer's 192 columns and its bias. An orthonormal basis of that
    span, filled up at random, maps 512 numbers to 256 without changing a cosine.

    Raises:
        StartError: another trunk, or fewer channels than the span has dimensions.
    """
    trunk, linear = model.trunk, model.to_global
    if not isinstance(trunk, EdgeFaceTrunk) or not isinstance(linear, nn.Linear):
        raise StartError("only a FaCoRNet on EdgeFace starts so")
    fc: nn.Linear = trunk.head.fc
    span = torch.cat([fc.weight, fc.bias[:, None]], 1)
    if span.shape[1] > linear.out_features:
        raise StartError(f"{linear.out_features} channels cannot hold {span.shape[1]} dimensions")
    filled = torch.cat([span, torch.randn(len(span), linear.out_features - span.shape[1])], 1)
    linear.weight.copy_(torch.linalg.qr(filled).Q.T)
    bias = model.gate.excite.bias
    bias.copy_(torch.cat([torch.full((len(bias) // 2,), sign * GLOBAL_FIRST) for sign in (1, -1)]))


@torch.no_grad()
def neutral_gate(block: nn.Module) -> None:
    """Set a block's gate to a constant and undo the constant in the layer before it."""
    if isinstance(block, IRBlock):
        factor = neutral(block.gate)
        block.bn3.weight.mul_(factor)
        block.bn3.bias.mul_(factor)
    elif isinstance(block, ConvBlock):
        open_gates(block)
