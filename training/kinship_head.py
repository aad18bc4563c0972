"""Train the kinship heads on the frozen reference encoder: weights/dlib_kin.safetensors.

    python -m training.kinship_head [--data DIR] [--out runs/kinship_head] [--seed 0]

Families In the Wild, training part. A batch is one kin pair from each of `batch` families, a random image of each
member and a random stored view of each image (training/data/trunk_features.py), with noise on the features; the loss is
InfoNCE at tau .08 over the 2N faces (TeamCNU's RFIW2021 recipe). The weights are averaged exponentially; every `check`
steps the averaged head is tried on kin pairs of held-out training families and the best one is kept. The K heads of the
model are trained one after the other with seeds of their own. The same held-out families fit the probability and the
threshold. FIW's validation part is never read here.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from safetensors.torch import save_file
from torch import Tensor, nn

from models.commands import command
from models.nets.dlib_kin import DlibKin
from models.nets.dlib_resnet import DlibResnet
from models.registry import create_pair
from models.weights import SHIPPED, load_pair
from training.cards import write_cards
from training.data.crops import Crops
from training.data.holdout import TRAINED_ON, held_out_row
from training.data.kin_batches import apart, held_out_list, split
from training.data.sets import Kin, Pair, by_identity, data_root, data_row, family_of, fiw_crops, fiw_train_pairs
from training.data.trunk_features import ViewFeatures, view_features
from training.evaluate.metrics import auc, bootstrap_ci
from training.evaluate.scoring import encode_crops, unique_images
from training.tools.calibration import calibrate_cosine
from training.tools.checkpoint import RESEARCH, Facts, export
from training.tools.loop import EarlyStopping, Run, follow, warm_stable_decay
from training.tools.losses import info_nce
from training.tools.settings import checked

TRUNK = "dlib_resnet"
"""Weight the trunk comes from."""


@dataclass(frozen=True)
class Settings:
    """Of one run.

    Attributes:
        steps: at most; batch: families, one kin pair each.
        lr, weight_decay: AdamW.  temperature: of InfoNCE.  average: decay of the weight average.
        check: steps between trials on held-out families; patience: trials without improvement.
        views: stored views of every face.
        noise: deviation of Gaussian noise on the features, each face's normalised to deviation 1: against learning the
            families by heart.
    """

    steps: int = 1600
    batch: int = 128
    lr: float = 3e-4
    weight_decay: float = 0.05
    temperature: float = 0.08
    average: float = 0.998
    check: int = 40
    patience: int = 10
    views: int = 4
    noise: float = 0.5


class KinDraw:
    """Draws batches of kin pairs, one a family, as rows of the feature table."""

    def __init__(self, names: tuple[str, ...], pairs: list[Kin]) -> None:
        self.images = by_identity(names)
        self.row = {name: i for i, name in enumerate(names)}
        self.families: dict[str, list[Kin]] = {}
        for pair in pairs:
            if apart(self.images, pair):
                self.families.setdefault(family_of(pair.a), []).append(pair)

    def __call__(self, size: int, draw: random.Random) -> tuple[list[int], list[int]]:
        """Rows of the first and of the second members of `size` pairs (fewer when there are fewer families)."""
        families = draw.sample(list(self.families), min(size, len(self.families)))
        chosen = [draw.choice(self.families[f]) for f in families]
        named = [draw.choice(apart(self.images, pair)) for pair in chosen]
        return [self.row[a] for a, _ in named], [self.row[b] for _, b in named]


def rows_of(pairs: list[Pair], names: tuple[str, ...]) -> np.ndarray:
    """(P, 2) row numbers of the images of each pair."""
    row = {name: i for i, name in enumerate(names)}
    return np.array([(row[p.a], row[p.b]) for p in pairs])


def pair_cosines(head: nn.Module, features: Tensor, rows: np.ndarray) -> np.ndarray:
    """(P,) cosines of the pairs (P, 2) of rows."""
    with torch.inference_mode():
        code = head(features)
    return (code[rows[:, 0]] * code[rows[:, 1]]).sum(1).numpy()


def held_out_cosines(model: DlibKin, crops: Crops, held: list[Pair]) -> np.ndarray:
    """(P,) cosines of held-out pairs by the whole model, as it will be shipped."""
    codes = encode_crops(model, crops, unique_images(held))
    return np.array([float(codes[p.a] @ codes[p.b]) for p in held])


def train(
    run: Run, head: nn.Module, table: ViewFeatures, sample: KinDraw, held: list[Pair], how: Settings
) -> nn.Module:
    """The loop; returns the averaged head that was best on the held-out pairs."""
    values = torch.from_numpy(table.values)  # (views, N, 256)
    rows, same = rows_of(held, table.names), np.array([p.same for p in held])
    average = copy.deepcopy(head).requires_grad_(False)
    best = copy.deepcopy(average)
    optimizer = torch.optim.AdamW(head.parameters(), lr=how.lr, weight_decay=how.weight_decay)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: warm_stable_decay(s, how.steps, 100))
    stop, draw = EarlyStopping(how.patience), random.Random(run.seed)
    objects: dict[str, Any] = {
        "head": head,
        "average": average,
        "best": best,
        "optimizer": optimizer,
        "rate": rate,
        "stop": stop,
    }
    for step in run.steps(0, how.steps, objects, dataclasses.asdict(how)):
        sides = sample(how.batch, draw)
        both = torch.tensor([*sides[0], *sides[1]])
        x = F.layer_norm(values[torch.randint(len(values), (len(both),)), both], values.shape[2:])
        code = head(x + how.noise * torch.randn_like(x))
        loss = info_nce(code[: len(sides[0])], code[len(sides[0]) :], how.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        follow(average, head, min(how.average, (step + 1) / (step + 10)))
        if (step + 1) % how.check == 0:
            value = auc(pair_cosines(average, values[0], rows), same)
            run.log(step, loss=loss.item(), held_out_auc=value)
            if stop.better(value):
                best.load_state_dict(average.state_dict())
            if stop.exhausted:
                break
    run.draw_curve()
    return best


def data_facts(root: Path, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The sidecar's rows: all training faces, and the held-out families."""
    return [data_row(TRAINED_ON, root / "fiw" / "train", names), held_out_row(map(family_of, names))]


