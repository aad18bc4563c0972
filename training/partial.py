"""Train a network of the partial-face comparison: same person or not, cropped, covered or whole.

    # whole faces first, from the reference encoder's trunk: the baseline without partial fine-tuning
    python -m training.partial --model partial_average --no-partial --epochs 3 --init weights/dlib_resnet.safetensors
    W=runs/partial_average_whole/model.safetensors                        # where all others start
    python -m training.partial --model partial_face --init $W
    python -m training.partial --model partial_average --init $W          # the same trunk, average-pooled
    python -m training.partial --model partial_face --init $W --diversity 0 --no-export --out runs/alike   # ablations
    accelerate launch -m training.partial --model partial_face ...        # several GPUs or nodes

Faces: FIW train members without the held-out families, and CelebA identities; never LFW, MFR2 or FIW val. The student
sees augmented faces, --cropped of them cut to a box (training/data/partial_views.py), --worn of them with something in
front (training/data/worn_crops.py). It learns the teachers' embedding of the clean whole face (losses.distillation)
and the losses of training/tools/partial_losses.py:

    L = distillation(f) + w1 L_wCE + w2 L_wDIV        w1 --cross-entropy, w2 --diversity

The average-pooled network is the case of one part with s = 1: L_wCE is the plain cross-entropy, L_wDIV is 0. AdamW,
gradient norm 1, loop.warm_stable_decay, bf16. After every epoch the mean centred cosine to the teachers on faces of
held-out families, whole and cropped, selects the weights kept in <out>/model.safetensors; they are then calibrated and
exported as weights/<model> (training/tools/verification_export.py), those of --no-partial excepted. The run continues
by itself when the command is given again.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import PartialState
from timm.optim import param_groups_weight_decay
from torch import Tensor, nn

from models.commands import command
from models.errors import UserError
from models.faces.align import PARTIAL_160
from models.faces.face import FaceBatch
from models.nets.partial_face import PartialFace, Parts
from models.pair import PairModel
from models.weights import file_sha256, tensors_in
from training.data.augment import Augment, draw
from training.data.holdout import start_facts
from training.data.partial_views import Partial, Views, draw_views, seen
from training.data.sets import data_root
from training.tools import epochs
from training.tools.epochs import Step
from training.tools.lessons import Faces, Lesson, faces_of, lessons
from training.tools.loop import Run, gathered, make_accelerator, report
from training.tools.losses import MarginHead, distillation
from training.tools.partial_losses import weighted_cross_entropy, weighted_diversity
from training.tools.resume import Batches
from training.tools.settings import add_export, add_settings, add_teachers, checked, chosen, json_object, network
from training.tools.student import Student, embedding_length, held_out_cosine
from training.tools.verification_export import ship
from training.tools.warm_start import StartError

SCALE = 32.0


@dataclass(frozen=True)
class Settings:
    """Of the optimisation; the defaults are for the demo, whose trunk has no batch norm and is trained already: the
    learning rate is low so that it keeps what it knows.

    Attributes:
        epochs: passes over the faces.  batch: over all processes.  warmup: steps.  decay: last part of the run.
        partial: False for the baseline that sees whole, bare faces only, in training and in the choice of the weights.
        cropped, worn: shares of the faces that are cut to a box, that wear something.
        cross_entropy: w1.  diversity: w2.
        patience: epochs.  channels_last: memory format.
    """

    epochs: int = 4
    batch: int = 64
    lr: float = 1e-4
    warmup: int = 60
    decay: float = 0.5
    weight_decay: float = 0.05
    partial: bool = True
    cropped: float = 0.7
    worn: float = 0.2
    cross_entropy: float = 0.02
    diversity: float = 0.05
    patience: int = 6
    seed: int = 0
    channels_last: bool = True

    def facts(self) -> dict[str, Any]:
        """What a resumed run must share."""
        return {k: v for k, v in asdict(self).items() if k not in ("epochs", "decay", "patience", "channels_last")}


class Learner(nn.Module):
    """The student, and the classifier over identities that its parts share: SCALE times the cosine to a class's centre.

    Our reading, as faces are compared by the cosine. A linear classifier on raw f_k, whose length says nothing here,
    hardly learns beside the distillation.
    """

    def __init__(self, student: Student, classes: int) -> None:
        super().__init__()
        self.student = student
        self.centres = MarginHead(embedding_length(student.model), classes, SCALE)

    def forward(self, image: Tensor, keypoints: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """B faces and their (B,) identities -> (B, D) unit embeddings as the student's, L_wCE, L_wDIV."""
        model, parts = self.student.model, parts_of(self.student.model, image, keypoints)
        embedding = F.normalize(self.student.to_teacher(model.embedding(parts.embedding)), dim=1)
        entropy = weighted_cross_entropy(self.classify(parts.features), parts.weights, labels)
        return embedding, entropy, weighted_diversity(parts.attention, parts.weights)

    def classify(self, features: Tensor) -> Tensor:
        """(B, K, dim) -> logits (B, K, classes)."""
        return SCALE * self.centres.cosine(features.flatten(0, 1)).unflatten(0, features.shape[:2])


