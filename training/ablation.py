"""What each part of S-ViT's recipe brings, measured on held-out training families: benchmarks/results/ablation.json.

    python -m training.ablation --init runs/svit_guided/model.safetensors             # every row
    python -m training.ablation --init ... --rows head                                # fusions and lambda
    python -m training.ablation --init ... --rows whole --steps 80 --unguided runs/svit_distill/model.safetensors

Rows of "head" train the fusion head alone on the frozen distilled backbone, whose maps of every face and of its mirror
image are computed once; so they compare fusions and lambdas, not whole networks. Rows of "whole" train everything by
training/kinship.py for a short while, but a guide's encoder stays as it is: the recipe, without guide, distillation,
augmentation. Every row is run with several seeds; the figure is the AUC on pairs of held-out training families (mean,
smallest, largest). FIW's validation part is never read.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from models import create_model
from models.svit import FUSIONS, Svit
from models.svit_guide import PREFIX
from models.weights import SHIPPED, file_sha256
from training.augment import Augment
from training.cards import write_cards
from training.checkpoint import command_line, git_commit
from training.data import data_root
from training.distill import make_accelerator
from training.evaluate.scoring import encode_all, mirrored, score_pairs, unique_images
from training.kin_batches import partners
from training.kin_objectives import FusionObjective, Weights, objective_for
from training.kinship import Lesson, Settings, fit, lesson_of, start_from, without_augmentation
from training.loop import Run, set_rate, warm_stable_decay
from training.metrics import auc
from training.resume import generator_of, seed_step
from training.studies import RESULTS
from training.warm_start import freeze

LAMBDAS = (0.0, 0.001, 0.003, 0.01)
HEAD = Settings(steps=500, lr=1e-3, warmup=50, weights=Weights(contrast=0.0))
FROZEN = f"{PREFIX}trunk"
Row = dict[str, Any]


def started(tensors: dict[str, Tensor], seed: int, **config: Any) -> Svit:
    """A distilled S-ViT with a fresh head, with a guide where the tensors have one."""
    torch.manual_seed(seed)
    model = create_model("svit", guide=any(name.startswith(PREFIX) for name in tensors), **config)
    assert isinstance(model, Svit)
    start_from(model, tensors, FusionObjective.trunk)
    freeze(model, FROZEN if model.config.guide else "")
    return model


def both_views(model: Svit, lesson: Lesson) -> Tensor:
    """(2, faces, C, h, w) float16 maps of every face and of its mirror image."""
    views = []
    for view in (lambda faces: faces, mirrored):
        codes = encode_all(model.eval(), len(lesson.crops), lambda r, v=view: v(lesson.crops.batch(r)), "maps")  # type: ignore[misc]
        views.append(codes.half())
    return torch.stack(views)


def train_head(model: Svit, codes: Tensor, lesson: Lesson, how: Settings) -> float:
    """Train the fusion head on stored maps -> AUC on the held-out pairs."""
    objective = objective_for(model, how.weights)
    parameters = [p for n, p in objective.named_parameters() if n.startswith(("model.head.", "center."))]
    optimizer = torch.optim.AdamW(parameters, lr=how.lr, weight_decay=how.weight_decay)
    for step in range(how.steps):
        seed_step(how.seed, step)
        set_rate(how.lr * warm_stable_decay(step, how.steps, how.warmup, how.decay), optimizer)
        batch = lesson.batches(step)
        rows = torch.from_numpy(batch.rows)
        x, y = codes[torch.randint(len(codes), (len(rows),)), rows].float().chunk(2)
        partner = partners(batch.relation, how.weights.negatives, generator_of(how.seed, step))
        terms, _ = objective.pair_terms(x, y, partner)
        optimizer.zero_grad()
        (terms["cross_entropy"] + terms["center"]).backward()
        optimizer.step()
    names = unique_images(lesson.held)
    held = {n: codes[0, lesson.crops.row[n]].float() for n in names}
    scored = score_pairs(model.eval(), held, lesson.held)
    return auc(scored.score, scored.same)


def head_rows(tensors: dict[str, Tensor], root: Path, seeds: int) -> list[Row]:
    """Fusions at lambda .003, then lambdas with the product."""
    lesson = lesson_of(root, started(tensors, 0), HEAD, "")
    codes = both_views(started(tensors, 0), lesson)
    wanted = [(f, 0.003) for f in FUSIONS] + [("product", value) for value in LAMBDAS if value != 0.003]
    rows = []
    for fusion, center in wanted:
        values = []
        for seed in range(seeds):
            how = replace(HEAD, seed=seed, weights=replace(HEAD.weights, center=center))
            part = replace(lesson, batches=lesson.batches.reseeded(seed))
            values.append(train_head(started(tensors, seed, fusion=fusion), codes, part, how))
        rows.append(row("head", f"fusion {fusion}, lambda {center:g}", values, HEAD.steps))
    return rows


def whole_rows(
    tensors: dict[str, Tensor], unguided: dict[str, Tensor], root: Path, seeds: int, steps: int, folder: Path
) -> list[Row]:
    """The recipe, without guide, distillation, augmentation, and InfoNCE on the embedding."""
    variants: dict[str, dict[str, Any]] = {
        "recipe": {},
        **({"no guide": {"tensors": unguided}} if unguided else {}),
        "neither guide nor distillation": {"scratch": True},
        "no augmentation": {"plain": True},
        "no InfoNCE on the embedding": {"weights": Weights(contrast=0.0)},
    }
    rows = []
    for name, change in variants.items():
        how = Settings(steps=steps, check=steps, warmup=30, weights=change.get("weights", Weights()))
        start = change.get("tensors", tensors)
        values = [whole(start, root, replace(how, seed=s), change, folder / f"{name}-{s}") for s in range(seeds)]
        rows.append(row("whole", name, values, steps))
    return rows


def whole(tensors: dict[str, Tensor], root: Path, how: Settings, change: dict[str, Any], folder: Path) -> float:
    """One short run of training/kinship.py -> AUC on the held-out pairs at its end."""
    scratch, augment = bool(change.get("scratch")), without_augmentation() if change.get("plain") else Augment()
    torch.manual_seed(how.seed)
    model = create_model("svit") if scratch else started(tensors, how.seed)
    run = Run(folder, make_accelerator(), how.seed)
    lesson = lesson_of(root, model, how, "")
    return fit(objective_for(model, how.weights), lesson, how, augment, run, {"ablation": folder.name}, not scratch)


def row(part: str, name: str, values: list[float], steps: int) -> Row:
    figures = {"mean": sum(values) / len(values), "least": min(values), "most": max(values)}
    return {"part": part, "name": name, "steps": steps, "seeds": list(range(len(values))), "auc": figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", type=Path, required=True, help="distilled S-ViT (.safetensors)")
    parser.add_argument("--unguided", type=Path, help="the same without a guide, for a row of its own")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--rows", choices=("head", "whole", "all"), default="all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150, help="of the rows that train everything")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="run folders")
    args = parser.parse_args()
    root, tensors = data_root(args.data), load_file(args.init)
    unguided = load_file(args.unguided) if args.unguided else {}
    path = RESULTS / "ablation.json"
    kept: list[Row] = json.loads(path.read_text())["rows"] if path.exists() else []
    for part in ("head", "whole") if args.rows == "all" else (args.rows,):
        new = head_rows(tensors, root, args.seeds) if part == "head" else []
        new = new or whole_rows(tensors, unguided, root, args.seeds, args.steps, args.out)
        facts = {"command": command_line(), "git_commit": git_commit(), "init_sha256": file_sha256(args.init)}
        new = [{**r, **facts} for r in new]
        kept = [r for r in kept if r["part"] != part] + new
        path.write_text(json.dumps({"rows": kept}, indent=1) + "\n")
    write_cards(SHIPPED)


if __name__ == "__main__":
    main()
