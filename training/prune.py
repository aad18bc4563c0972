"""Fewer hidden units in the MLPs of a trained network: those stay that the others cannot stand for.

    python -m training.prune --model svit --config '{"guide": true, "mlp_ratios": [4, 4, 1, 1]}'
    python -m training.prune --model vit_abs --config '{"token_dim": 48, "embed_dim": 640, "mlp_ratio": 1}'
    python -m training.prune --model dlib_kin --config '{"hidden": 512}' --faces 8192

The MLPs of S-ViT hold half of its weights, those of the kinship heads nearly all. In each, with hidden activations h of
covariance G on training faces and an output W h, units S are kept and W becomes W G_:S G_SS^-1 (the bias takes up the
means): the linear map of the kept units whose output differs least. Units are chosen one by one, each time the one that
leaves least to differ:

    R = G at first; a unit j takes |W R_:j|^2 / R_jj off; then R -= R_:j R_:j^T / R_jj      (pivoted Cholesky)

Near to it: Chee et al., "Model Preserving Compression for Neural Networks", NeurIPS 2022, which chooses by the hidden
activations alone (pivoted QR) and not by the output.

A head sees one vector a face, a block as many as there are places: heads want more faces.

Writes <out>/model.safetensors, calibrates and exports it; with --no-export training goes on from it (--init).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.layers import Mlp
from torch import Tensor, nn
from tqdm import tqdm

from models.commands import command
from models.errors import UserError
from models.pair import PairModel
from models.registry import entry
from models.weights import file_sha256, find_weight, load_pair, tensors_in
from training.data.crops import Crops
from training.data.holdout import is_held_out, start_facts
from training.data.sets import data_root, family_of, fiw_crops
from training.tools.kin_export import ship_run
from training.tools.loop import report
from training.tools.settings import add_export, checked, json_object, network
from training.tools.student import keep
from training.tools.verification_export import ship, told

FACES, BATCH = 1024, 32
SIZES = ("mlp_ratio", "mlp_ratios", "hidden")
"""Names of what may differ between the two configs."""
RIDGE = 1e-6
"""Share of the mean variance that is added to every unit's: what never varies is not divided by."""


MLP = Mlp | nn.Sequential
"""A linear layer, an activation, a linear layer; in this order where it is a sequence."""


class PruneError(UserError, ValueError):
    """The network cannot be pruned as asked; the message says why."""


def layers(mlp: MLP) -> tuple[nn.Linear, nn.Linear]:
    """Its two layers."""
    first, last = (mlp.fc1, mlp.fc2) if isinstance(mlp, Mlp) else (mlp[0], mlp[-1])
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    return first, last


def chosen_units(covariance: Tensor, weight: Tensor, count: int) -> Tensor:
    """(count,) units, in the order they were chosen.

    Args:
        covariance: (H, H) of the hidden activations.  weight: (D, H) of the layer behind them.
    """
    left, seen = covariance.clone(), weight @ covariance  # R, W R
    free, found = torch.ones(len(left), dtype=torch.bool), []
    for _ in range(count):
        gain = seen.square().sum(0) / left.diagonal().clamp_min(torch.finfo(left.dtype).tiny)
        unit = int(gain.masked_fill(~free, -1).argmax())
        row, own = left[unit].clone(), left[unit, unit].clamp_min(torch.finfo(left.dtype).tiny)
        seen -= torch.outer(seen[:, unit] / own, row)
        left -= torch.outer(row / own, row)
        free[unit] = False
        found.append(unit)
    return torch.tensor(found)


def pruned(mlp: MLP, mean: Tensor, covariance: Tensor, count: int) -> tuple[nn.Linear, nn.Linear]:
    """The two layers with `count` hidden units between them, the second one refitted.

    Args:
        mean, covariance: (H,), (H, H) of the hidden activations.
    """
    first, last = layers(mlp)
    weight = last.weight.double()
    covariance = covariance + RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
    units = chosen_units(covariance, weight, count)
    fitted = torch.linalg.solve(covariance[units][:, units], covariance[units] @ weight.T).T  # (D, count)
    bias = last.bias.double() + weight @ mean - fitted @ mean[units]
    return linear(first.weight[units], first.bias[units]), linear(fitted, bias)


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A layer of these, frozen."""
    layer = nn.Linear(weight.shape[1], weight.shape[0]).requires_grad_(False)
    layer.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return layer


class Moments:
    """Mean and covariance of an MLP's hidden activations, gathered while the network runs."""

    def __init__(self, mlp: MLP) -> None:
        hidden = layers(mlp)[0].out_features
        self.count, self.total = 0, torch.zeros(hidden, dtype=torch.float64)
        self.products = torch.zeros(hidden, hidden, dtype=torch.float64)
        act = mlp.act if isinstance(mlp, Mlp) else mlp[1]
        self.handle = act.register_forward_hook(self.add)

    def add(self, _: nn.Module, __: object, output: Tensor) -> None:
        rows = output.detach().flatten(0, -2)
        self.count += len(rows)
        self.total += rows.sum(0)
        self.products += rows.T @ rows

    def found(self) -> tuple[Tensor, Tensor]:
        mean = self.total / self.count
        return mean, self.products / self.count - torch.outer(mean, mean)


