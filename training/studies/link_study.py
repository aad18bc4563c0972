"""Do FaCoRNet's links say something? How many places its attention counts, and what the score is worth without it.

    python -m training.studies.link_study [--model facor]

Over pairs of held-out training families, in both orders: the cross-attention that made the score (the tap); how many
places it counts (the exponential of the entropy of its mean row: 1 when all links meet in one place, 49 when all count
alike); the AUC as it is and with every link set to 1/49 in the forward pass. Writes benchmarks/results/link_study.json,
a section of docs/results.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models import load_pair, read_sidecar
from models.commands import check_file, command
from models.errors import UserError
from models.nets.facor import FaCoR
from training.data.kin_batches import held_out_list, split
from training.data.sets import Pair, data_root, family_of, fiw_crops, fiw_train_pairs
from training.evaluate.metrics import auc, bootstrap_ci
from training.evaluate.report import write_json
from training.evaluate.scoring import encode_crops, unique_images

BATCH = 64


def places(attention: Tensor) -> Tensor:
    """(B, N, N), rows sum to 1 -> (B,) number of places that count, 1 to N: exp of the entropy of the mean row."""
    mean = attention.mean(1)
    return torch.special.entr(mean).sum(1).exp()


@contextmanager
def links_alike(model: FaCoR) -> Iterator[None]:
    """Every link weighs 1 / N while the block lasts."""
    hook = model.components.tap.register_forward_hook(lambda _, __, a: torch.full_like(a, 1 / a.shape[-1]))
    try:
        yield
    finally:
        hook.remove()


@torch.inference_mode()
def answers(model: FaCoR, codes: dict[str, Tensor], pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds (P,), the mean over both orders, and places that count (2P,), an order after the other in each batch."""
    logits, counted = [], []
    for start in range(0, len(pairs), BATCH):
        part = pairs[start : start + BATCH]
        x, y = (torch.stack([codes[getattr(p, side)] for p in part]).float() for side in "ab")
        relation = model.fuse(torch.cat([x, y]), torch.cat([y, x]))
        logits.append(model.logit(relation.x, relation.y).view(2, -1).mean(0))
        counted.append(places(relation.attention))
    return torch.cat(logits).double().numpy(), torch.cat(counted).double().numpy()


def study(model: FaCoR, codes: dict[str, Tensor], pairs: Sequence[Pair]) -> dict[str, Any]:
    """What is measured, as the file says it."""
    same, families = np.array([p.same for p in pairs]), [family_of(p.a) for p in pairs]
    used, counted = answers(model, codes, pairs)
    with links_alike(model):
        alike, _ = answers(model, codes, pairs)

    def gain(rows: np.ndarray) -> float:
        return auc(used[rows], same[rows]) - auc(alike[rows], same[rows])

    low, middle, high = np.quantile(counted, [0.05, 0.5, 0.95])
    return {
        "pairs": len(pairs),
        "places": {"of": int(codes[pairs[0].a][0].numel()), "median": middle, "p5": low, "p95": high},
        "auc": auc(used, same),
        "auc_links_alike": auc(alike, same),
        "gain": {"mean": gain(np.arange(len(pairs))), "ci95": bootstrap_ci(gain, families)},
        "mean_change_of_log_odds": float(np.abs(used - alike).mean()),
        "protocol": "image pairs of held-out FIW training families, both orders; interval: bootstrap over families",
    }


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="facor", help="name of a FaCoRNet weight")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/link_study.json"))
    args = parser.parse_args()
    check_file(args.json, "--json")
    root, model, sidecar = data_root(args.data), load_pair(args.model, "cpu"), read_sidecar(args.model)
    if not isinstance(model, FaCoR):
        raise UserError(f"{args.model} is no FaCoRNet: its score has no links")
    crops = fiw_crops(root, "train", model.spec)
    pairs = held_out_list(crops.names, split(fiw_train_pairs(root))[1])
    found = study(model, encode_crops(model, crops, unique_images(pairs)), pairs)
    write_json({"weight": sidecar.name, "weight_sha256": sidecar.sha256, **found}, args.json)
    print(f"{found}\nwrote {args.json}")


if __name__ == "__main__":
    main()
