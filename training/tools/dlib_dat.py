"""dlib's face descriptor network out of its own file, without dlib.

The .dat (CC0) comes with the PyPI package face-recognition-models, which is located without importing it (its
__init__ wants pkg_resources). A tensor is stored as the int 2, four dimension ints and raw little-endian float32; an
int is a control byte (high bit: sign, low nibble: byte count) followed by that many little-endian bytes.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.errors import UserError
from models.nets.dlib_resnet import DlibResnet, Residual

DAT_NAME = "dlib_face_recognition_resnet_model_v1.dat"


class PackageError(UserError, FileNotFoundError):
    """A package that a recipe needs is not installed; the message says how to get it."""


def locate_dat() -> Path:
    """The .dat inside the installed package face-recognition-models.

    Raises:
        PackageError: the package is not installed.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise PackageError(
            "dlib's network is not here: pip install face-recognition-models==0.3.0; convert_dlib also takes --dat FILE"
        )
    return Path(spec.origin).parent / "models" / DAT_NAME


def read_int(data: bytes, at: int) -> tuple[int, int]:
    """One dlib integer at offset `at` -> (value, offset behind it)."""
    control = data[at]
    count = control & 0x0F
    value = int.from_bytes(data[at + 1 : at + 1 + count], "little")
    return (-value if control & 0x80 else value), at + 1 + count


def next_tensor(data: bytes, at: int, size: int) -> tuple[np.ndarray, int]:
    """The next stored tensor of exactly `size` elements at or behind `at` -> (flat float32, offset behind it).

    Raises:
        ValueError: when the file has no such tensor.
    """
    while (at := data.find(b"\x01\x02", at)) >= 0:
        dims, end = [], at + 2
        for _ in range(4):
            dim, end = read_int(data, end)
            dims.append(dim)
        if math.prod(dims) == size and end + 4 * size <= len(data):
            values = np.frombuffer(data, "<f4", size, end)
            if np.isfinite(values).all():
                return values, end + 4 * size
        at += 1
    raise ValueError(f"no tensor of {size} elements left: not the expected network")


def layers_in_order(model: DlibResnet) -> list[nn.Module]:
    """Modules with parameters, from input to output, as the file stores them."""
    layers: list[nn.Module] = [model.trunk.conv, model.trunk.affine]
    for stage in model.trunk.stages:
        for block in stage.children():
            assert isinstance(block, Residual)
            layers += [block.conv1, block.affine1, block.conv2, block.affine2]
    return layers


def load_dat(data: bytes) -> DlibResnet:
    """Bytes of the .dat -> the network with its weights, uncalibrated."""
    model, at = DlibResnet(), 0
    with torch.no_grad():
        for layer in layers_in_order(model):
            weight, bias = layer.weight, layer.bias
            assert isinstance(weight, Tensor) and isinstance(bias, Tensor)
            values, at = next_tensor(data, at, weight.numel() + bias.numel())
            weight.copy_(torch.from_numpy(values[: weight.numel()].copy()).view_as(weight))
            bias.copy_(torch.from_numpy(values[weight.numel() :].copy()))
        values, at = next_tensor(data, at, model.fc.weight.numel())
        model.fc.weight.copy_(torch.from_numpy(values.copy()).view(256, 128).T)  # stored inputs x outputs
    return model.eval()
