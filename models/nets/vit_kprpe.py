"""A vision transformer for faces with three position encodings: absolute, iRPE, or KP-RPE.

Source: Kim et al., "KeyPoint Relative Position Encoding for Face Recognition", CVPR 2024, and its public code's
networks (CVLface). KP-RPE makes attention follow the face's keypoints, so that a badly aligned face is read well.

    112x112 RGB -> patches of 8 px -> 14x14 = 196 tokens (no class token) + learned absolute position, kept by all three
    block: x + attention(LN x);  x + MLP(LN x) with ReLU6
        attention logits: (scale * q_i) . k_j + offset_ij, see models/layers/kprpe.py
    LN [-> Linear to token_dim] -> all tokens in a row -> Linear -> BN -> Linear -> BN = embedding

As published: SMALL and BASE. The default is the demo: the same net with 192 channels and 8 blocks, for a CPU; shipped
with 6 heads, and with patches of the reference encoder's map in place of pixels (models/nets/vit_stem.py, ours), from
which twenty thousand faces teach far more.
iRPE can be put on queries, keys and values; here is the one its authors call "on keys": offsets that are looked up by
the query's content, which is what KP-RPE replaces (our reading of "RPE" in the comparison). Every head has a table of
its own, where the published ViT shares one between its heads. The published code can mask tokens in training; this one
does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import DropPath, Mlp, PatchEmbed
from timm.layers.weight_init import trunc_normal_
from torch import Tensor, nn

from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from models.layers.kprpe import BUCKETS, ImageRPE, KeypointRPE, bucket_table, look_up
from models.nets.vit_stem import ReferenceStem
from models.pair import CosineLogit, PairModel
from models.taps import Tap, recording

POSITIONS = ("abs", "irpe", "kprpe")
STEMS = ("patch", "reference")
SMALL: dict[str, Any] = {"dim": 512, "depth": 12, "heads": 8, "mlp_ratio": 5, "drop_path": 0.1}
BASE: dict[str, Any] = {"dim": 512, "depth": 24, "heads": 16, "mlp_ratio": 3, "drop_path": 0.1}


@dataclass(frozen=True)
class VitConfig:
    """Shape of the network.

    Attributes:
        position: one of POSITIONS; absolute positions are learned in all of them.
        input_size, patch: side of the crop and of a patch in pixels.
        stem: one of STEMS: patches of pixels as published, or of the reference encoder's map (models/nets/vit_stem.py).
        dim, depth, heads: channels, blocks, attention heads of a block.
        mlp_ratio: hidden units of the MLP over channels.
        embed_dim: length of the embedding.
        token_dim: channels that a token is reduced to before all are laid in a row; 0 keeps them, as published. The
            layer behind them holds most of a small network's weights.
        feature_taps: features are shown after so many equally spaced blocks, the last one included.
        drop_path: stochastic depth of the last block in training; earlier blocks have proportionally less.
        keypoint_shift: pixels of the crop that are taken off the keypoints before KP-RPE. FaceBatch has (p + .5) / size
            for pixel p; public CVLface checkpoints were trained on p / size, so .5 for them.
    """

    position: str = "kprpe"
    input_size: int = 112
    patch: int = 8
    dim: int = 192
    depth: int = 8
    heads: int = 3
    mlp_ratio: float = 4
    embed_dim: int = 512
    feature_taps: int = 4
    drop_path: float = 0.0
    stem: str = "patch"
    keypoint_shift: float = 0.0
    token_dim: int = 0

    def __post_init__(self) -> None:
        if self.stem not in STEMS:
            raise ValueError(f"no stem {self.stem!r}; there are: {', '.join(STEMS)}")
        if self.position not in POSITIONS:
            raise ValueError(f"no position encoding {self.position!r}; there are: {', '.join(POSITIONS)}")
        if self.input_size % self.patch or self.dim % self.heads or self.depth % self.feature_taps:
            raise ValueError("patch must divide input_size, heads must divide dim, feature_taps must divide depth")

    @property
    def side(self) -> int:
        """Tokens along one side of the crop."""
        return self.input_size // self.patch


class Attention(nn.Module):
    """Self-attention with an offset for every pair of tokens.

    The softmax is explicit where it is recorded as evidence. Elsewhere the product is fused, the same but for rounding
    and quicker: explanations ask for hundreds of answers.
    """

    def __init__(self, config: VitConfig, name: str) -> None:
        super().__init__()
        head_dim = config.dim // config.heads
        self.heads, self.scale = config.heads, head_dim**-0.5
        self.qkv = nn.Linear(config.dim, 3 * config.dim, bias=False)
        self.proj = nn.Linear(config.dim, config.dim)
        self.irpe = ImageRPE(config.heads, head_dim) if config.position == "irpe" else None
        self.offset_tap = Tap(f"{name}.rpe_bias") if config.position != "abs" else None
        self.attn_tap = Tap(f"{name}.attn")

    def forward(self, x: Tensor, table: Tensor | None, buckets: Tensor | None) -> Tensor:
        """Tokens (B, N, C), KP-RPE's table (B or 1, heads, N, BUCKETS), buckets (N, N) -> (B, N, C)."""
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, N, d)
        q, offsets = q * self.scale, None
        if self.irpe is not None:
            table = self.irpe(q)
        if self.offset_tap is not None and table is not None and buckets is not None:
            offsets = self.offset_tap(look_up(table, buckets).expand(len(x), -1, -1, -1))
        return self.proj(self.mix(q, k, v, offsets).transpose(1, 2).flatten(2))

    def mix(self, q: Tensor, k: Tensor, v: Tensor, offsets: Tensor | None) -> Tensor:
        """Scaled queries, keys, values (B, heads, N, d), offsets (B, heads, N, N) -> (B, heads, N, d)."""
        if not recording():
            return F.scaled_dot_product_attention(q, k, v, attn_mask=offsets, scale=1.0)
        logits = q @ k.transpose(2, 3)
        return self.attn_tap((logits if offsets is None else logits.add_(offsets)).softmax(3)) @ v


