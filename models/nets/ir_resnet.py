"""IR-ResNet, the ArcFace backbone, with a gate (none, SE or CBAM) in every residual block.

Deng et al., "ArcFace", CVPR 2019, section 3.2 (improved residual units, output BN-Dropout-FC-BN); gates on the
residual branch before the addition, as in masked-face recognition with attention.

    112x112 RGB in [0, 1] -> 2x - 1
    conv3x3, BN, PReLU                                    112 x 112
    layer1: blocks of   width channels, first stride 2     56 x 56    stage1
    layer2: blocks of 2 width channels, first stride 2     28 x 28    stage2
    layer3: blocks of 4 width channels, first stride 2     14 x 14    stage3
    layer4: blocks of 8 width channels, first stride 2      7 x 7     stage4
    BN, dropout, flatten, fc, BN                          -> (B, dim)

    block: BN, conv3x3, BN, PReLU, conv3x3(stride), BN, [gate], + shortcut, [PReLU]

The PReLU after the addition is the masked-face source's; InsightFace's and CVLface's networks have none
(final_prelu=False), and their checkpoints load into this file's parameter names: `from_public`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from models.layers.gates import check_gate, make_gate
from models.layers.places import Places, laid_on_crop
from models.pair import CosineLogit, PairModel
from models.taps import Tap

LAYOUTS: dict[int, tuple[int, int, int, int]] = {18: (2, 2, 2, 2), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
"""Depth -> blocks in each of the four layers. What CVLface calls IR_101 is 100 here, as in InsightFace."""
PLACES: Places = {f"stage{i}.features": (0.5, 2**i) for i in (1, 2, 3, 4)}
"""A stride of 2 with padding 1 starts on the first pixel."""


@dataclass(frozen=True)
class IRConfig:
    """Shape of an IR-ResNet.

    Attributes:
        depth: 18, 50 or 100.
        width: channels of the first layer; 64 as published.
        dim: length of the embedding; 512 as published.
        gate: "none", "se" or "cbam", in every block.
        reduction: channels / reduction hidden units in a gate.
        final_prelu: a PReLU after each addition.
        dropout: probability before the last linear layer.
    """

    depth: int = 18
    width: int = 32
    dim: int = 128
    gate: str = "none"
    reduction: int = 16
    final_prelu: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.depth not in LAYOUTS:
            raise ValueError(f"depth is one of {', '.join(map(str, LAYOUTS))}, not {self.depth}")
        check_gate(self.gate, self.width, self.reduction)


class IRBlock(nn.Module):
    """BN, conv3x3, BN, PReLU, conv3x3(stride), BN, gate, + shortcut, and the config's PReLU."""

    def __init__(self, config: IRConfig, cin: int, cout: int, stride: int, tap: str) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(cin)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.prelu = nn.PReLU(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(cout)
        self.gate = make_gate(config.gate, cout, config.reduction, tap)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))
        self.final = nn.PReLU(cout) if config.final_prelu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        y = self.gate(self.bn3(self.conv2(y)))
        return self.final(y + self.downsample(x))


def make_layer(config: IRConfig, index: int) -> nn.Sequential:
    """Layer 1 to 4: the first block halves the map and (but for layer 1) doubles the channels."""
    cout = config.width * 2 ** (index - 1)
    cin = config.width if index == 1 else cout // 2
    blocks = [
        IRBlock(config, cout if b else cin, cout, 1 if b else 2, f"stage{index}.block{b}")
        for b in range(LAYOUTS[config.depth][index - 1])
    ]
    return nn.Sequential(*blocks)


class IRTrunk(nn.Module):
    """Aligned crop -> map -> embedding, with InsightFace's parameter names."""

    def __init__(self, config: IRConfig) -> None:
        super().__init__()
        self.config = config
        self.channels = 8 * config.width
        self.conv1 = nn.Conv2d(3, config.width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(config.width)
        self.prelu = nn.PReLU(config.width)
        self.layer1, self.layer2, self.layer3, self.layer4 = (make_layer(config, i) for i in (1, 2, 3, 4))
        self.bn2 = nn.BatchNorm2d(self.channels)
        self.dropout = nn.Dropout(config.dropout)
        self.fc = nn.Linear(self.channels * 7 * 7, config.dim)
        self.features = nn.BatchNorm1d(config.dim)
        self.taps = nn.ModuleList(Tap(f"stage{i}.features") for i in (1, 2, 3, 4))

    def maps(self, image: Tensor) -> Tensor:
        """(B, 3, 112, 112) in [0, 1] -> (B, 8 width, 7, 7)."""
        x = self.prelu(self.bn1(self.conv1(2 * image - 1)))
        for layer, tap in zip((self.layer1, self.layer2, self.layer3, self.layer4), self.taps, strict=True):
            x = tap(layer(x))
        return x

    def head(self, maps: Tensor) -> Tensor:
        """(B, 8 width, 7, 7) -> (B, dim), not normalised."""
        return self.features(self.fc(self.dropout(self.bn2(maps)).flatten(1)))

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.maps(image))

    def on_crop(self, tap: str, values: Tensor, size: int) -> Tensor:
        """(B, h, w) over the map of a tap -> (B, size, size) over the crop; other taps' values as they are."""
        return laid_on_crop(values, *PLACES[tap], size) if tap in PLACES else values


