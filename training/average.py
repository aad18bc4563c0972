"""Average the weights of runs that went on from one another, and ship the average: weights/<model>.safetensors.

    python -m training.average --model svit --config '{"guide": true}' --runs runs/svit_gn runs/svit_g2 --own head.

Networks fine-tuned from one start lie in one basin, where the mean of their weights is often better than each (Wortsman
et al., "Model soups", 2022). Layers that every run began anew (--own) have no common start: they are the first run's.
Whether the average is better is measured on held-out training families, which also fit probability and threshold.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from models import create_pair
from models.weights import file_sha256
from training.data.kin_batches import held_out_list, split
from training.data.sets import data_root, fiw_crops, fiw_train_pairs
from training.tools.kin_export import ship


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="registry name of a kinship network")
    parser.add_argument("--config", type=json.loads, default={}, help="as the runs had it")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="run folders of training.kinship")
    parser.add_argument("--own", default="", help="beginning of the names of what is the first run's alone")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    args = parser.parse_args()
    root, files = data_root(args.data), [run / "model.safetensors" for run in args.runs]
    model = create_pair(args.model, **args.config)
    model.load_state_dict(mean_weights([load_file(file) for file in files], args.own))
    crops = fiw_crops(root, "train", model.spec)
    _, held_pairs = split(fiw_train_pairs(root))
    facts = {"mean of": " ".join(map(file_sha256, files)), "of the first alone": args.own}
    held = held_out_list(crops.names, held_pairs)
    print(f"wrote {ship(model, args.config, crops, held, root, facts, 0, sources=files)}")


if __name__ == "__main__":
    main()
