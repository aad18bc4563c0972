"""Digits under affine transforms beyond those of training: absolute positions, iRPE and KP-RPE trained alike.

    python -m training.studies.digits [--seeds 12] [--epochs 75] [--json FILE]

A CPU-sized version of the MNIST -> AffNIST experiment of Kim et al., "KeyPoint Relative Position Encoding for Face
Recognition", CVPR 2024 (published: plain ViT 77.27 %, KP-RPE 98.1 %). Differences: scikit-learn's 1,797 digits of 8x8
pixels in place of MNIST, brought to 16 px on a canvas of 28 px; a small ViT; about two CPU minutes a seed.

    training    the digit at a random place, turned by up to 20/3 degrees, sheared by up to 0.2/3, each axis scaled by
                1 +- 0.2/3: as an aligned face is never exactly upright, and "near" in the tests
    test        held-out digits at a random place in AffNIST's own ranges, three times as wide (80 of 81 draws lie
                beyond what was trained), drawn once for all networks of a seed; "far" is twice those ranges
    keypoints   the four corners and the centre of the digit's box, moved by the same transform (five, as of a face)
    control     KP-RPE once more with keypoints that follow the shift alone, as of an upright digit: the same images and
                weights. What is lost is what knowing the turn, shear and scale brings, beyond knowing the place

Position offsets start at zero and learn ten times as fast as all else: in so few steps AdamW would not take them far.
A seed draws the split, the first weights, the batches and the test transforms; all three networks of a seed share them,
first weights included (both relative encodings start at zero). Intervals are Student's t over seeds, and those of the
differences pair the seeds. The classifier is the network's own head with ten outputs.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.commands import check_file, command
from models.nets.vit_kprpe import POSITIONS, ViT, VitConfig
from training.evaluate.metrics import fold_ci
from training.tools.loop import is_offset, parameter_groups
from training.tools.settings import checked

PUBLISHED = {"abs": 0.7727, "kprpe": 0.981}
"""Accuracy on AffNIST in the paper."""
BOX = ((-1.0, -1.0), (1.0, -1.0), (0.0, 0.0), (-1.0, 1.0), (1.0, 1.0))
"""The five keypoints (x, y) in the digit's own frame, ordered as those of a face: two above, middle, two below."""
TRAINED = "near"
REACH = {TRAINED: 1 / 3, "affine": 1.0, "far": 2.0}
"""How many times AffNIST's ranges the transforms reach."""
TEST_SETS = ("still", "shifted", *REACH)
CONTROL = "affine, keypoints of the shift alone"
TEST_DRAWS = 4
"""Transforms of every test digit."""


@dataclass(frozen=True)
class Recipe:
    """The experiment's settings, the same for every network.

    Attributes:
        canvas, digit: sides of the image and of the upright digit's box in pixels.
        patch, dim, depth, heads, mlp_ratio: of the ViT.
        test: digits held out.
        offsets: learning rate of position offsets, in those of all else.
    """

    canvas: int = 28
    digit: int = 16
    patch: int = 4
    dim: int = 32
    depth: int = 3
    heads: int = 4
    mlp_ratio: float = 2
    test: int = 500
    epochs: int = 75
    batch: int = 96
    lr: float = 4e-3
    offsets: float = 10.0
    weight_decay: float = 0.05

    def network(self, position: str) -> ViT:
        """An untrained classifier: the embedding's ten values are the logits."""
        shape = {"dim": self.dim, "depth": self.depth, "heads": self.heads, "mlp_ratio": self.mlp_ratio}
        return ViT(VitConfig(position, self.canvas, self.patch, embed_dim=10, feature_taps=1, **shape))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Digits:
    """Images (N, 1, 8, 8) in [0, 1] and labels (N,)."""

    image: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: Tensor) -> Digits:
        return Digits(self.image[rows], self.label[rows])