def mlps(model: nn.Module) -> dict[str, MLP]:
    """Name -> MLP, of every block or head."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, Mlp)
        or (isinstance(module, nn.Sequential) and [type(m) for m in module] == [nn.Linear, nn.ReLU, nn.Linear])
    }


@torch.no_grad()
def prune(model: PairModel, smaller: PairModel, crops: Crops, rows: np.ndarray) -> None:
    """Give `smaller`, a network with fewer hidden units, the weights of `model`.

    Args:
        crops, rows: faces whose activations are looked at.

    Raises:
        PruneError: they differ in more than that, or there is nothing to prune.
    """
    new, own = mlps(smaller), mlps(model)
    few = {name: layers(new[name])[0].out_features for name in own if name in new}
    smaller_ones = [name for name, count in few.items() if count < layers(own[name])[0].out_features]
    if new.keys() != own.keys() or not smaller_ones:
        raise PruneError(f"no MLP of {model.name} has fewer hidden units in that config")
    moments = {name: Moments(own[name]) for name in smaller_ones}
    for start in tqdm(range(0, len(rows), BATCH), desc="activations", unit="batch"):
        faces = crops.batch(rows[start : start + BATCH])
        model.encode(faces.image, faces.keypoints)
    state, names = model.state_dict(), {module: name for name, module in model.named_modules()}
    for name, seen in moments.items():
        seen.handle.remove()
        fewer = pruned(own[name], *seen.found(), few[name])
        for layer, now in zip(layers(own[name]), fewer, strict=True):
            state |= {f"{names[layer]}.{part}": value for part, value in now.state_dict().items()}
    try:
        smaller.load_state_dict(state)
    except RuntimeError as error:
        raise PruneError(f"that config differs in more than the hidden units: {error}") from error


def trained(name: str, state: Path | None, config: dict[str, Any]) -> PairModel:
    """The shipped network, or a run's, which has the config of the wanted one but for its MLPs."""
    if state is None:
        return load_pair(name, "cpu")
    model = network(name, {key: value for key, value in config.items() if key not in SIZES})
    model.load_state_dict(tensors_in(state))
    return model.eval()


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="name of a weight with MLPs")
    parser.add_argument("--config", type=json_object, required=True, help="of the network that is wanted")
    parser.add_argument("--state", type=Path, help="model.safetensors of a run, where that network is not shipped")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--faces", type=int, default=FACES, help="training faces whose activations are looked at")
    parser.add_argument("--out", type=Path, help="default: runs/<model>_pruned")
    add_export(parser)
    args = checked(parser.parse_args())
    root, folder = data_root(args.data), args.out or Path("runs") / f"{args.model}_pruned"
    if not args.export_only:
        run(args, root, folder)
    state = report(folder)
    if args.export and entry(args.model).task == "kinship":
        print(f"wrote {ship_run(args.model, args.config, state, root, 0)}")
    elif args.export:
        print(f"wrote {ship(network(args.model, args.config), args.config, state, root, 0)}")


def run(args: argparse.Namespace, root: Path, folder: Path) -> None:
    """Prune as the command line says; the weights lie in the folder."""
    model, smaller = trained(args.model, args.state, args.config), network(args.model, args.config)
    crops = fiw_crops(root, "train", model.spec)
    learnt = np.array([i for i, name in enumerate(crops.names) if not is_held_out(family_of(name))])
    rows = np.sort(np.random.default_rng(0).choice(learnt, min(args.faces, len(learnt)), replace=False))
    prune(model, smaller, crops, rows)
    folder.mkdir(parents=True, exist_ok=True)
    file = args.state or find_weight(args.model)
    facts = {
        "model": args.model,
        "config": json.dumps(args.config, sort_keys=True),
        "pruned from": f"({lineage(file)})",
    }
    keep(folder, smaller, facts | start_facts([file], map(family_of, crops.names)))


def lineage(file: Path) -> str:
    """What was pruned, in words: of a run what it wrote, of a weight its note on the training, and its hash."""
    beside = json.loads(file.with_suffix(".json").read_text())
    words = beside["notes"][0].removeprefix("Training: ").rstrip(".") if "notes" in beside else told(file)
    return f"{words}, sha256 {file_sha256(file)}"


if __name__ == "__main__":
    main()
