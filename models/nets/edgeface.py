"""EdgeFace: a face encoder of 2.2 M (XS) or 1.2 M (XXS) parameters on EdgeNeXt.

Sources: A. George, C. Ecabert, H. Otroshi Shahreza, K. Kotwal, S. Marcel, "EdgeFace: Efficient Face Recognition Model
for Edge Devices", T-BIOM 2024; M. Maaz et al., "EdgeNeXt", 2022. EdgeFace XS and XXS are EdgeNeXt with a linear layer
to 512 numbers in the place of the classes. The blocks are timm's (`edgenext_x_small`, `edgenext_xx_small`), with its
parameter names; between the stages stand our taps.

    112x112 RGB in [0, 1] -> (x - .5) / .5      XS             XXS
    conv 4x4/4, norm, conv blocks               32  28 x 28    24   stage1
    conv 2x2/2, conv blocks, 1 XCA block        64  14 x 14    48   stage2
    conv 2x2/2, conv blocks, 1 XCA block        100  7 x 7     88   stage3
    conv 2x2/2, conv blocks, 1 XCA block        192  3 x 3     168  stage4
    mean over the map -> norm -> fc 512

Two facts for whoever reads maps of this network:

- Cross-covariance attention (XCA) mixes channels: its matrix is channel x channel, the same for all places of the face.
  It cannot be drawn on a face, so no `attn` tap is offered.
- Stage 4 begins with a 2x2 convolution of stride 2, without padding, on a 7 x 7 map: the last row and column of stage 3
  are not read. Their content reaches the answer through stage 3's own blocks only (7x7 convolutions, XCA). `on_crop`
  therefore sets maps of stage 3 to zero there, and lays the 3 x 3 maps of stage 4 over the 6 x 6 places that were read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import timm
import torch
import torch.nn.functional as F
from timm.models.edgenext import EdgeNeXt
from torch import Tensor, nn

from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from models.layers.gates import check_gate
from models.nets.edgeface_gates import add_gates
from models.pair import CosineLogit, PairModel
from models.taps import Tap

ARCHITECTURES = {"xs": "edgenext_x_small", "xxs": "edgenext_xx_small"}
"""Size -> timm's name."""


@dataclass(frozen=True)
class EdgeFaceConfig:
    """The two published sizes, and gates, which are no part of the published network.

    Attributes:
        size: "xs" or "xxs".
        dim: length of the embedding.
        drop_path: of the last block, while training (stochastic depth); it rises linearly from the first block.
        gate: "none", "se" or "cbam" (models/nets/edgeface_gates.py).
        reduction: channels / reduction hidden units in a gate.
    """

    size: str = "xs"
    dim: int = 512
    drop_path: float = 0.0
    gate: str = "none"
    reduction: int = 16


class EdgeFaceTrunk(nn.Module):
    """Aligned crop in [0, 1] -> embedding. Parameter names are those of timm's network.

    Raises:
        ValueError: unknown size or gate, or a reduction that leaves a gate no hidden unit.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: EdgeFaceConfig) -> None:
        super().__init__()
        if config.size not in ARCHITECTURES:
            raise ValueError(f"size {config.size!r} is not one of {', '.join(ARCHITECTURES)}")
        net = timm.create_model(ARCHITECTURES[config.size], num_classes=config.dim, drop_path_rate=config.drop_path)
        assert isinstance(net, EdgeNeXt)
        self.stem, self.stages, self.head = net.stem, net.stages, net.head
        check_gate(config.gate, len(next(self.stem.parameters())), config.reduction)
        add_gates(self.stages, config.gate, config.reduction)
        self.taps = nn.ModuleList(Tap(f"stage{i + 1}.features") for i in range(len(self.stages)))
        self.pooled = Tap("pooled.features")  # 1 x 1: the narrowest place on the way, no layer for maps
        self.register_buffer("mean", torch.full((3, 1, 1), 0.5))
        self.register_buffer("std", torch.full((3, 1, 1), 0.5))

    def maps(self, image: Tensor, stages: int = 4) -> list[Tensor]:
        """(B, 3, 112, 112) RGB in [0, 1] -> the maps of the first stages, (B, C, h, w) each."""
        x = self.stem((image - self.mean) / self.std)
        found = []
        for stage, tap in zip(self.stages[:stages], self.taps, strict=False):
            x = tap(stage(x))
            found.append(x)
        return found

    def rest(self, x: Tensor) -> Tensor:
        """(B, C, 7, 7) of stage 3 -> (B, dim), past the taps: what is left of forward."""
        return self.head(self.stages[3](x))

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 112, 112) -> (B, dim)."""
        head: Any = self.head  # as timm's own forward, with a tap behind the mean
        pooled = self.pooled(head.global_pool(self.maps(image)[-1]))  # (B, C, 1, 1)
        return head.fc(head.drop(head.pre_logits(head.flatten(head.norm(pooled)))))

    def load_timm(self, state: dict[str, Tensor]) -> None:
        """Load the tensors of timm's network, strictly.

        Raises:
            RuntimeError: a name is missing, unknown or of another shape.
        """
        self.load_state_dict({**state, "mean": self.mean, "std": self.std}, strict=True)


