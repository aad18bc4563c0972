"""Convert dlib's face descriptor network to weights/dlib_resnet.safetensors, calibrated, with its sidecar.

    python -m training.convert_dlib [--data DIR] [--dat FILE]

Reads dlib_face_recognition_resnet_model_v1.dat (CC0) from the PyPI package face-recognition-models, which is
located without importing it (its __init__ wants pkg_resources). dlib itself is not needed: a tensor is stored
as the int 2, four dimension ints and raw little-endian float32; an int is a control byte (high bit: sign, low
nibble: byte count) followed by that many little-endian bytes.

The network is not trained here. With research data (CelebA, FIW train) its cosine is calibrated to a probability
and a threshold is chosen (training/calibrate.py). Without data the converted network is checked against the
repository's golden descriptors and nothing is written: a weight without a measured threshold is not shipped.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.nets.dlib_resnet import DlibResnet, Residual
from models.weights import SHIPPED, file_sha256
from training.calibrate import calibrate_cosine, verification_pairs
from training.cards import write_cards
from training.data.sets import DataError, data_root
from training.evaluate.metrics import auc
from training.tools.checkpoint import CC0, Facts, export

DAT_NAME = "dlib_face_recognition_resnet_model_v1.dat"
GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "dlib_descriptors.npz"


def locate_dat() -> Path:
    """The .dat inside the installed package face-recognition-models.

    Raises:
        FileNotFoundError: when the package is not installed.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("pip install face-recognition-models==0.3.0, or give --dat FILE")
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


def golden_error(model: DlibResnet, golden: Path = GOLDEN) -> float:
    """Largest absolute difference to the descriptors that dlib itself computed for the six stored chips."""
    with np.load(golden) as stored, torch.inference_mode():
        image = torch.from_numpy(stored["images"]).permute(0, 3, 1, 2).float() / 255  # (6, 3, 150, 150)
        return float(np.abs(model.encode(image, torch.zeros(len(image), 5, 2)).numpy() - stored["descriptors"]).max())


def calibrated_export(model: DlibResnet, root: Path, dat: Path) -> Path:
    """Calibrate on training identities and write weight, sidecar and cards."""
    cosine, same, data = verification_pairs(model, root)
    pairs = (
        "same-person and different-person pairs of CelebA identities and FIW train members, "
        "faces detected and aligned as in uploaded photos"
    )
    calibration = calibrate_cosine(model.logit, cosine, same, pairs)
    source = {"name": f"{DAT_NAME} of face-recognition-models 0.3.0", "size": 1, "hash": file_sha256(dat)}
    notes = [
        "The network is Davis King's, public domain (CC0), converted number for number; only the slope and offset "
        "of the probability were fitted here.",
        f"Cosines of the calibration pairs: AUC {auc(cosine, same):.4f}.",
    ]
    path = export(model, "dlib_resnet", Facts(CC0, [source, *data], calibration, notes=notes))
    write_cards(SHIPPED)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dat", type=Path, default=None, help=f"{DAT_NAME}; default: from face-recognition-models")
    parser.add_argument("--data", type=Path, default=None, help="research data; default: KINSIGHT_DATA, else ./data")
    args = parser.parse_args()
    path = args.dat or locate_dat()
    model = load_dat(path.read_bytes())
    model.name = "dlib_resnet"
    print(f"converted {path}\nlargest difference to dlib's own descriptors: {golden_error(model):.1e}")
    try:
        root = data_root(args.data)
    except DataError as error:
        raise SystemExit(f"not written, because it cannot be calibrated: {error}") from error
    print(f"wrote {calibrated_export(model, root, path)}")


if __name__ == "__main__":
    main()
