"""Train the expression network on FER+: ten people's votes a face.

    python -m training.expression [--data DIR] [--seed 0]                       # EdgeFace trunk from weights/edgeface
    python -m training.expression --config '{"trunk": "ir18"}' --init runs/ir18_none/model.safetensors --out runs/ir
    python -m training.expression --model expression.paper --init none          # VGG13 as published
    accelerate launch -m training.expression ...                                # several GPUs or nodes

Cross-entropy with the whole distribution of votes (Barsoum et al. 2016, the form that uses every vote), on all training
faces whose leading vote is for an expression. With the config's `single`, a second head learns FER2013's own labels of
the same faces. Options of the comparison (training/studies/expression_arms.py): --smooth (label distributions averaged
with those of faces that look alike in landmark space, LA-Net), --patches (masked patches, Latent-OFER).

Faces are shifted by 8 %, scaled by up to 1.1, turned by up to 20 degrees, mirrored; light, and sometimes a rectangle
erased. AdamW, gradient norm 1, loop.warm_stable_decay, bf16. After every epoch the accuracy on the majority of FER+'s
validation part selects the weights kept in <out>/model.safetensors; the temperatures of the shares and of the majority
are fitted there too, and the network is exported as weights/<model>. FER+'s test part is never read here. The run
continues by itself when the command is given again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import PartialState
from timm.optim import param_groups_weight_decay
from torch import Tensor, nn

from models.commands import command
from models.nets.expression import Expression, GraphHead
from models.weights import file_sha256, tensors_in
from training.data.augment import Augment, augmented, draw
from training.data.ferplus import Voted, ferplus_crops, read_fer2013, read_votes, single_labels
from training.data.sets import data_root
from training.tools import epochs
from training.tools.epochs import Step
from training.tools.expression_export import ship
from training.tools.expression_start import begin
from training.tools.loop import Run, make_accelerator, report
from training.tools.resume import Batches
from training.tools.settings import add_export, add_settings, checked, chosen, json_object, network_of
from training.tools.voted_faces import LABELS, VotedFaces, draw_patches, labels_of, majority_accuracy, patched, smoothed

AUGMENT = Augment(shift=0.08, scale=1.1, degrees=20.0, brightness=0.3, contrast=0.3, grey=0.0, erase=0.25)


@dataclass(frozen=True)
class Settings:
    """Of the optimisation.

    Attributes:
        epochs: passes over the faces.  batch: over all processes.  warmup: steps.  decay: last part of the run.
        head_rate: the head learns so many times as fast as the trunk.
        single_loss: weight of FER2013's labels, where the config has the head for them.
        labels: what a step's targets are (tools/voted_faces.labels_of).
        limit: so many of the faces, drawn by the seed; 0 for all.
        smooth: share of the label that comes from neighbours in landmark space.
        patches: share of the faces whose places are hidden, patch by patch.
        patience: epochs.
    """

    epochs: int = 6
    batch: int = 64
    lr: float = 4e-4
    warmup: int = 200
    decay: float = 0.6
    weight_decay: float = 0.05
    head_rate: float = 5.0
    single_loss: float = 0.3
    labels: str = "votes"
    limit: int = 0
    smooth: float = 0.0
    patches: float = 0.0
    patience: int = 4
    seed: int = 0

    def facts(self) -> dict[str, Any]:
        """What a resumed run must share."""
        free = ("epochs", "decay", "patience", *(k for k, v in ADDED.items() if getattr(self, k) == v))
        return {k: v for k, v in asdict(self).items() if k not in free}


ADDED = {"labels": "votes", "limit": 0}
"""Settings that earlier runs do not have, with the values they had: a run goes on where it stopped."""


class Learner(nn.Module):
    """The network on faces that are already at its trunk's size."""

    model: Expression

    def __init__(self, model: Expression) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, 3, size, size) -> (B, 8) logits, and those of FER2013's labels where there is a head for them."""
        code = self.model.trunk(image)
        return self.model.classify(code), self.model.single_label(code) if self.model.config.single else None