def load() -> Digits:
    """The test part of UCI's handwritten digits as scikit-learn ships it: 1,797 images."""
    from sklearn.datasets import load_digits

    data = load_digits()
    image = torch.from_numpy(data.images).float()[:, None] / 16
    return Digits(image, torch.from_numpy(data.target))


def uniform(low: float, high: float, n: int, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def draw_transforms(kind: str, n: int, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """(n, 2, 3) transforms from the digit's frame (box [-1, 1]^2) to the canvas ([-1, 1]^2), one of TEST_SETS.

    The digit's box stays inside the canvas; where the box has become too large for it, it is centred.
    """
    linear = torch.eye(2).repeat(n, 1, 1)
    if kind in REACH:
        degrees, share = 20 * REACH[kind], 0.2 * REACH[kind]
        angle = torch.deg2rad(uniform(-degrees, degrees, n, generator))
        cos, sin = angle.cos(), angle.sin()
        for axis in range(2):
            linear[:, axis, axis] = uniform(1 - share, 1 + share, n, generator)
        linear[:, 0, 1] = uniform(-share, share, n, generator)
        linear = torch.stack([cos, -sin, sin, cos], 1).view(n, 2, 2) @ linear
    linear = linear * recipe.digit / recipe.canvas
    room = (1 - linear.abs().sum(2)).clamp(min=0) * (kind != "still")  # half extents of the box beside the canvas
    shift = (2 * torch.rand(n, 2, generator=generator) - 1) * room
    return torch.cat([linear, shift[:, :, None]], 2)


def place(image: Tensor, transform: Tensor, canvas: int) -> tuple[Tensor, Tensor]:
    """Digits (B, 1, 8, 8) on a black canvas -> images (B, 3, canvas, canvas), keypoints (B, 5, 2) in [0, 1]."""
    linear, shift = transform[:, :, :2], transform[:, :, 2:]
    inverse = torch.linalg.inv(linear)
    grid = F.affine_grid(torch.cat([inverse, -inverse @ shift], 2), [len(image), 1, canvas, canvas], False)
    placed = F.grid_sample(image, grid, align_corners=False)  # bilinear, once
    return placed.expand(-1, 3, -1, -1), box_points(transform)


def box_points(transform: Tensor) -> Tensor:
    """Where a transform takes BOX: (B, 5, 2) in [0, 1] of the canvas."""
    return (torch.tensor(BOX) @ transform[:, :, :2].mT + transform[:, :, 2:].mT + 1) / 2


def upright(transform: Tensor, recipe: Recipe) -> Tensor:
    """The same shifts without turn, shear or scale."""
    linear = (torch.eye(2) * recipe.digit / recipe.canvas).expand(len(transform), 2, 2)
    return torch.cat([linear, transform[:, :, 2:]], 2)


def train(net: ViT, digits: Digits, recipe: Recipe, seed: int) -> None:
    """AdamW, one cycle, cross-entropy; digits are placed anew every time."""
    generator = torch.Generator().manual_seed(seed)
    groups = parameter_groups(net, recipe.weight_decay, is_offset, recipe.offsets)
    optimiser = torch.optim.AdamW(groups, lr=recipe.lr)
    steps = recipe.epochs * (len(digits) // recipe.batch)
    rates = [recipe.lr * group["lr_scale"] for group in groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, steps, pct_start=0.15)
    net.train()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(digits), generator=generator)
        for rows in order[: len(digits) // recipe.batch * recipe.batch].split(recipe.batch):
            batch = digits[rows]
            transform = draw_transforms(TRAINED, len(batch), recipe, generator)
            loss = F.cross_entropy(net(*place(batch.image, transform, recipe.canvas)), batch.label)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    net.eval()


@torch.no_grad()
def accuracy(net: ViT, digits: Digits, kind: str, recipe: Recipe, seed: int, *, follow: bool = True) -> float:
    """Share of right answers over TEST_DRAWS transforms of every digit.

    Args:
        follow: False gives the network keypoints that follow the shift alone.
    """
    generator, right = torch.Generator().manual_seed(seed), 0
    for _ in range(TEST_DRAWS):
        transform = draw_transforms(kind, len(digits), recipe, generator)
        image, keypoints = place(digits.image, transform, recipe.canvas)
        logits = net(image, keypoints if follow else box_points(upright(transform, recipe)))
        right += int((logits.argmax(1) == digits.label).sum())
    return right / (TEST_DRAWS * len(digits))


def run(position: str, digits: Digits, recipe: Recipe, seed: int) -> dict[str, float]:
    """Train one network -> accuracy on each of TEST_SETS, and of KP-RPE also on CONTROL."""
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    net = recipe.network(position)
    train(net, digits[order[recipe.test :]], recipe, seed)
    held_out = digits[order[: recipe.test]]
    figures = {kind: accuracy(net, held_out, kind, recipe, seed) for kind in TEST_SETS}
    if position == "kprpe":
        figures[CONTROL] = accuracy(net, held_out, "affine", recipe, seed, follow=False)
    return figures


def interval(values: list[float], floor: float) -> dict[str, object]:
    """Mean and 95 % interval over seeds, within [floor, 1]: no share of right answers lies outside [0, 1]."""
    low, high = np.clip(fold_ci(np.array(values)), floor, 1).tolist()
    return {"mean": float(np.mean(values)), "ci95": [low, high], "per_seed": values}


def tabulate(results: dict[str, list[dict[str, float]]], recipe: Recipe) -> dict[str, object]:
    """Position -> accuracies of each seed, as the JSON that is written."""
    rows: list[dict[str, object]] = []
    for position, runs in results.items():
        figures = {kind: interval([r[kind] for r in runs], 0) for kind in runs[0]}
        rows.append({"position": position, **figures, "published": PUBLISHED.get(position)})
    gaps: list[dict[str, object]] = []
    for better, worse in (("irpe", "abs"), ("kprpe", "irpe"), ("kprpe", "abs")):
        pairs = list(zip(results[better], results[worse], strict=True))
        gaps.append(
            {"better": better, "worse": worse, **{k: interval([b[k] - w[k] for b, w in pairs], -1) for k in REACH}}
        )
    control = [run["affine"] - run[CONTROL] for run in results["kprpe"]]
    gaps.append({"better": "kprpe", "worse": f"kprpe, {CONTROL}", "affine": interval(control, -1)})
    return {
        "experiment": "scikit-learn digits, trained on small affine transforms, tested on larger ones",
        "published_experiment": "MNIST -> AffNIST, Kim et al. 2024",
        "interval": "Student's t over seeds",
        "recipe": asdict(recipe),
        "torch": torch.__version__,
        "rows": rows,
        "gaps": gaps,
    }


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12, help="at least 2: there is no interval without")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--jobs", type=int, default=2, help="networks trained at a time, one thread each")
    parser.add_argument("--json", type=Path, default=None)
    args = checked(parser.parse_args())
    check_file(args.json, "--json")
    if args.seeds < 2:
        parser.error("an interval needs at least two seeds")
    digits, recipe = load(), Recipe(epochs=args.epochs)
    results: dict[str, list[dict[str, float]]] = {position: [] for position in POSITIONS}
    with ProcessPoolExecutor(args.jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        tasks = [
            (seed, position, pool.submit(run, position, digits, recipe, seed))
            for seed in range(args.seeds)
            for position in POSITIONS
        ]
        for seed, position, task in tasks:
            results[position].append(task.result())
            figures = "  ".join(f"{kind} {value:.4f}" for kind, value in results[position][-1].items())
            print(f"seed {seed}  {position:<6}{figures}", flush=True)
    table = tabulate(results, recipe)
    print(json.dumps({"rows": table["rows"], "gaps": table["gaps"]}, indent=1))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
