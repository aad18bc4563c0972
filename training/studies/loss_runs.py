"""Short trainings that differ in their loss alone (training/studies/losses.py).

    aligned face -> the reference encoder up to stage 3, frozen          128 x 8 x 8, training/data/stage_maps.py
                 -> stage 4 of an IR-18 of width 32, BN, FC, BN: fresh   an embedding of 128

Each run sees the same faces, plain or mirrored, in an order of its seed: FIW train members without the held-out
families, and CelebA identities. AdamW, loop.warm_stable_decay, bf16, a fixed number of epochs: nothing is selected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import load_pair
from models.nets.dlib_resnet import DlibResnet
from models.nets.ir_resnet import IRConfig, make_layer
from training.data.crops import Crops
from training.data.holdout import is_held_out
from training.data.sets import celeba_crops, family_of, fiw_crops, identity_of
from training.data.stage_maps import VIEWS, stage_maps
from training.evaluate.metrics import auc
from training.tools.calibration import identity_pairs
from training.tools.heads import head_for
from training.tools.loop import set_rate, warm_stable_decay
from training.tools.losses import frontness, symmetry
from training.tools.resume import Batches, IdentityBatches, generator_of


@dataclass(frozen=True)
class Loss:
    """A head of training/tools/heads.py.

    Attributes:
        sample_rate: of Partial FC.  symface: weight of SymFace's term on the halves of the faces.
    """

    head: str
    sample_rate: float = 1.0
    symface: float = 0.0


LOSSES = {
    "softmax": Loss("softmax"),
    "triplet": Loss("triplet"),
    "ArcFace": Loss("arcface"),
    "CosFace": Loss("cosface"),
    "AdaFace": Loss("adaface"),
    "ArcFace + SymFace": Loss("arcface", symface=1.0),
    "Partial FC 10 %": Loss("arcface", sample_rate=0.1),
}


@dataclass(frozen=True)
class Schedule:
    """Of every run alike.

    Attributes:
        warmup: steps.  decay: last part of the run.
    """

    epochs: int = 4
    batch: int = 64
    lr: float = 1e-3
    warmup: int = 100
    decay: float = 0.5
    weight_decay: float = 0.05


class Upper(nn.Module):
    """(B, 128, 8, 8) -> (B, dim), not normalised."""

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        config = IRConfig(width=32, dim=dim)
        self.layer4 = make_layer(config, 4)
        self.bn = nn.BatchNorm2d(8 * config.width)
        self.fc = nn.Linear(8 * config.width * 4 * 4, dim)
        self.features = nn.BatchNorm1d(dim)

    def forward(self, maps: Tensor) -> Tensor:
        embedding: Tensor = self.features(self.fc(self.bn(self.layer4(maps)).flatten(1)))
        return embedding


def as_input(maps: np.ndarray) -> Tensor:
    """(B, 8, 8, 128) float16 -> (B, 128, 8, 8) float32, channels last in memory."""
    return torch.from_numpy(maps).float().permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Faces:
    """What is learnt from.

    Attributes:
        plain, mirrored, left, right: (N, 8, 8, 128) float16 maps of the views.
        labels: (N,) identities from 0.
        keypoints: (N, 5, 2) of the plain view.
    """

    plain: np.ndarray
    mirrored: np.ndarray
    left: np.ndarray
    right: np.ndarray
    labels: Tensor
    keypoints: Tensor

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    def seen(self, rows: np.ndarray, mirror: np.ndarray) -> Tensor:
        """The maps of these rows, of the mirror image where `mirror` says so."""
        return as_input(np.where(mirror[:, None, None, None], self.mirrored[rows], self.plain[rows]))


@dataclass(frozen=True)
class HeldOut:
    """Faces of families that no run sees: maps (N, 8, 8, 128), and pairs of the same person or of two people."""

    maps: np.ndarray
    pairs: np.ndarray
    same: np.ndarray

    def auc(self, network: nn.Module) -> float:
        unit = codes(network, self.maps)
        return auc((unit[self.pairs[:, 0]] * unit[self.pairs[:, 1]]).sum(1).double().numpy(), self.same)


def trunk() -> DlibResnet:
    """The reference encoder, whose first stages are the same in every run."""
    model = load_pair("dlib_resnet", "cpu")
    assert isinstance(model, DlibResnet)
    return model


def faces(root: Path, model: DlibResnet) -> tuple[Faces, HeldOut]:
    """Everything a run needs of FIW train and CelebA."""
    sets = fiw_crops(root, "train", model.spec), celeba_crops(root, model.spec)
    names = [name for crops in sets for name in crops.names]
    out = np.array([is_held_out(family_of(n)) for n in sets[0].names] + [False] * len(sets[1]))
    number = {
        who: i for i, who in enumerate(sorted({identity_of(n) for n, o in zip(names, out, strict=True) if not o}))
    }
    plain, mirrored, left, right = (_view(model, sets, view, ~out) for view in VIEWS)
    labels = torch.tensor([number[identity_of(n)] for n, o in zip(names, out, strict=True) if not o])
    keypoints = torch.from_numpy(np.concatenate([crops.keypoints for crops in sets])[~out])
    held = sets[0].only(out[: len(sets[0])])
    pairs, same = identity_pairs(held.names)
    return Faces(plain, mirrored, left, right, labels, keypoints), HeldOut(
        _view(model, sets, "plain", out), pairs, same
    )


def _view(model: DlibResnet, sets: tuple[Crops, ...], view: str, kept: np.ndarray) -> np.ndarray:
    keys = ("fiw_train", "celeba")
    return np.concatenate([stage_maps(model.trunk, c, view, k) for c, k in zip(sets, keys, strict=True)])[kept]


@torch.inference_mode()
def codes(network: nn.Module, maps: np.ndarray, size: int = 256) -> Tensor:
    """(N, 8, 8, 128) -> (N, dim) of length 1, by a network in evaluation mode, in float32."""
    network.eval()
    parts = [network(as_input(maps[i : i + size])) for i in range(0, len(maps), size)]
    network.train()
    return F.normalize(torch.cat(parts), dim=1)


def _told(line: str) -> None:
    print(line, flush=True)


def train(
    loss: Loss, faces: Faces, held: HeldOut, how: Schedule, seed: int, say: Callable[[str], None] = _told
) -> tuple[nn.Module, list[float]]:
    """The network, and after every epoch the held-out AUC (to be looked at, not to select)."""
    torch.manual_seed(seed)
    network = Upper().to(memory_format=torch.channels_last)
    head = head_for(loss.head, 128, faces.classes, loss.sample_rate, seed)
    optimizers = [torch.optim.AdamW(network.parameters(), lr=how.lr, weight_decay=how.weight_decay)]
    if weights := list(head.parameters()):
        optimizers.append(torch.optim.AdamW(weights, lr=how.lr, weight_decay=0.0))
    order = batches_of(loss, faces, how, seed)
    total, curve = how.epochs * order.per_epoch, list[float]()
    for step in range(total):
        set_rate(how.lr * warm_stable_decay(step, total, how.warmup, how.decay), *optimizers)
        value = _loss(network, head, loss, faces, order.rows(step), step, seed)
        for optimizer in optimizers:
            optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if (step + 1) % order.per_epoch == 0:
            curve.append(held.auc(network))
            say(f"epoch {len(curve)} of {how.epochs}: loss {value.item():.3f}, held-out AUC {curve[-1]:.4f}")
    return network, curve


def batches_of(loss: Loss, faces: Faces, how: Schedule, seed: int) -> Batches | IdentityBatches:
    """Faces in any order; four of each person where the loss compares the faces of a batch."""
    if loss.head == "triplet":
        return IdentityBatches(faces.labels.tolist(), how.batch, seed)
    return Batches(len(faces.labels), how.batch, seed)


def _loss(
    network: nn.Module, head: nn.Module, loss: Loss, faces: Faces, rows: np.ndarray, step: int, seed: int
) -> Tensor:
    mirror = torch.rand(len(rows), generator=generator_of(seed, step)).numpy() < 0.5
    shown = [faces.seen(rows, mirror)]
    if loss.symface:
        shown += [as_input(view[rows]) for view in (faces.left, faces.right)]
    with torch.autocast("cpu", torch.bfloat16):
        output = network(torch.cat(shown))
    embedding, *of_halves = output.float().split(len(rows))
    value: Tensor = head(embedding, faces.labels[rows], step)
    if of_halves:
        rho = frontness(faces.keypoints[rows])
        value = value + loss.symface * symmetry(of_halves[0], of_halves[1], rho)
    return value