class EdgeFace(PairModel):
    """Two faces by the cosine of their EdgeFace embeddings: same person, or, fine-tuned on kin, blood relatives."""

    cam_tap = "stage2.features"  # 14 x 14: measured best (docs/evidence.md, "Why class activation maps fail")

    def __init__(self, config: EdgeFaceConfig | None = None) -> None:
        super().__init__()
        self.spec: InputSpec = ARCFACE_112
        self.trunk = EdgeFaceTrunk(config or EdgeFaceConfig())
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 112, 112) -> (B, dim), not normalised."""
        return self.trunk(image)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        return read_places(tap, values)


def read_places(tap: str, values: Tensor) -> Tensor:
    """(B, h, w) over the map of a tap -> the same over the crop: zero where stage 4 does not read stage 3."""
    if tap == "stage4.features":
        return laid_out(values)
    if tap == "stage3.features":
        return F.pad(values[:, :-1, :-1], (0, 1, 0, 1))
    return values


def laid_out(values: Tensor) -> Tensor:
    """Stage 4 over the places of stage 3: (..., 3, 3) -> (..., 7, 7), zero in the last row and column, never read."""
    return F.pad(values.repeat_interleave(2, -2).repeat_interleave(2, -1), (0, 1, 0, 1))


PACKED = "._packed_params._packed_params"
LEFT_OUT = (".scale", ".zero_point", "._packed_params.dtype")
"""Ends of names that only quantised arithmetic needs: scale and zero point of a layer's output, the integer's type."""


def from_public(state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A public EdgeFace checkpoint, int8 or float -> config values and state dict of timm's network.

    The float files with "gamma" in their names hold most linear layers as a product of two (LoRaLin in the authors'
    code); it is multiplied out.

    Raises:
        ValueError: neither of the two sizes.
    """
    if any(name.endswith(PACKED) for name in state):
        state = dequantised(state)
    own = {name.removeprefix("model."): value for name, value in state.items()}
    sizes = {32: "xs", 24: "xxs"}
    width = len(own["stem.0.weight"]) if "stem.0.weight" in own else 0
    if width not in sizes:
        raise ValueError(f"the first layer of EdgeFace XS and XXS has 32 and 24 channels, this one has {width}")
    head = {"dim": len(own["head.fc.weight"])} if "head.fc.weight" in own else {}
    return {"size": sizes[width], **head}, multiplied_out(own)


def multiplied_out(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """x -> linear2(linear1(x)) becomes one linear layer, wherever a layer is stored as such a product."""
    found = {}
    for name, value in state.items():
        layer, _, end = name.rpartition(".linear2.")
        if layer:
            found[f"{layer}.{end}"] = value @ state[f"{layer}.linear1.weight"] if end == "weight" else value
        elif not name.endswith(".linear1.weight"):
            found[name] = value
    return found


def dequantised(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Names and tensors of the int8 file -> names and float32 tensors of timm's network.

    A linear layer is stored as one entry, (qint8 weight, bias), under `<layer>._packed_params._packed_params`.

    Raises:
        ValueError: a name does not begin with "model.".
    """
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if not name.startswith("model."):
            raise ValueError(f"{name!r} does not begin with 'model.': not the expected network")
        name = name.removeprefix("model.")
        if name.endswith(PACKED):
            layer, (weight, bias) = name.removesuffix(PACKED), value
            found[f"{layer}.weight"], found[f"{layer}.bias"] = weight.dequantize(), bias.detach()
        elif not name.endswith(LEFT_OUT):
            found[name] = value
    return found
