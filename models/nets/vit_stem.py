"""A ViT's patches read from the first stages of the reference encoder: the hybrid of the vision transformer's paper.

Source: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, section 3.1, "Hybrid Architecture": patches are
cut from a convolutional network's map in place of the pixels. Here that network is the start of the reference encoder
(models/nets/dlib_resnet.py), so that a small training begins with features of millions of faces. Not part of KP-RPE.

    crop, enlarged so that the eyes lie as far apart as in the encoder's own crop       168 x 168   (from 112 px)
    (255 x - mean) / 256, conv7x7/2, affine, ReLU, max-pool 3x3/2, padded                42 x 42
    stage 1, 32 channels                                                                 42 x 42
    stage 2, 64 channels, first /2                                                       21 x 21
    resized to the tokens' grid, normalised over channels, conv1x1                       14 x 14
"""

from __future__ import annotations

import torch.nn.functional as F
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from models.nets.dlib_resnet import STAGES, EncoderStart

ENLARGED = 1.5
"""From ArcFace's frame to the reference encoder's scale; see models/nets/kin_joined.py."""


class ReferenceStem(nn.Module):
    """Crop -> tokens; stands where timm's PatchEmbed does."""

    def __init__(self, input_size: int, patch: int, embed_dim: int) -> None:
        super().__init__()
        self.size, self.side = round(input_size * ENLARGED), input_size // patch
        self.trunk = EncoderStart()
        channels = STAGES[1][0]
        self.norm = LayerNorm2d(channels)
        self.proj = nn.Conv2d(channels, embed_dim, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, input_size, input_size) RGB in [-1, 1] -> (B, side^2, embed_dim), rows first."""
        x = F.interpolate((image + 1) / 2, (self.size, self.size), mode="bilinear")
        for stage in (self.trunk.entry, *self.trunk.stages):
            x = stage(x)
        x = F.interpolate(x, (self.side, self.side), mode="bilinear", antialias=True)
        return self.proj(self.norm(x)).flatten(2).transpose(1, 2)
