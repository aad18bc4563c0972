"""Average the weights of runs that went on from one another, and ship the average: weights/<model>.safetensors.

    python -m training.average --model svit --config '{"guide": true}' --runs runs/svit_gn runs/svit_g2 --own head.

Networks fine-tuned from one start lie in one basin, where the mean of their weights is often better than each (Wortsman
et al., "Model soups", 2022). Layers that every run began anew (--own) have no common start: they are the first run's.
Whether the average is better is measured on held-out training families, which also fit probability and threshold:
the AUC of each run, of the average, and of the mean of the runs' cosines (an ensemble, for comparison) are printed and
kept in the sidecar's notes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.commands import command
from models.pair import PairModel
from models.weights import file_sha256, tensors_in
from training.data.crops import Crops
from training.data.kin_batches import held_out_list, split
from training.data.sets import Pair, data_root, fiw_crops, fiw_train_pairs
from training.evaluate.metrics import auc
from training.evaluate.scoring import encode_crops, score_pairs, unique_images
from training.tools.kin_export import ship
from training.tools.settings import json_object, network


def mean_weights(states: Sequence[Mapping[str, Tensor]], own: str) -> dict[str, Tensor]:
    """Means of floating-point tensors; integers, and what begins with a given `own`, are the first state's.

    Raises:
        ValueError: the states have different tensors.
    """
    first = states[0]
    if any(s.keys() != first.keys() or any(s[k].shape != v.shape for k, v in first.items()) for s in states):
        raise ValueError("only runs of one network can be averaged")
    alone = {k for k, v in first.items() if not v.is_floating_point() or (own and k.startswith(own))}
    return {k: v if k in alone else torch.stack([s[k] for s in states]).mean(0) for k, v in first.items()}


def held_out_aucs(
    model: PairModel, states: Sequence[Mapping[str, Tensor]], own: str, crops: Crops, held: list[Pair]
) -> dict[str, str]:
    """AUC of the cosine on held-out pairs: of each run, of the mean of their cosines, of the mean of their weights.

    Leaves the mean of the weights in `model`.
    """
    same, cosines = np.array([p.same for p in held]), []
    for state in [*states, mean_weights(states, own)]:
        model.load_state_dict(dict(state))
        cosines.append(score_pairs(model, encode_crops(model.eval(), crops, unique_images(held)), held).similarity)
    *each, mean = cosines
    return {
        "held-out AUC of each": " ".join(f"{auc(c, same):.4f}" for c in each),
        "of the mean of their cosines": f"{auc(np.mean(each, 0), same):.4f}",
        "of the mean of their weights": f"{auc(mean, same):.4f}",
    }


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="registry name of a kinship network")
    parser.add_argument("--config", type=json_object, default={}, help="as the runs had it")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="run folders of training.kinship")
    parser.add_argument("--own", default="", help="beginning of the names of what is the first run's alone")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--no-export", action="store_true", help="compare only, leave weights/ as it is")
    args = parser.parse_args()
    root, files = data_root(args.data), [run / "model.safetensors" for run in args.runs]
    model = network(args.model, args.config)
    crops = fiw_crops(root, "train", model.spec)
    held = held_out_list(crops.names, split(fiw_train_pairs(root))[1])
    aucs = held_out_aucs(model, [tensors_in(file) for file in files], args.own, crops, held)
    print("\n".join(f"{what}: {value}" for what, value in aucs.items()))
    if args.no_export:
        return
    facts = {"mean of": " ".join(map(file_sha256, files)), "of the first alone": args.own, **aucs}
    print(f"wrote {ship(model, args.config, crops, held, root, facts, 0, sources=files)}")


if __name__ == "__main__":
    main()
