"""Convert EdgeFace's public int8 weights to weights/edgeface.safetensors (fp16), calibrated, with its sidecar.

    python -m training.convert_edgeface [--data DIR] [--file FILE]

EdgeFace (George et al., T-BIOM 2024) is published by the Idiap Research Institute: github.com/otroshi/edgeface, code
under BSD-3-Clause. It was trained on WebFace data, so the weights are for non-commercial research. The file read here,
<data>/teachers/edgeface_xs_q.pt, is the int8 version: linear layers hold 8-bit weights with one scale a layer, all
other tensors are float32. It is a pickle, and is read with `weights_only=True` once its sha256 has been checked.

The network is not trained here. Slope and offset of the probability and the threshold are fitted on same-person and
different-person pairs of CelebA and FIW train (training/tools/calibration.py), as for the reference encoder.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models import create_model
from models.commands import command
from models.errors import UserError
from models.nets.edgeface import EdgeFace, dequantised
from models.weights import SHIPPED, file_sha256
from training.cards import write_cards
from training.data.lists import need
from training.data.sets import DataError, data_root
from training.evaluate.metrics import auc
from training.tools.calibration import calibrate_cosine, verification_pairs
from training.tools.checkpoint import RESEARCH, Facts, export


@dataclass(frozen=True)
class Source:
    """A public file: its name under <data>/teachers and its sha256."""

    name: str
    sha256: str


SOURCES = {
    "edgeface": Source("edgeface_xs_q.pt", "a31314377876ab9fa2a75e5638bc528efe79fd17d5c9c0a228fb7f846d7581a6"),
}
"""Registry name -> the file that it is made of."""


def read_int8(path: Path, sha256: str) -> dict[str, Tensor]:
    """The verified file -> float32 tensors under timm's names.

    Raises:
        ValueError: another file than the one with this sha256.
    """
    if file_sha256(path) != sha256:
        raise ValueError(f"{path} is not the public file (its sha256 is not {sha256[:12]}...)")
    with warnings.catch_warnings():  # torch announces the end of quantised tensors; here they are only read
        warnings.simplefilter("ignore")
        return dequantised(torch.load(path, map_location="cpu", weights_only=True))


def load_public(name: str, path: Path) -> EdgeFace:
    """The public file of a registered EdgeFace -> the network with its weights, uncalibrated.

    Raises:
        ValueError: as read_int8.  RuntimeError: the tensors do not fit the network, name by name.
    """
    model = create_model(name)
    assert isinstance(model, EdgeFace)
    model.trunk.load_timm(read_int8(path, SOURCES[name].sha256))
    return model.eval().requires_grad_(False)


def calibrated_export(model: EdgeFace, root: Path, folder: Path = SHIPPED) -> Path:
    """Calibrate on training identities and write weight, sidecar and cards."""
    cosine, same, data = verification_pairs(model, root)
    pairs = (
        "same-person and different-person pairs of CelebA identities and FIW train members, "
        "faces detected and aligned as in uploaded photos"
    )
    calibration = calibrate_cosine(model.logit, cosine, same, pairs)
    source = SOURCES[model.name]
    notes = [
        "EdgeFace of the Idiap Research Institute (github.com/otroshi/edgeface, code BSD-3-Clause), trained on WebFace "
        "data: the weights are for non-commercial research. Its int8 file was converted to fp16; only the slope and "
        "offset of the probability were fitted here. For a permissive licence there is dlib_resnet (CC0).",
        f"Cosines of the calibration pairs: AUC {auc(cosine, same):.4f}.",
    ]
    data = [{"name": f"{source.name} (int8, EdgeFace)", "size": 1, "hash": source.sha256}, *data]
    path = export(model, model.name, Facts(RESEARCH, data, calibration, notes=notes), half=True, folder=folder)
    write_cards(folder)
    return path


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, help="the int8 file; default: <data>/teachers/edgeface_xs_q.pt")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    args = parser.parse_args()
    try:
        root = data_root(args.data)
    except DataError as error:
        raise UserError(f"not written, because it cannot be calibrated: {error}") from error
    path = args.file or need(root / "teachers" / SOURCES["edgeface"].name)
    print(f"wrote {calibrated_export(load_public('edgeface', path), root)}")


if __name__ == "__main__":
    main()
