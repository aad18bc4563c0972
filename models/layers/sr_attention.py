"""The transformer block of Twins-PCPVT: attention to keys and values reduced in space (Chu et al., NeurIPS 2021).

SR attention is that of PVT (Wang et al., ICCV 2021): a convolution of stride sr makes one key of sr x sr tokens.
"""

from __future__ import annotations

from timm.layers import DropPath, Mlp
from torch import Tensor, nn

from models.taps import Tap

NORM_EPS = 1e-6
"""Of the LayerNorms on the residual stream, as in Twins; those in patch embedding and SR attention have 1e-5."""


class SRAttention(nn.Module):
    """Attention with spatially reduced keys and values; the softmax is explicit because it is evidence."""

    def __init__(self, dim: int, heads: int, sr: int, name: str) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)
        self.sr = nn.Conv2d(dim, dim, sr, stride=sr) if sr > 1 else None
        self.norm = nn.LayerNorm(dim) if sr > 1 else None
        self.tap = Tap(f"{name}.attn")

    def reduced(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, h*w, C) -> (B, h/sr * w/sr, C)."""
        if self.sr is None or self.norm is None:
            return x
        return self.norm(to_tokens(self.sr(to_map(x, size))))

    def split(self, x: Tensor) -> Tensor:
        """(B, N, heads*d) -> (B, heads, N, d)."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, N, C), N = h*w -> (B, N, C)."""
        k, v = self.kv(self.reduced(x, size)).chunk(2, 2)
        q, k, v = self.split(self.q(x)), self.split(k), self.split(v)
        attn = self.tap((q * self.scale @ k.transpose(2, 3)).softmax(3))  # (B, heads, N, M)
        return self.proj((attn @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """x + SR attention(LN x), then x + MLP(LN x)."""

    def __init__(self, dim: int, heads: int, sr: int, mlp_ratio: float, drop_path: float, name: str) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, NORM_EPS)
        self.attn = SRAttention(dim, heads, sr, name)
        self.norm2 = nn.LayerNorm(dim, NORM_EPS)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x), size))
        return x + self.drop_path(self.mlp(self.norm2(x)))


def to_map(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, h*w, C) tokens -> (B, C, h, w)."""
    return x.transpose(1, 2).unflatten(2, size)


def to_tokens(x: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h*w, C) tokens."""
    return x.flatten(2).transpose(1, 2)