class Block(nn.Module):
    """x + attention(LN x), then x + MLP(LN x)."""

    def __init__(self, config: VitConfig, drop_path: float, name: str) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.dim)
        self.attn = Attention(config, name)
        self.norm2 = nn.LayerNorm(config.dim)
        self.mlp = Mlp(config.dim, int(config.dim * config.mlp_ratio), act_layer=nn.ReLU6)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, table: Tensor | None, buckets: Tensor | None) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x), table, buckets))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class TokenTap(nn.Module):
    """Shows tokens (B, N, C) as a map (B, C, side, side) and hands them on."""

    def __init__(self, name: str, side: int) -> None:
        super().__init__()
        self.side, self.tap = side, Tap(name)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C), through the map: gradients of the answer reach it."""
        shown = self.tap(x.transpose(1, 2).unflatten(2, (self.side, self.side)))
        return shown.flatten(2).transpose(1, 2)


class ViT(nn.Module):
    """Crop and keypoints -> tokens -> embedding. The same seed gives the same shared weights for every position."""

    buckets: Tensor | None

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        dim, side = config.dim, config.side
        stem = ReferenceStem if config.stem == "reference" else PatchEmbed
        self.patch_embed = stem(config.input_size, config.patch, embed_dim=dim)
        self.pos_embed = nn.Parameter(torch.empty(1, side**2, dim))
        rate = config.drop_path / max(1, config.depth - 1)
        self.blocks = nn.ModuleList(Block(config, i * rate, f"block{i}") for i in range(config.depth))
        every = config.depth // config.feature_taps
        self.taps = nn.ModuleDict(
            {str(i): TokenTap(f"block{i}.features", side) for i in range(every - 1, config.depth, every)}
        )
        self.norm = nn.LayerNorm(dim)
        self.narrow = nn.Linear(dim, config.token_dim, bias=False) if config.token_dim else nn.Identity()
        self.feature = nn.Sequential(
            nn.Linear(side**2 * (config.token_dim or dim), dim, bias=False),
            nn.BatchNorm1d(dim, eps=2e-5),
            nn.Linear(dim, config.embed_dim, bias=False),
            nn.BatchNorm1d(config.embed_dim, eps=2e-5),
        )
        trunc_normal_(self.pos_embed, std=0.02)
        self.apply(_initialise)
        self.rpe = KeypointRPE(config.depth, config.heads, side) if config.position == "kprpe" else None
        self.keypoint_shift = config.keypoint_shift / config.input_size
        self.register_buffer("buckets", bucket_table(side) if config.position != "abs" else None, persistent=False)

    def tokens(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, size, size) in [0, 1], (B, 5, 2) in [0, 1] -> (B, N, dim), normalised tokens of the last block."""
        x = self.patch_embed(image * 2 - 1) + self.pos_embed
        alike = len(keypoints) > 1 and keypoints.stride(0) == 0  # one face's, expanded: looked up once
        moved = (keypoints[:1] if alike else keypoints) - self.keypoint_shift
        tables = self.rpe(moved) if self.rpe is not None else (None,) * len(self.blocks)
        for i, (block, table) in enumerate(zip(self.blocks, tables, strict=True)):
            x = block(x, table, self.buckets)
            if str(i) in self.taps:
                x = self.taps[str(i)](x)
        return self.norm(x)

    def forward(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, size, size) in [0, 1], (B, 5, 2) in [0, 1] -> (B, embed_dim), not normalised."""
        return self.feature(self.narrow(self.tokens(image, keypoints)).flatten(1))


def _initialise(module: nn.Module) -> None:
    """Truncated normal .02 for linear layers, biases zero."""
    if isinstance(module, nn.Linear):
        trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class VitKprpe(PairModel):
    """Same-person verification with the ViT: calibrated cosine of two embeddings."""

    def __init__(self, config: VitConfig | None = None) -> None:
        super().__init__()
        self.config = config or VitConfig()
        self.spec: InputSpec = ARCFACE_112.resized(self.config.input_size)
        self.cam_tap = f"block{self.config.depth - 1}.features"
        self.net = ViT(self.config)
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, size, size) -> (B, embed_dim) embedding, not normalised."""
        return self.net(image, keypoints)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)

    def without_offsets(self) -> VitKprpe:
        """The same network with every offset left out, sharing all other weights (no copy)."""
        with torch.device("meta"):
            plain = VitKprpe(replace(self.config, position="abs"))
        state = self.state_dict()
        plain.load_state_dict({k: state[k] for k in plain.state_dict()}, assign=True)
        plain.name = self.name
        return plain.train(self.training).requires_grad_(False)


