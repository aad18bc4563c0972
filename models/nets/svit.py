"""S-ViT: kinship from two faces through a Siamese vision transformer (Twins-PCPVT) and a fusion of feature maps.

Source: the Siamese Twins-PCPVT of S-ViT (RFIW2020) on Chu et al., "Twins: Revisiting the Design of Spatial Attention
in Vision Transformers", 2021, with PEG of Chu et al., "Conditional Positional Encodings for Vision Transformers".

    aligned face, side divisible by 32
    stage 1..4: patch embedding (4, 2, 2, 2) -> blocks; behind the first block PEG, a 3x3 depthwise conv + residual
        block: x + SR attention(LN x);  x + MLP(LN x)
        SR attention: a query for every token, keys and values from tokens reduced by a conv of stride sr
    -> code (B, C, h, w), the normalised map of stage 4
    fusion of the two codes (x+y, x-y, x*y or (x+y)/2) -> [global max, global mean] -> FC -> ReLU -> FC(1) = kin logit

With sr 8, 4, 2, 1 every stage looks at the same grid of keys (side/32 a side: 4x4 at 128 px, 7x7 at 224 px).

Our readings where the paper is silent: the hidden FC has as many units as the backbone has channels; the maps are
fused after the backbone's last LayerNorm; faces are framed by ArcFace's template. Ours alone is `embed`, a linear
projection of the pooled map which the distillation trains (training/distill.py) and whose cosine ranks faces in search.

The default is the demo: 128 px and depths 2, 2, 4, 2 with every width of the paper: 16.4 M parameters. It is shallower,
not thinner, and keeps the paper's heads. The shipped one has a quarter to a half of the MLPs' hidden units, their
output refitted (training/prune.py): 10.6 M.
`svit.paper` is the published one: depths 3, 3, 6, 3, 224 px.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.layers import PatchEmbed
from timm.layers.weight_init import trunc_normal_
from torch import Tensor, nn

from models.face_model import Lenders
from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from models.layers.sr_attention import NORM_EPS, Block, to_map, to_tokens
from models.nets.svit_guide import PREFIX, Guide
from models.pair import PairModel
from models.taps import Tap

FUSIONS = ("sum", "difference", "product", "mean")


@dataclass(frozen=True)
class SvitConfig:
    """Shape of the network; every tuple has one value a stage.

    Attributes:
        input_size: side of the crop in pixels, divisible by 32.
        depths: blocks.  dims: channels.  heads: attention heads.  sr_ratios: stride of the key and value reduction.
        mlp_ratios: hidden units of the MLP over channels.
        embed_dim: length of the embedding that ranks faces in search.
        fusion: one of FUSIONS.
        drop_path: stochastic depth of the last block in training; earlier blocks have proportionally less.
        guide: add EdgeFace's maps to the patch embeddings (models/nets/svit_guide.py); not published.
    """

    input_size: int = 128
    depths: tuple[int, ...] = (2, 2, 4, 2)
    dims: tuple[int, ...] = (64, 128, 320, 512)
    heads: tuple[int, ...] = (1, 2, 5, 8)
    sr_ratios: tuple[int, ...] = (8, 4, 2, 1)
    mlp_ratios: tuple[float, ...] = (8, 8, 4, 4)
    embed_dim: int = 256
    fusion: str = "product"
    drop_path: float = 0.0
    guide: bool = False

    def __post_init__(self) -> None:
        if self.input_size % 32:
            raise ValueError(f"S-ViT halves the face five times: {self.input_size} px is not divisible by 32")
        if self.fusion not in FUSIONS:
            raise ValueError(f"no fusion {self.fusion!r}; there are: {', '.join(FUSIONS)}")


class Stage(nn.Module):
    """Patch embedding, blocks, and behind the first block PEG (the only place where position enters)."""

    def __init__(self, config: SvitConfig, i: int, drop_paths: list[float]) -> None:
        super().__init__()
        dim, cin = config.dims[i], (3, *config.dims)[i]
        self.embed = PatchEmbed(None, 2 if i else 4, cin, dim, norm_layer=nn.LayerNorm)
        self.blocks = nn.ModuleList(
            Block(dim, config.heads[i], config.sr_ratios[i], config.mlp_ratios[i], p, f"stage{i + 1}.block{j}")
            for j, p in enumerate(drop_paths)
        )
        self.peg = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.norm = nn.LayerNorm(dim, NORM_EPS) if i == len(config.dims) - 1 else nn.Identity()
        self.tap = Tap(f"stage{i + 1}.features")

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        """(B, C, h, w) -> (B, C', h/p, w/p), p = 4 or 2; a guide of that shape is added to the patch embedding."""
        size = (x.shape[2] // self.embed.patch_size[0], x.shape[3] // self.embed.patch_size[1])
        x = self.embed(x) if guide is None else self.embed(x) + to_tokens(guide)
        for j, block in enumerate(self.blocks):
            x = block(x, size)
            if j == 0:
                x = x + to_tokens(self.peg(to_map(x, size)))
        return self.tap(to_map(self.norm(x), size))


class PCPVT(nn.Module):
    """Twins-PCPVT without a classifier: RGB in [0, 1] -> (B, C, side/32, side/32)."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: SvitConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_DEFAULT_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_DEFAULT_STD).view(3, 1, 1))
        rates = torch.linspace(0, config.drop_path, sum(config.depths)).split(list(config.depths))
        self.stages = nn.ModuleList(Stage(config, i, rates[i].tolist()) for i in range(len(config.depths)))
        self.apply(_initialise)
        self.guide = Guide(config.dims) if config.guide else None

    def forward(self, image: Tensor) -> Tensor:
        """Normalised map of the last stage.

        Raises:
            ValueError: a side that is not divisible by 32 (a patch row would be dropped silently).
        """
        if image.shape[2] % 32 or image.shape[3] % 32:
            raise ValueError(f"sides must be divisible by 32, got {image.shape[2]} x {image.shape[3]}")
        x = (image - self.mean) / self.std
        grids = [(image.shape[2] // stride, image.shape[3] // stride) for stride in (4, 8, 16, 32)]
        guides = [None] * len(self.stages) if self.guide is None else self.guide(image, grids)
        for stage, guide in zip(self.stages, guides, strict=True):
            x = stage(x, guide)
        return x


def _initialise(module: nn.Module) -> None:
    """Twins' initialisation: truncated normal .02 for linear layers, He (fan out) for convolutions."""
    if isinstance(module, nn.Linear):
        trunc_normal_(module.weight, std=0.02)
    elif isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=(2.0 / fan_out) ** 0.5)
    if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
        nn.init.zeros_(module.bias)


def pooled(x: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, 2C): global maximum, then global mean."""
    return torch.cat([x.amax((2, 3)), x.mean((2, 3))], 1)


def fuse(x: Tensor, y: Tensor, fusion: str) -> Tensor:
    """Two maps -> one, by one of FUSIONS. "difference" depends on the order, the others do not."""
    if fusion == "product":
        return x * y
    if fusion == "difference":
        return x - y
    return x + y if fusion == "sum" else (x + y) / 2


class KinLogit(nn.Module):
    """Fused map -> [max, mean] -> FC -> ReLU -> FC(1), then Platt scaling by buffers fitted on held-out pairs."""

    slope: Tensor
    offset: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * dim, dim)
        self.fc2 = nn.Linear(dim, 1)
        self.register_buffer("slope", torch.tensor(1.0))
        self.register_buffer("offset", torch.tensor(0.0))

    def hidden(self, fused: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C), what the center loss pulls together."""
        return F.relu(self.fc1(pooled(fused)))

    def forward(self, fused: Tensor) -> Tensor:
        """(B, C, h, w) -> (B,) calibrated log-odds."""
        return self.slope * self.fc2(self.hidden(fused))[:, 0] + self.offset

    def parts(self, fused: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """forward as a sum: log-odds a unit of each pooled channel is worth (B, 2C), that come through it (B, 2C), and
        of biases and calibration (B,). Exact for the hidden units that are open at this input."""
        through = (self.hidden(fused) > 0) * self.fc2.weight  # (B, C): the output weight of each open unit
        worth = self.slope * through @ self.fc1.weight
        constant = self.slope * (through @ self.fc1.bias + self.fc2.bias) + self.offset
        return worth, worth * pooled(fused), constant


class Svit(PairModel):
    """Siamese Twins-PCPVT with fusion of the two feature maps."""

    cam_tap = code_tap = "stage4.features"
    by_similarity = False
    lenders: ClassVar[Lenders] = {
        f"{PREFIX}trunk.{part}.": ("edgeface_kin", f"trunk.{part}.") for part in ("stem", "stages")
    }

    def __init__(self, config: SvitConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SvitConfig()
        self.spec: InputSpec = ARCFACE_112.resized(config.input_size)
        self.backbone = PCPVT(config)
        self.head = KinLogit(config.dims[-1])
        self.embed = nn.Linear(2 * config.dims[-1], config.embed_dim)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, size, size) -> (B, C, size/32, size/32)."""
        return self.backbone(image)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.head(fuse(x, y, self.config.fusion))

    def branches(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The log-odds through each pooling of the fused map (models.pair.Branched)."""
        _, through, constant = self.head.parts(fuse(x, y, self.config.fusion))
        maximum, mean = through.chunk(2, 1)
        return {"global maximum": maximum.sum(1), "global mean": mean.sum(1), "biases and calibration": constant}

    def places(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The log-odds through each place of the fused map: a maximum comes from the one place that holds it."""
        fused = fuse(x, y, self.config.fusion)  # (B, C, h, w)
        worth, through, constant = self.head.parts(fused)
        values = fused.flatten(2)  # (B, C, N)
        places = (worth.chunk(2, 1)[1][:, :, None] * values).sum(1) / values.shape[2]
        places = places.scatter_add(1, values.argmax(2), through.chunk(2, 1)[0])
        return places.unflatten(1, fused.shape[2:]), constant

    def embedding(self, code: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, embed_dim) unit vector, the distilled identity embedding."""
        return F.normalize(self.embed(pooled(code)), dim=1)


def from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """timm's Twins-PCPVT state dict (for instance twins_pcpvt_small.in1k) -> state dict of PCPVT, strict.

    The classifier is left out; the network must be configured with timm's depths (3, 4, 6, 3 for small).
    """
    last = max(int(k.split(".")[1]) for k in state if k.startswith("blocks."))
    renamed = {
        "mean": torch.tensor(IMAGENET_DEFAULT_MEAN).view(3, 1, 1),
        "std": torch.tensor(IMAGENET_DEFAULT_STD).view(3, 1, 1),
    }
    for key, value in state.items():
        part, _, rest = key.partition(".")
        if part == "norm":
            renamed[f"stages.{last}.norm.{rest}"] = value
        elif part in ("patch_embeds", "blocks", "pos_block"):
            stage, _, tail = rest.partition(".")
            here = {"patch_embeds": "embed", "blocks": "blocks", "pos_block": "peg"}[part]
            renamed[f"stages.{stage}.{here}.{tail.removeprefix('proj.0.') if here == 'peg' else tail}"] = value
    return renamed
