"""Join three kinship networks that are trained: weights/kin_joined.safetensors.

    python -m training.join --model kin_joined   # needs weights/edgeface_kin, edgeface and dlib_kin

No network is trained. The crowd's centres are those of clusters (k-means) of the training families' people, one mean
embedding of fine-tuned EdgeFace each; clusters of few people are left out. The networks then embed the held-out
families' faces as they will be used; the number of clusters, the parts that the cosines have in the answer, and how
much of the crowds is taken off, are those with the highest AUC on pairs of those families, and the same pairs fit
probability and threshold. The weight reads everything else from the three (models/weights.py: Loan). FIW's validation
part is never read here.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from torch import Tensor
from tqdm import tqdm

from models import create_pair
from models.commands import command
from models.nets.kin_joined import NETWORKS, SPEC, KinJoined, KinJoinedConfig, resized
from models.weights import Loan, find_weight, read_sidecar, read_tensors
from training.data.crops import Crops
from training.data.kin_batches import held_out_list, split
from training.data.sets import Pair, data_root, family_of, fiw_crops, fiw_train_pairs, identity_of
from training.evaluate.metrics import auc
from training.evaluate.scoring import encode_crops, unique_images
from training.tools.kin_export import ship
from training.tools.settings import checked

NAME = "kin_joined"
"""In the registry."""
SHARES = tuple((a / 20, b / 20, (20 - a - b) / 20) for a, b in itertools.product(range(1, 19), repeat=2) if a + b < 20)
CROWD_SHARES = tuple(c / 20 for c in range(11))
BATCH = 64
CLUSTERS = (64, 128, 256, 512)
FEWEST = 5
"""People in a cluster whose centre may be stored: the mean of fewer would be near one person's template."""


def heads() -> dict[str, int]:
    """What the shipped dlib_kin says of its heads, where it is not as in KinJoinedConfig: heads, hidden."""
    known = read_sidecar("dlib_kin").config
    return {name: known[name] for name in ("heads", "hidden") if name in known}


def joined(config: KinJoinedConfig, centres: Tensor | None = None) -> KinJoined:
    """The trained networks side by side.

    Args:
        config: heads and hidden units are as dlib_kin has them, whatever it says.
        centres: of the crowd; without them they are drawn by chance.

    Raises:
        WeightError: one is missing.
    """
    model = create_pair(NAME, **asdict(config) | heads())
    assert isinstance(model, KinJoined)
    state = dict(model.state_dict())
    for prefix, (weight, theirs) in model.lenders.items():
        state |= Loan(prefix, weight, theirs, "").renamed(read_tensors(find_weight(weight)))
    if centres is not None:
        state["crowd.centres"] = centres
    model.load_state_dict(state)
    return model.eval()


@torch.inference_mode()
def people(model: KinJoined, crops: Crops, names: Sequence[str]) -> Tensor:
    """(people, D) unit mean embeddings, one for each person of the faces, as fine-tuned EdgeFace embeds them."""
    rows = np.array([crops.row[name] for name in names])
    found = []
    for start in tqdm(range(0, len(rows), BATCH), "embedding", unit="batch"):
        faces = crops.batch(rows[start : start + BATCH])
        found.append(F.normalize(model.edgeface(resized(faces.image)), dim=1))
    codes, whose = torch.cat(found), np.array([identity_of(name) for name in names])
    return F.normalize(torch.stack([codes[torch.from_numpy(whose == who)].mean(0) for who in np.unique(whose)]), dim=1)


def crowd_of(codes: Tensor, clusters: int, seed: int) -> Tensor:
    """(people, D) -> (centres, D) unit centres of their clusters, those of fewer than FEWEST people left out.

    Each person counts once, so no centre is more than 1 / FEWEST of anyone's template.
    """
    found = KMeans(clusters, n_init=1, random_state=seed).fit(codes.numpy())
    wide = np.bincount(found.labels_, minlength=clusters) >= FEWEST
    return F.normalize(torch.from_numpy(found.cluster_centers_[wide]).float(), dim=1)


def crowds(model: KinJoined, codes: dict[str, Tensor], held: list[Pair]) -> np.ndarray:
    """(P,) sums over both faces of how common each looks."""
    found = dict(zip(codes, model.crowds(torch.stack(list(codes.values()))).tolist(), strict=True))
    return np.array([found[p.a] + found[p.b] for p in held])


def cosines(model: KinJoined, codes: dict[str, Tensor], held: list[Pair]) -> np.ndarray:
    """(3, P) cosines of the networks by themselves."""
    a, b = (torch.stack([codes[name] for name in names]) for names in zip(*((p.a, p.b) for p in held), strict=True))
    parts = zip(a.split(model.lengths, 1), b.split(model.lengths, 1), strict=True)
    return np.stack([F.cosine_similarity(x, y, dim=1).numpy() for x, y in parts])


def by_shares(cosine: np.ndarray, crowd: np.ndarray, same: np.ndarray) -> dict[tuple[tuple[float, ...], float], float]:
    """(shares, crowd share) -> AUC of the joined cosine less that share of the crowds."""
    return {
        (shares, off): auc(np.array(shares) @ cosine - off * crowd, same)
        for shares, off in itertools.product(SHARES, CROWD_SHARES)
    }


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--model", default=NAME, choices=[NAME], help="the only joined network")
    parser.add_argument("--seed", type=int, default=0, help="of the clusters")
    args = checked(parser.parse_args())
    root, start = data_root(args.data), KinJoinedConfig()
    crops = fiw_crops(root, "train", SPEC)
    _, held_pairs = split(fiw_train_pairs(root))
    held = held_out_list(crops.names, held_pairs)
    same = np.array([p.same for p in held])
    out = {family_of(p.a) for p in held_pairs}
    known = people(joined(start), crops, [n for n in crops.names if family_of(n) not in out])
    codes = encode_crops(joined(start), crops, unique_images(held))
    cosine = cosines(joined(start), codes, held)
    found: dict[tuple[tuple[float, ...], float, int], float] = {}
    centres = {clusters: crowd_of(known, clusters, args.seed) for clusters in CLUSTERS}
    for clusters, each in centres.items():
        crowd = crowds(joined(replace(start, centres=len(each)), each), codes, held)
        found |= {(*choice, clusters): value for choice, value in by_shares(cosine, crowd, same).items()}
    shares, off, clusters = max(found, key=found.__getitem__)
    facts = {f"{part} alone": f"{auc(c, same):.4f}" for part, c in zip(NETWORKS, cosine, strict=True)}
    words = "joined with shares " + ", ".join(f"{w:g}" for w in shares)
    facts |= {words: f"{found[shares, 0.0, clusters]:.4f}"}
    for n, each in centres.items():
        words = f"and {off:g} of the crowds taken off, {len(each)} centres of {n} clusters"
        facts[words] = f"{found[shares, off, n]:.4f}"
    print("\n".join(f"{name}: AUC {value}" for name, value in facts.items()))
    best = centres[clusters]
    model = joined(replace(start, shares=shares, crowd_share=off, centres=len(best)), best)
    config = {"shares": list(shares), "crowd_share": off, "centres": len(best), **heads()}
    sources = [find_weight(weight) for weight, _ in model.lenders.values()]
    print(f"wrote {ship(model, config, crops, held, root, facts, args.seed, sources=sources)}")


if __name__ == "__main__":
    main()
