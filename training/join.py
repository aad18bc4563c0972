"""Join the two kinship networks that are trained: weights/kin_duo.safetensors.

    python -m training.join            # needs weights/dlib_kin and weights/svit; nothing is trained

Both networks embed the held-out families' faces as they will be used; the part that S-ViT's cosine has in the answer is
the one with the highest AUC on pairs of those families, and the same pairs fit probability and threshold. The weight
lends everything else from the two (models/weights.py: Loan). FIW's validation part is never read here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models import create_model
from models.kin_duo import KinDuo
from models.weights import Loan, find_weight, read_sidecar, read_tensors
from training.data import Pair, data_root, fiw_crops, fiw_train_pairs
from training.evaluate.scoring import encode_crops, unique_images
from training.kin_batches import held_out_list, split
from training.kin_export import ship
from training.metrics import auc

HELD_OUT = 0.1
"""Fraction of the families; training/kinship.py holds out the same ones, the heads' recipe these and more."""
SHARES = tuple(k / 20 for k in range(1, 20))


def joined(share: float) -> KinDuo:
    """Both trained networks side by side.

    Raises:
        WeightError: one of the two is missing.
    """
    svit = read_sidecar("svit")
    model = create_model("kin_duo", share=share, guide=svit.config.get("guide", False))
    assert isinstance(model, KinDuo)
    state = dict(model.state_dict())
    for prefix, (weight, theirs) in model.lenders.items():
        state |= Loan(prefix, weight, theirs, "").renamed(read_tensors(find_weight(weight)))
    model.load_state_dict(state)
    return model.eval()


def cosines(model: KinDuo, codes: dict[str, Tensor], held: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """(P,) cosines of both networks by themselves."""
    a, b = (torch.stack([codes[name] for name in names]) for names in zip(*((p.a, p.b) for p in held), strict=True))
    first = a.shape[1] - model.embed.out_features
    parts = [(a[:, s] * b[:, s]).sum(1) for s in (slice(first), slice(first, None))]
    whole = model.config.share
    return (parts[0] / (1 - whole)).numpy(), (parts[1] / whole).numpy()


def best_share(encoder: np.ndarray, vit: np.ndarray, same: np.ndarray) -> dict[float, float]:
    """Share -> AUC of the joined cosine."""
    return {w: auc((1 - w) * encoder + w * vit, same) for w in SHARES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    root = data_root(parser.parse_args().data)
    model = joined(0.5)
    crops = fiw_crops(root, "train", model.spec)
    _, held_pairs = split(fiw_train_pairs(root), HELD_OUT)
    held = held_out_list(crops.names, held_pairs)
    encoder, vit = cosines(model, encode_crops(model, crops, unique_images(held)), held)
    same = np.array([p.same for p in held])
    by_share = best_share(encoder, vit, same)
    share = max(by_share, key=by_share.__getitem__)
    print("\n".join(f"share {w:.2f}: AUC {value:.4f}" for w, value in by_share.items()))
    alone = {"encoder alone": auc(encoder, same), "S-ViT alone": auc(vit, same)}
    print("\n".join(f"{name}: AUC {value:.4f}" for name, value in alone.items()))
    facts = {name: f"{value:.4f}" for name, value in {**alone, f"joined with share {share:g}": by_share[share]}.items()}
    config = {"share": share, "guide": model.config.guide}
    print(f"wrote {ship(joined(share), config, crops, held, root, facts, 0)}")


if __name__ == "__main__":
    main()
