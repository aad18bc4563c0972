"""Make a trained ViT's head small before it is trained on: tokens keep a few channels, the answer is fitted anew.

    python -m training.narrow --weight vit_kprpe --token-dim 48 --teachers edgeface dlib_resnet
    python -m training.distill --model vit_kprpe --init runs/vit_kprpe_narrow/model.safetensors \\
        --config '{"token_dim": 48, "embed_dim": 640}' --teachers edgeface dlib_resnet

All tokens of a ViT are laid in a row, and the layer behind them holds two thirds of the weights of a small one
(models/nets/vit_kprpe.py). Its part W_p for the token at place p is replaced by W_p B A, where A reduces a token's
channels. Of all A and B those are taken which change the layer's output least on training faces, if tokens of all
places varied alike and apart from one another:

    S = R R covariance of a token about the mean of its place;  W_p R stacked over places = U s V^T
    A = V_k^T R^-1,  B = R V_k

The last layer then becomes the least-squares map onto the teachers' embedding (training/tools/teachers.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from models.commands import command
from models.errors import UserError
from models.nets.vit_kprpe import ViT, VitKprpe
from models.weights import file_sha256, find_weight, load_pair
from training.data.sets import data_root
from training.tools.lessons import Lesson, lessons
from training.tools.settings import add_teachers, checked
from training.tools.student import keep

FACES, BATCH = 2048, 64
FLOOR = 1e-6
"""Smallest variance of a direction, as a share of the largest: what never varies is not divided by."""


class NarrowError(UserError, ValueError):
    """The head cannot be made narrow as asked; the message says why."""


def reduction(weight: Tensor, tokens: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """The reduction of tokens that changes a layer over all of them least.

    Args:
        weight: (D, N * C), places first.  tokens: (n, N, C) of n faces.  keep: channels, at most C.

    Returns:
        (keep, C) for every token, (D, N * keep) for the reduced tokens in a row.
    """
    _, places, channels = tokens.shape
    own = (tokens - tokens.mean(0)).reshape(-1, channels).double()
    variance, axes = torch.linalg.eigh(own.T @ own / len(own))
    spread = variance.clamp_min(FLOOR * float(variance[-1])).sqrt()
    root, inverse = axes * spread @ axes.T, axes / spread @ axes.T
    at_place = weight.double().unflatten(1, (places, channels))  # (D, N, C)
    stacked = (at_place @ root).flatten(0, 1)
    _, directions = torch.linalg.eigh(stacked.T @ stacked)  # of the smallest to the largest singular value
    kept = directions[:, -keep:]  # (C, keep)
    return (kept.T @ inverse).to(weight), (at_place @ root @ kept).flatten(1).to(weight)


def least_squares(x: Tensor, y: Tensor, ridge: float = 1e-3) -> Tensor:
    """(n, C), (n, D) -> (D, C): A of the least |y - A x|^2 about the means, with a ridge in shares of x's variance."""
    a, b = (x - x.mean(0)).double(), (y - y.mean(0)).double()
    gram = a.T @ a
    gram += ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram, a.T @ b).T.to(x)


def normed(output: Tensor, mean: Tensor, eps: float) -> dict[str, Tensor]:
    """State of a batch norm that has seen `output` (n, D), keeps its scale and moves its mean to `mean` (D,)."""
    variance = output.var(0, unbiased=False)
    return {
        "weight": (variance + eps).sqrt(),
        "bias": mean.clone(),
        "running_mean": output.mean(0),
        "running_var": variance,
        "num_batches_tracked": torch.tensor(0),
    }


@torch.no_grad()
def narrow_head(net: ViT, tokens: Tensor, target: Tensor, token_dim: int) -> dict[str, Tensor]:
    """The new head of a trained network: names and tensors of `narrow` and `feature`.

    Args:
        net: in eval mode, whose tokens are not reduced yet.  tokens: (n, N, C) of n faces.  target: (n, embed_dim).

    Raises:
        NarrowError: token_dim is not below the channels, or tokens are reduced already.
    """
    wide, norm, _, last = net.feature
    assert isinstance(wide, nn.Linear) and isinstance(norm, nn.BatchNorm1d) and isinstance(last, nn.BatchNorm1d)
    if isinstance(net.narrow, nn.Linear):
        raise NarrowError(f"its tokens are reduced already, to {net.narrow.out_features} channels")
    if not 0 < token_dim < tokens.shape[2]:
        raise NarrowError(f"tokens of {tokens.shape[2]} channels cannot be reduced to {token_dim}")
    reduce, row = reduction(wide.weight, tokens, token_dim)
    before = torch.cat([part.flatten(1) @ wide.weight.T for part in tokens.split(BATCH)])
    after = torch.cat([(part @ reduce.T).flatten(1) @ row.T for part in tokens.split(BATCH)])
    moved = after - after.mean(0) + before.mean(0)
    features = norm(moved)  # as if the norm's mean had moved
    assert norm.running_mean is not None
    state = norm.state_dict() | {"running_mean": norm.running_mean + after.mean(0) - before.mean(0)}
    answer = least_squares(features, target)
    parts = {"1": state, "3": normed(features @ answer.T, target.mean(0), last.eps)}
    head = {f"feature.{i}.{name}": value for i, of in parts.items() for name, value in of.items()}
    return head | {"narrow.weight": reduce, "feature.0.weight": row, "feature.2.weight": answer}


@torch.inference_mode()
def tokens_of(net: ViT, lesson: Lesson, index: np.ndarray) -> Tensor:
    """(n, N, C) normalised tokens of the last block for those faces."""
    parts = []
    for start in tqdm(range(0, len(index), BATCH), desc="tokens", unit="batch"):
        faces = lesson.faces(index[start : start + BATCH])
        parts.append(net.tokens(faces.image, faces.keypoints))
    return torch.cat(parts)


def narrowed(model: VitKprpe, head: Mapping[str, Tensor], token_dim: int, embed_dim: int) -> VitKprpe:
    """The same network with that head."""
    new = VitKprpe(replace(model.config, token_dim=token_dim, embed_dim=embed_dim))
    new.load_state_dict(model.state_dict() | {f"net.{name}": value for name, value in head.items()})
    new.name = model.name
    return new.eval()


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weight", required=True, help="a trained ViT: name of a weight")
    parser.add_argument("--token-dim", type=int, default=48, help="channels that a token keeps")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--out", type=Path, help="default: runs/<weight>_narrow")
    add_teachers(parser)
    args = checked(parser.parse_args())
    model = load_pair(args.weight, "cpu")
    if not isinstance(model, VitKprpe):
        raise NarrowError(f"{args.weight} is no ViT whose tokens are laid in a row")
    lesson, _ = lessons(data_root(args.data), model.spec, args.teachers)
    index = np.sort(np.random.default_rng(0).choice(len(lesson), min(FACES, len(lesson)), replace=False))
    target = lesson.targets(index)
    head = narrow_head(model.net, tokens_of(model.net, lesson, index), target, args.token_dim)
    new = narrowed(model, head, args.token_dim, target.shape[1])
    folder = args.out or Path("runs") / f"{args.weight}_narrow"
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "weight": args.weight,
        "sha256": file_sha256(find_weight(args.weight)),
        "teachers": ", ".join(args.teachers),
    }
    keep(folder, new, facts)
    config = {k: v for k, v in asdict(new.config).items() if k in ("token_dim", "embed_dim")}
    print(f"{folder / 'model.safetensors'}, for config {config}")


if __name__ == "__main__":
    main()
