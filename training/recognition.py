"""Train one arm of the attention comparison: same person or not, masked or not. The arms differ by their gate alone.

    W=weights/edgeface.safetensors                                                    # where all arms start
    python -m training.recognition --model edgeface_none --init $W [--data DIR] [--seed 0]
    python -m training.recognition --model edgeface_cbam --init $W                    # gates added to it; also _se
    python -m training.recognition --model ir18_cbam.paper --sample-rate 0.1          # Partial FC over many identities
    python -m training.recognition --model ir18_none --head adaface --symface 0.1     # another loss, and SymFace's term
    accelerate launch -m training.recognition --model edgeface_none ...               # several GPUs or nodes

Faces: FIW train members without the held-out families, and CelebA identities; never LFW, MFR2 or FIW val. The student
sees augmented faces, --worn of them with something in front (training/data/worn_crops.py). It learns the teachers'
embedding of the clean face (losses.distillation) and, with weight --margin-loss, to tell the identities apart by --head
arcface, softmax, cosface, adaface or triplet (training/tools/heads.py). AdamW, gradient norm 1, loop.warm_stable_decay,
bf16. After every epoch the mean centred cosine to the teachers on faces of held-out families, clean and worn, selects
the weights kept in <out>/model.safetensors; they are then calibrated and exported as weights/<model>
(training/tools/verification_export.py). The run continues by itself when the command is given again.
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
from torch import Tensor

from models.commands import command
from models.faces.face import FaceBatch
from models.weights import file_sha256, tensors_in
from training.data.augment import Augment, augmented, draw
from training.data.halves import halves
from training.data.holdout import start_facts
from training.data.sets import data_root
from training.tools import epochs
from training.tools.epochs import Step
from training.tools.heads import HEADS, RAW, head_for
from training.tools.lessons import Faces, faces_of, lessons
from training.tools.loop import Run, gathered, make_accelerator, parameter_groups, report
from training.tools.losses import distillation, frontness, symmetry
from training.tools.resume import Batches, IdentityBatches, Stateful
from training.tools.settings import add_export, add_settings, add_teachers, checked, chosen, json_object, network
from training.tools.student import Student, held_out_cosine
from training.tools.verification_export import ship
from training.tools.warm_start import GATE, start_from


@dataclass(frozen=True)
class Settings:
    """Of the optimisation.

    Attributes:
        epochs: passes over the faces.  batch: over all processes.  warmup: steps.  decay: last part of the run.
        worn: share of the faces that wear something.
        head: what tells identities apart, of training/tools/heads.py.  margin_loss: its weight beside the distillation.
        sample_rate: of Partial FC.
        symface: weight of SymFace's term (losses.symmetry) on the halves of the faces (training/data/halves.py).
        gate_rate: gates learn so many times as fast as the trunk, which a run that starts from a trained one needs.
        patience: epochs.  channels_last: memory format.
    """

    epochs: int = 12
    batch: int = 128
    lr: float = 1.5e-3
    warmup: int = 100
    decay: float = 0.5
    weight_decay: float = 0.05
    worn: float = 0.35
    head: str = "arcface"
    margin_loss: float = 0.02
    sample_rate: float = 1.0
    symface: float = 0.0
    patience: int = 6
    gate_rate: float = 1.0
    seed: int = 0
    channels_last: bool = True

    def facts(self) -> dict[str, Any]:
        """What a resumed run must share."""
        free = ("epochs", "decay", "patience", "channels_last", *(k for k, v in ADDED.items() if getattr(self, k) == v))
        return {k: v for k, v in asdict(self).items() if k not in free}


ADDED = {"head": "arcface", "symface": 0.0, "gate_rate": 1.0}
"""Settings that earlier runs do not have, with the values they had: a run goes on where it stopped."""


def fit(
    student: Student, train: Faces, held: Faces, how: Settings, augment: Augment, run: Run, facts: dict[str, Any]
) -> float:
    """Train; the best held-out cosine (mean of clean and worn)."""
    device = run.accelerator.device
    layout = torch.channels_last if how.channels_last else torch.contiguous_format
    student.to(memory_format=layout)
    head = head_for(how.head, train.clean.target.shape[1], train.classes, how.sample_rate, how.seed).to(device)
    groups = parameter_groups(student, how.weight_decay, lambda name: GATE in name, how.gate_rate)
    optimizer = torch.optim.AdamW(groups, lr=how.lr)
    of_head = [torch.optim.AdamW(p, lr=how.lr, weight_decay=0.0)] if (p := list(head.parameters())) else []
    network, optimizer = run.accelerator.prepare(student, optimizer)
    mean, raw = train.clean.mean().to(device), how.head in RAW

    def loss(step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        wears = (torch.rand(how.batch, generator=step.generator) < how.worn).numpy()
        draws = draw(augment, how.batch, step.generator)
        faces = augmented(train.batch(step.own, wears[step.mine], device), draws[step.mine])
        shown = FaceBatch.cat([faces, *halves(faces)]) if how.symface else faces
        output = network(shown.image.contiguous(memory_format=layout), shown.keypoints, raw)
        embedding, *of_halves = output.split(len(faces))
        unit = F.normalize(embedding, dim=1) if raw else embedding
        learnt = distillation(gathered(unit), train.clean.targets(step.rows).to(mean), mean)
        labels = train.labels[torch.from_numpy(step.own)].to(device)
        margin = head(embedding if raw else embedding - mean, labels, step.number)
        terms = {"distillation": learnt, "margin": margin}
        if of_halves:
            left, right = map(gathered, of_halves)
            terms["symmetry"] = symmetry(left, right, frontness(gathered(faces.keypoints)))
            return learnt + how.margin_loss * margin + how.symface * terms["symmetry"], terms
        return learnt + how.margin_loss * margin, terms

    def trial() -> tuple[float, dict[str, float]]:
        clean, worn = (held_out_cosine(student, lesson, mean, how.batch) for lesson in (held.clean, held.worn))
        return (clean + worn) / 2, {"held_out_clean": clean, "held_out_worn": worn}

    objects = {"student": student, "optimizer": optimizer}
    own: dict[str, Stateful] = {"head": head, **dict(zip(["head_optimizer"], of_head, strict=False))}
    optimizers, batches = [optimizer, *of_head], batches_of(train, how)
    return epochs.train(run, student, network, optimizers, how, batches, loss, trial, objects, facts, own)


def batches_of(train: Faces, how: Settings) -> Batches | IdentityBatches:
    """Faces in any order; several of each person where the loss compares the faces of a batch."""
    if how.head == "triplet":
        return IdentityBatches(train.labels.tolist(), how.batch, how.seed)
    return Batches(len(train.clean), how.batch, how.seed)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="registry name")
    parser.add_argument("--config", type=json_object, default={}, help="JSON overrides")
    parser.add_argument("--data", type=Path, default=None, help="data folder; else KINSIGHT_DATA, else ./data")
    parser.add_argument("--out", type=Path, default=None, help="default: runs/<model>_recognition")
    add_export(parser)
    add_teachers(parser)
    parser.add_argument("--init", type=Path, default=None, help="weights to start from (.safetensors)")
    add_settings(parser, Settings(), head=HEADS)
    return checked(parser.parse_args())


def learn(args: argparse.Namespace, root: Path, how: Settings, folder: Path) -> None:
    """Train as the command line says; the best weights lie in the folder."""
    accelerator = make_accelerator()
    torch.manual_seed(how.seed)
    model = network(args.model, args.config)
    with accelerator.main_process_first():  # caches are written once
        train, held = lessons(root, model.spec, args.teachers)
        faces, held_faces = faces_of(train), faces_of(held)
    if args.init:
        start_from(model, tensors_in(args.init))
    student = Student(model, train.target.shape[1])
    run = Run(folder, accelerator, how.seed)
    facts = {
        "model": args.model,
        "config": json.dumps(args.config, sort_keys=True),
        "teachers": ", ".join(args.teachers),
    }
    facts |= {"init": file_sha256(args.init) if args.init else ""}
    facts |= start_facts([args.init] if args.init else [], train.families())
    fit(student, faces, held_faces, how, Augment(), run, facts)


@command()
def main() -> None:
    args = parse()
    root, how = data_root(args.data), chosen(Settings(), args)
    folder = args.out or Path("runs") / f"{args.model}_recognition"
    if not args.export_only:
        learn(args, root, how, folder)
    if PartialState().is_main_process:
        state = report(folder)
        if args.export:
            print(ship(network(args.model, args.config), args.config, state, root, how.seed, args.init))


if __name__ == "__main__":
    main()