def fit(
    model: Expression, train: VotedFaces, held: VotedFaces, how: Settings, run: Run, facts: dict[str, Any]
) -> float:
    """Train; the best accuracy on the majority of the held-out part."""
    device = run.accelerator.device
    learner = Learner(model).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(groups(learner, how), lr=how.lr)
    network, optimizer = run.accelerator.prepare(learner, optimizer)

    def loss(step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        draws = draw(AUGMENT, how.batch, step.generator)
        hidden = draw_patches(how.batch, how.patches, step.generator)
        faces = augmented(train.crops.batch(step.own, device), draws[step.mine], model.trunk.size)
        image = patched(faces.image, hidden[step.mine])
        logits, single = network(image.contiguous(memory_format=torch.channels_last))
        # drawn for the whole batch, so that several processes draw alike
        targets = labels_of(train.shares[step.rows], how.labels, step.generator)[step.mine]
        votes = F.cross_entropy(logits, targets.to(device))
        if single is None:
            return votes, {"votes": votes}
        labels = F.cross_entropy(single, train.single[step.own].to(device), ignore_index=-1)
        return votes + how.single_loss * labels, {"votes": votes, "labels": labels}

    def trial() -> tuple[float, dict[str, float]]:
        found = majority_accuracy(model, held, device)
        return found["held_out_accuracy"], found

    objects = {"learner": learner, "optimizer": optimizer}
    batches = Batches(len(train.crops), how.batch, how.seed)
    return epochs.train(run, learner, network, [optimizer], how, batches, loss, trial, objects, facts)


def groups(learner: Learner, how: Settings) -> list[dict[str, Any]]:
    """Parameters for AdamW: no decay on norms and biases, a higher rate outside the trunk."""
    of_trunk = {id(p) for p in learner.model.trunk.parameters()}
    found = []
    for group in param_groups_weight_decay(learner, how.weight_decay):
        for inside in (True, False):
            own = [p for p in group["params"] if (id(p) in of_trunk) == inside]
            found += [{**group, "params": own, "lr_scale": 1.0 if inside else how.head_rate}] if own else []
    return found


def faces_of(root: Path, part: str, single: bool) -> VotedFaces:
    """A part of FER+ as the loop takes it."""
    voted: Voted = read_votes(root, part)
    crops = ferplus_crops(root, part, voted.names)
    labels = single_labels(crops, *read_fer2013(root, part)) if single else None
    return VotedFaces.of(crops, voted, labels)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="expression", help="registry name")
    parser.add_argument("--config", type=json_object, default={}, help="JSON overrides")
    parser.add_argument("--data", type=Path, default=None, help="data folder; else KINSIGHT_DATA, else ./data")
    parser.add_argument("--out", type=Path, default=None, help="default: runs/<model>")
    parser.add_argument("--init", default="weights/edgeface.safetensors", help="an encoder to start from, or none")
    parser.add_argument("--landmarks", type=Path, help="for --smooth: folder of face-api's networks; data/faceapi")
    add_export(parser)
    add_settings(parser, Settings(), labels=LABELS)
    return checked(parser.parse_args())


def learn(args: argparse.Namespace, root: Path, how: Settings, folder: Path) -> None:
    """Train as the command line says; the best weights lie in the folder."""
    accelerator = make_accelerator()
    torch.manual_seed(how.seed)
    model = network_of(Expression, args.model, args.config)
    with accelerator.main_process_first():  # caches are written once
        train, held = (faces_of(root, part, model.config.single) for part in ("train", "valid"))
    init = None if args.init == "none" else Path(args.init)
    facts = {"model": args.model, "config": json.dumps(args.config, sort_keys=True)}
    train = prepare(model, train, how, init, args.landmarks or root / "faceapi")
    facts["init"] = file_sha256(init) if init else ""
    fit(model, train, held, how, Run(folder, accelerator, how.seed), facts)


def prepare(model: Expression, train: VotedFaces, how: Settings, init: Path | None, landmarks: Path) -> VotedFaces:
    """Give the network its start, in place; the faces that a run sees, with their labels."""
    if how.limit:
        train = train.some(how.limit, how.seed)
    if how.smooth:
        train = smoothed(train, landmarks, how.smooth)
    if isinstance(model.head, GraphHead):
        model.head.relate(train.shares)
    if init:
        begin(model, tensors_in(init))
    return train


@command()
def main() -> None:
    args = parse()
    root, how = data_root(args.data), chosen(Settings(), args)
    folder = args.out or Path("runs") / args.model
    if not args.export_only:
        learn(args, root, how, folder)
    if PartialState().is_main_process:
        state = report(folder)
        if args.export:
            held, model = faces_of(root, "valid", False), network_of(Expression, args.model, args.config)
            former = Path(args.init) if (Path(args.init).parent / "model.json").exists() else None
            print(ship(model, args.config, state, held, root, how.seed, former))


if __name__ == "__main__":
    main()