def finish(model: DlibKin, cosine: np.ndarray, held: list[Pair], facts: dict[str, Any]) -> Path:
    """Calibrate on held-out pairs, export, rewrite the cards."""
    same = np.array([p.same for p in held])
    families = [family_of(p.a) for p in held]
    low, high = bootstrap_ci(lambda r: auc(cosine[r], same[r]), families)
    calibration = calibrate_cosine(
        model.logit,
        cosine,
        same,
        f"image pairs of {len(set(families))} held-out FIW training families, non-kin pairs of the same relations",
    )
    notes = [
        "The encoder is the public-domain reference encoder, frozen; only the heads were trained.",
        f"Held-out training families: AUC {auc(cosine, same):.4f} (95 % {low:.4f} to {high:.4f}, bootstrap over "
        "families); they also chose the stopping point, so this is slightly flattering.",
    ]
    path = export(model, "dlib_kin", Facts(RESEARCH, calibration=calibration, notes=notes, **facts), half=True)
    write_cards(SHIPPED)
    return path


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/kinship_head"), help="log, learning curve, model.safetensors"
    )
    parser.add_argument("--seed", type=int, default=0, help="head k is trained with seed + k")
    parser.add_argument("--no-export", action="store_true", help="leave weights/ as it is")
    args = checked(parser.parse_args())
    root, how = data_root(args.data), Settings()
    torch.manual_seed(args.seed)  # the heads' first weights
    model = create_pair("dlib_kin")
    assert isinstance(model, DlibKin)
    encoder = load_pair(TRUNK, "cpu")
    assert isinstance(encoder, DlibResnet)
    model.trunk.load_state_dict(encoder.trunk.state_dict())
    crops = fiw_crops(root, "train", model.spec)
    table = view_features(model.trunk.eval(), crops, how.views, "fiw_train")
    pairs, held_pairs = split(fiw_train_pairs(root))
    held = held_out_list(table.names, held_pairs)
    print(f"{len(pairs)} kin pairs to train on, {len(held)} image pairs of held-out families")
    for k, head in enumerate(model.heads):
        run = Run(args.out / f"head{k}", Accelerator(cpu=True), args.seed + k)
        best = train(run, head, table, KinDraw(table.names, pairs), held, how)
        head.load_state_dict(best.state_dict())
    cosine = held_out_cosines(model.eval(), crops, held)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, args.out / "model.safetensors")
    print(f"held-out families: AUC {auc(cosine, np.array([p.same for p in held])):.4f}")
    if not args.no_export:
        facts = {"data": data_facts(root, table.names), "seed": args.seed}
        print(f"wrote {finish(model, cosine, held, facts)}")


if __name__ == "__main__":
    main()
