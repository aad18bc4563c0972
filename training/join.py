"""Join three kinship networks that are trained: weights/kin_joined.safetensors.

    python -m training.join --model kin_joined   # needs weights/edgeface_kin, dlib_kin and dlib_tuned

Nothing is trained. The networks embed the held-out families' faces as they will be used; the parts that their cosines
have in the answer are those with the highest AUC on pairs of those families, and the same pairs fit probability and
threshold. The weight reads everything else from the three (models/weights.py: Loan). FIW's validation part is never
read here.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models import create_pair
from models.commands import command
from models.nets.kin_joined import KinJoined, KinJoinedConfig
from models.weights import Loan, find_weight, read_tensors
from training.data.kin_batches import held_out_list, split
from training.data.sets import Pair, data_root, fiw_crops, fiw_train_pairs
from training.evaluate.metrics import auc
from training.evaluate.scoring import encode_crops, unique_images
from training.tools.kin_export import ship

NAME = "kin_joined"
"""In the registry."""
PARTS = ("EdgeFace", "heads", "fine-tuned encoder")
"""What the three networks are, in the order of the shares."""
SHARES = tuple((a / 20, b / 20, (20 - a - b) / 20) for a, b in itertools.product(range(1, 19), repeat=2) if a + b < 20)


def joined(shares: tuple[float, ...]) -> KinJoined:
    """The trained networks side by side.

    Raises:
        WeightError: one is missing.
    """
    model = create_pair(NAME, shares=shares)
    assert isinstance(model, KinJoined)
    state = dict(model.state_dict())
    for prefix, (weight, theirs) in model.lenders.items():
        state |= Loan(prefix, weight, theirs, "").renamed(read_tensors(find_weight(weight)))
    model.load_state_dict(state)
    return model.eval()


def cosines(model: KinJoined, codes: dict[str, Tensor], held: list[Pair]) -> np.ndarray:
    """(3, P) cosines of the networks by themselves."""
    a, b = (torch.stack([codes[name] for name in names]) for names in zip(*((p.a, p.b) for p in held), strict=True))
    parts = zip(a.split(model.lengths, 1), b.split(model.lengths, 1), strict=True)
    return np.stack([F.cosine_similarity(x, y, dim=1).numpy() for x, y in parts])


def by_shares(cosine: np.ndarray, same: np.ndarray) -> dict[tuple[float, ...], float]:
    """Shares -> AUC of the joined cosine."""
    return {shares: auc(np.array(shares) @ cosine, same) for shares in SHARES}


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--model", default=NAME, choices=[NAME], help="the only joined network")
    args = parser.parse_args()
    root = data_root(args.data)
    model = joined(KinJoinedConfig().shares)
    crops = fiw_crops(root, "train", model.spec)
    _, held_pairs = split(fiw_train_pairs(root))
    held = held_out_list(crops.names, held_pairs)
    cosine = cosines(model, encode_crops(model, crops, unique_images(held)), held)
    same = np.array([p.same for p in held])
    found = by_shares(cosine, same)
    shares = max(found, key=found.__getitem__)
    alone = {f"{part} alone": f"{auc(c, same):.4f}" for part, c in zip(PARTS, cosine, strict=True)}
    facts = {**alone, "joined with shares " + ", ".join(f"{w:g}" for w in shares): f"{found[shares]:.4f}"}
    print("\n".join(f"{name}: AUC {value}" for name, value in facts.items()))
    sources = [find_weight(weight) for weight, _ in model.lenders.values()]
    config = {"shares": list(shares)}
    print(f"wrote {ship(joined(shares), config, crops, held, root, facts, 0, sources=sources)}")


if __name__ == "__main__":
    main()