class IRResNet(PairModel):
    """Two faces by the cosine of their IR-ResNet embeddings.

    Same person (ArcFace), or, trained on kin, the plain Siamese ResNet that kinship papers compare with.
    """

    cam_tap = "stage4.features"

    def __init__(self, config: IRConfig | None = None) -> None:
        super().__init__()
        self.spec: InputSpec = ARCFACE_112
        self.trunk = IRTrunk(config or IRConfig())
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 112, 112) -> (B, dim), not normalised."""
        return self.trunk(image)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        return self.trunk.on_crop(tap, values, self.spec.size)


WRAPPERS = ("module.", "model.", "net.", "backbone.")
"""Prefixes that training code and CVLface's files put before a backbone's names."""

_CVLFACE = {
    r"input_layer\.0\.": "conv1.",
    r"input_layer\.1\.": "bn1.",
    r"input_layer\.2\.": "prelu.",
    r"output_layer\.0\.": "bn2.",
    r"output_layer\.3\.": "fc.",
    r"output_layer\.4\.": "features.",
    r"(.*)\.res_layer\.0\.": r"\1.bn1.",
    r"(.*)\.res_layer\.1\.": r"\1.conv1.",
    r"(.*)\.res_layer\.2\.": r"\1.bn2.",
    r"(.*)\.res_layer\.3\.": r"\1.prelu.",
    r"(.*)\.res_layer\.4\.": r"\1.conv2.",
    r"(.*)\.res_layer\.5\.": r"\1.bn3.",
    r"(.*)\.shortcut_layer\.": r"\1.downsample.",
}
"""CVLface's names -> InsightFace's, after body.N has become layerL.B."""


def from_public(state: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """An InsightFace arcface_torch (iresnet18/50/100) or CVLface (IR_18/50/101) backbone -> config values and state.

    Both see RGB in [-1, 1], as this trunk does. (Checkpoints of the older AdaFace repository have CVLface's names but
    see BGR: reverse dim 1 of conv1.weight.)

    Args:
        state: the file's tensors.

    Returns:
        Values of IRConfig as far as the file shows them, and the state dict of its IRTrunk, to be loaded strictly:
        names that have no place here are returned as they are.

    Raises:
        ValueError: a number of blocks that no published network has.
    """
    state = strip_wrappers(state)
    cvlface = any(name.startswith("body.") for name in state)
    blocks = sum(block_counts(state, "body" if cvlface else "layer"))
    depth = next((d for d, layout in LAYOUTS.items() if sum(layout) == blocks), None)
    if depth is None:
        known = ", ".join(f"{sum(layout)} (IR-{d})" for d, layout in LAYOUTS.items())
        raise ValueError(f"{blocks} residual blocks; the published networks have {known}")
    own = from_cvlface(state, LAYOUTS[depth]) if cvlface else state
    sizes = {"width": "conv1.weight", "dim": "fc.weight"}
    values = {key: len(own[name]) for key, name in sizes.items() if name in own}
    return {"depth": depth, "final_prelu": False, **values}, own


def block_counts(state: Mapping[str, Tensor], part: str) -> list[int]:
    """Blocks in each of the parts whose names are `part`, a number or nothing, then the block's number."""
    last: dict[str, int] = {}
    for name in state:
        if match := re.match(rf"({part}\d*)\.(\d+)\.", name):
            last[match[1]] = max(last.get(match[1], 0), int(match[2]) + 1)
    return list(last.values())


def strip_wrappers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names without the WRAPPERS that all of them share."""
    state = dict(state)
    while prefix := next((w for w in WRAPPERS if state and all(n.startswith(w) for n in state)), ""):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def from_cvlface(state: Mapping[str, Tensor], layout: tuple[int, ...]) -> dict[str, Tensor]:
    """CVLface's names and tensors -> those of IRTrunk.

    Two things differ beside the names. CVLface's very first shortcut picks every second pixel (a max-pool of one
    pixel), here it is a 1x1 convolution with BN: the identity gives the same numbers. Its last BN has no scale and
    shift: one and zero.
    """
    places = [f"layer{i}.{b}" for i, blocks in enumerate(layout, 1) for b in range(blocks)]
    renamed = {cvlface_name(name, places): value for name, value in state.items()}
    if "fc.bias" in renamed:  # else the strict load says what is missing
        renamed["features.weight"] = torch.ones_like(renamed["fc.bias"])
        renamed["features.bias"] = torch.zeros_like(renamed["fc.bias"])
    if "bn1.weight" in renamed:
        renamed |= identity_shortcut("layer1.0.downsample", renamed["bn1.weight"])
    return renamed


def cvlface_name(name: str, places: list[str]) -> str:
    """One CVLface name -> IRTrunk's; an unknown name is returned as it is, for the strict load to refuse."""
    if match := re.match(r"body\.(\d+)\.", name):
        index = int(match[1])
        name = (places[index] if index < len(places) else f"body.{index}") + "." + name[match.end() :]
    for pattern, replacement in _CVLFACE.items():
        if match := re.match(pattern, name):
            return match.expand(replacement) + name[match.end() :]
    return name


def identity_shortcut(prefix: str, like: Tensor) -> dict[str, Tensor]:
    """Tensors of a 1x1 convolution and a BN that together change nothing; like: a (C,) tensor."""
    channels, eps = len(like), nn.BatchNorm2d(1).eps
    return {
        f"{prefix}.0.weight": torch.eye(channels, dtype=like.dtype, device=like.device)[:, :, None, None],
        f"{prefix}.1.weight": torch.full_like(like, (1 + eps) ** 0.5),  # undoes 1 / sqrt(var + eps)
        f"{prefix}.1.bias": torch.zeros_like(like),
        f"{prefix}.1.running_mean": torch.zeros_like(like),
        f"{prefix}.1.running_var": torch.ones_like(like),
        f"{prefix}.1.num_batches_tracked": torch.zeros((), dtype=torch.long, device=like.device),
    }