def parts_of(model: PairModel, image: Tensor, keypoints: Tensor) -> Parts:
    """What the losses start from; a network without attention has one part, of weight 1, that sees one place."""
    if isinstance(model, PartialFace):
        return model.parts(image)
    code = model.encode(image, keypoints)
    return Parts(code.new_zeros(len(code), 1, 1, 1), code.new_ones(len(code), 1), code[:, None])


@dataclass(frozen=True)
class Cropped(Lesson):
    """A lesson whose faces are seen in fixed views, one for each position in `rows`; the targets are the same."""

    views: Views

    def faces(self, index: np.ndarray, device: torch.device | str = "cpu") -> FaceBatch:
        return seen(super().faces(index, device), self.views[torch.from_numpy(index)])


def cropped(lesson: Lesson, seed: int = 0) -> Cropped:
    """All faces of a lesson, each cut to a box."""
    views = draw_views(Partial(cropped=1), len(lesson), torch.Generator().manual_seed(seed))
    return Cropped(lesson.crops, lesson.rows, lesson.target, views)


def fit(
    student: Student, train: Faces, held: Lesson, how: Settings, augment: Augment, run: Run, facts: dict[str, Any]
) -> float:
    """Train; the best held-out cosine (mean of whole and cropped faces; of whole ones without `partial`)."""
    layout = torch.channels_last if how.channels_last else torch.contiguous_format
    learner = Learner(student, train.classes).to(memory_format=layout)
    optimizer = torch.optim.AdamW(param_groups_weight_decay(learner, how.weight_decay), lr=how.lr)
    network, optimizer = run.accelerator.prepare(learner, optimizer)
    mean = train.clean.mean().to(run.accelerator.device)
    cut, share = Partial(cropped=how.cropped * how.partial), how.worn * how.partial
    held_sets = {"held_out_whole": held, "held_out_cropped": cropped(held)}

    def loss(step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        wears = (torch.rand(how.batch, generator=step.generator) < share).numpy()
        draws, views = draw(augment, how.batch, step.generator), draw_views(cut, how.batch, step.generator)
        faces = seen(train.batch(step.own, wears[step.mine], mean.device), views[step.mine], draws[step.mine])
        labels = train.labels[torch.from_numpy(step.own)].to(mean.device)
        image = faces.image.contiguous(memory_format=layout)
        embedding, entropy, overlap = network(image, faces.keypoints, labels)
        learnt = distillation(gathered(embedding), train.clean.targets(step.rows).to(mean), mean)
        shown = {"distillation": learnt, "cross_entropy": entropy, "diversity": overlap}
        return learnt + how.cross_entropy * entropy + how.diversity * overlap, shown

    def trial() -> tuple[float, dict[str, float]]:
        cosines = {name: held_out_cosine(student, part, mean, how.batch) for name, part in held_sets.items()}
        return sum(cosines.values()) / len(cosines) if how.partial else cosines["held_out_whole"], cosines

    batches, objects = Batches(len(train.clean), how.batch, how.seed), {"learner": learner, "optimizer": optimizer}
    return epochs.train(run, student, network, (optimizer,), how, batches, loss, trial, objects, facts)


def for_every_part(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The average-pooled network's weights with its FC repeated for every part of `model`.

    Where all maps are flat and open, both networks then have the same embedding: neither arm starts ahead. Weights of
    other networks, and those for a network without parts, stay as they are.
    """
    if not isinstance(model, PartialFace):
        return dict(state)
    one = {name.removeprefix("fc."): value for name, value in state.items() if name.startswith("fc.")}
    rest = {name: value for name, value in state.items() if not name.startswith("fc.")}
    return rest | {f"aggregate.{k}.{name}": value for k in range(len(model.aggregate)) for name, value in one.items()}


def load_fitting(model: nn.Module, state: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Load what fits by name and shape: the trunk of another network of the comparison, for one.

    Returns:
        Names of the model's tensors that were not loaded, and of those in `state` that found no place; sorted.

    Raises:
        StartError: not one parameter fits.
    """
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    if not fitting.keys() & dict(model.named_parameters()).keys():
        raise StartError("these weights are of another network: no parameter has a name and shape of this one")
    model.load_state_dict(fitting, strict=False)
    return sorted(own.keys() - fitting.keys()), sorted(state.keys() - fitting.keys())


def by_module(names: Iterable[str]) -> str:
    """ "aggregate (24), fork (18)": how many tensors of each part of a network."""
    counts = Counter(name.split(".")[0] for name in names)
    return ", ".join(f"{module} ({count})" for module, count in counts.items()) or "nothing"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="registry name")
    parser.add_argument("--config", type=json_object, default={}, help='JSON overrides, such as {"recalibrate": false}')
    parser.add_argument("--data", type=Path, default=None, help="data folder; else KINSIGHT_DATA, else ./data")
    parser.add_argument("--out", type=Path, default=None, help="default: runs/<model>_partial or _whole")
    add_export(parser)
    add_teachers(parser)
    parser.add_argument("--init", type=Path, default=None, help="weights to start from; what fits is loaded")
    add_settings(parser, Settings())
    return checked(parser.parse_args())


def learn(args: argparse.Namespace, root: Path, how: Settings, folder: Path) -> None:
    """Train as the command line says; the best weights lie in the folder."""
    accelerator = make_accelerator()
    torch.manual_seed(how.seed)
    model = network(args.model, args.config)
    if model.spec != PARTIAL_160:
        raise UserError(f"the boxes lie on the {PARTIAL_160.size} px template, {args.model} has another one")
    with accelerator.main_process_first():  # caches are written once
        train, held = lessons(root, model.spec, args.teachers)
        faces = faces_of(train)
    if args.init:
        fresh, unused = load_fitting(model, for_every_part(model, tensors_in(args.init)))
        accelerator.print(f"{args.init}: not in it, starts anew: {by_module(fresh)}; not used: {by_module(unused)}")
    student = Student(model, train.target.shape[1])
    run = Run(folder, accelerator, how.seed)
    facts = {
        "model": args.model,
        "config": json.dumps(args.config, sort_keys=True),
        "teachers": ", ".join(args.teachers),
    }
    facts |= {"init": file_sha256(args.init) if args.init else ""}
    facts |= start_facts([args.init] if args.init else [], train.families())
    fit(student, faces, held, how, Augment(), run, facts)


@command()
def main() -> None:
    args = parse()
    root, how = data_root(args.data), chosen(Settings(), args)
    folder = args.out or Path("runs") / f"{args.model}_{'partial' if how.partial else 'whole'}"
    if not args.export_only:
        learn(args, root, how, folder)
    if PartialState().is_main_process:
        state = report(folder)
        if args.export and how.partial:
            print(ship(network(args.model, args.config), args.config, state, root, how.seed, args.init))


if __name__ == "__main__":
    main()