def from_cvlface(state: Mapping[str, Tensor]) -> tuple[VitConfig, dict[str, Tensor]]:
    """A public CVLface checkpoint (ViT or ViT KP-RPE, small or base) -> config and state dict of ViT.

    For instance minchul/cvlface_adaface_vit_base_kprpe_webface4m. The calibration is not in it. `mask_token`, which
    only training uses, is left out.

    Raises:
        ValueError: not a network of a published shape, or one with iRPE.
    """
    prefix = next((k.removesuffix("pos_embed") for k in state if k.endswith("pos_embed")), None)
    if prefix is None:
        raise ValueError("not a CVLface ViT: it has no pos_embed")
    own = {k.removeprefix(prefix).replace("keypoint_linear.", "rpe.linear."): v for k, v in state.items()}
    own.pop("mask_token", None)
    if tables := [k for k in own if ".attn.rpe_" in k]:
        raise ValueError(f"a ViT with iRPE ({tables[0]}), whose heads share a table: only plain and KP-RPE ViTs load")
    depth = sum(k.endswith(".norm1.weight") for k in own)
    shape = next((s for s in (SMALL, BASE) if s["depth"] == depth), None)
    if shape is None:
        raise ValueError(f"published networks have 12 or 24 blocks, this one has {depth}")
    offsets = own.get("rpe.linear.bias")
    if offsets is None:
        return VitConfig("abs", **shape), own
    if len(offsets) != depth * shape["heads"] * BUCKETS:
        raise ValueError(f"keypoint_linear must have {depth * shape['heads'] * BUCKETS} outputs, got {len(offsets)}")
    return VitConfig("kprpe", keypoint_shift=0.5, **shape), own
