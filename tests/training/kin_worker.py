"""A few real kinship training steps of a tiny network on noise, for the tests; also started under torchrun.

    python -m tests.training.kin_worker FOLDER STEPS

Afterwards FOLDER/codes.npy holds the trained embedding of the first faces.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.nets.dlib_kin import DlibKin, DlibKinConfig
from models.nets.facor import FaCoR, FaCoRConfig
from models.nets.ir_resnet import IRConfig, IRResNet
from models.nets.svit import Svit, SvitConfig
from models.pair import PairModel
from training.data.augment import Augment
from training.data.crops import Crops
from training.data.kin_batches import KinBatches, held_out_list
from training.data.sets import Kin
from training.kinship import Lesson, Settings, fit
from training.tools.kin_objectives import Weights, objective_for
from training.tools.loop import Run, make_accelerator

STILL = Augment(0, 1, 0, 0, 0, 0, 0, 0, 0)
TINY = SvitConfig(64, (1, 1, 1, 1), (8, 16, 20, 32), (1, 2, 5, 4), embed_dim=12)
MODELS = {
    "svit": lambda: Svit(TINY),
    "facor": lambda: FaCoR(FaCoRConfig(18, 4, reduction=4)),
    "siamese_ir": lambda: IRResNet(IRConfig(18, 4, dim=16)),
    "dlib_kin": lambda: DlibKin(DlibKinConfig(1, 32, 16)),
}
"""Tiny networks of every recipe."""


def tiny(name: str) -> PairModel:
    torch.manual_seed(0)
    model = MODELS[name]()
    model.name = name
    return model


def lesson(model: PairModel, families: int = 8, images: int = 1, target: int = 0) -> Lesson:
    """Families of noise, two members each; nothing in the pixels says who is kin."""
    names = tuple(f"F{f:04d}/MID{m}/P{m}{i}_face0.jpg" for f in range(families) for m in (1, 2) for i in range(images))
    rng, size = np.random.default_rng(0), model.spec.size
    image = rng.integers(0, 256, (len(names), size, size, 3), dtype=np.uint8)
    keypoints = rng.random((len(names), 5, 2)).astype(np.float32)
    crops = Crops(names, image, keypoints, np.ones(len(names), bool))
    pairs = [Kin(f"F{f:04d}/MID1", f"F{f:04d}/MID2", "fs" if f % 2 else "md") for f in range(families)]
    vectors = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(len(names), target))).float(), dim=1)
    batches = KinBatches(names, pairs, families, 2, 0)
    return Lesson(crops, batches, held_out_list(names, pairs), vectors if target else None)


def train(folder: Path, name: str, how: Settings, augment: Augment = STILL, target: int = 0) -> tuple[PairModel, float]:
    """Train from scratch -> the network and its best AUC on the very pairs it learnt."""
    model = tiny(name)
    objective = objective_for(model, how.weights)
    run = Run(folder, make_accelerator("no"), how.seed)
    best = fit(objective, lesson(model, target=target), how, augment, run, {"model": name}, started=False)
    return model, best


def steps(folder: Path, count: int) -> Tensor:
    """`count` steps of tiny S-ViT with augmentation and a teacher -> embeddings of the first faces."""
    how = Settings(
        steps=count, pairs=8, groups=2, lr=1e-3, warmup=1, check=100, decay=0.1, weights=Weights(teacher=1.0, noise=0.5)
    )
    model, _ = train(folder, "svit", how, Augment(), target=6)
    faces = lesson(model).crops.batch(range(6))
    with torch.no_grad():
        return model.eval().embedding(model.encode(faces.image, faces.keypoints))


if __name__ == "__main__":
    out = Path(sys.argv[1])
    np.save(out / "codes.npy", steps(out, int(sys.argv[2])).numpy())
