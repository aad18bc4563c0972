"""Explain what a model answers about photos, from the command line: as many photos as its task takes.

python -m explain A.jpg B.jpg --model dlib_kin --method grad_cam --method occlusion --out report/
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from explain import command
from explain.command import UserError, face_of
from explain.registry import EXPLAINERS, layers_for, methods_for
from explain.report.pair import write_report
from models.face_model import FaceModel
from models.predict import Result, predict
from models.tasks import TASKS
from models.weights import Sidecar, available_weights, load_model, read_sidecar


def parser(program: str = "python -m explain") -> argparse.ArgumentParser:
    """Arguments of a report about one answer."""
    found = argparse.ArgumentParser(prog=program, description="What did the model look at in these photos?")
    found.add_argument("photos", type=Path, nargs="+", help="one a face, as many as the model's task takes")
    command.add_model(found)
    known = ", ".join(EXPLAINERS)
    found.add_argument("--method", action="append", help=f"repeat for several; default: grad_cam; one of {known}")
    found.add_argument("--target", help="the part of the answer to explain: similarity, logit, a class, 'X - Y'")
    found.add_argument("--layer", help="the tap that CAM or attention methods read; default: the model's own")
    found.add_argument(
        "--face", type=int, action="append", help="which face of each photo, from 1, the largest; default: 1"
    )
    command.add_threshold(found)
    command.add_report(found, "report")
    return found


def write(args: argparse.Namespace) -> str:
    """Answer, explain, write the report; the lines to print."""
    model, sidecar = load(args.model), read_sidecar(args.model)
    if len(args.photos) != model.faces:
        raise UserError(f"{args.model} answers about {model.faces} photo(s), got {len(args.photos)}")
    methods = methods_of(model, args.model, args.method or ["grad_cam"])
    check_layer(model, methods, args.layer)
    numbers = [*(args.face or []), *[1] * len(args.photos)][: len(args.photos)]
    faces = [face_of(path, "--face", number) for path, number in zip(args.photos, numbers, strict=True)]
    result = predict(model, *faces, grad=any(EXPLAINERS[m].grad for m in methods))
    options = {"target": args.target, "layer": args.layer, "archive": args.zip}
    threshold = command.checked_threshold(args.threshold)
    path = write_report(args.out, result, faces, methods, sidecar=sidecar, threshold=threshold, **options)
    return f"{in_words(result, sidecar, threshold)}\n{path}"


def in_words(result: Result, sidecar: Sidecar, threshold: float | None = None) -> str:
    """The answer on one line."""
    if sidecar.decision is None:
        ranked = sorted(result.probabilities.items(), key=lambda c: -c[1])
        return ", ".join(f"{name} {share:.3f}" for name, share in ranked)
    threshold = sidecar.rule.threshold if threshold is None else threshold
    words = TASKS[sidecar.task].decision(result.score >= threshold)
    return f"score {result.score:.3f} (threshold {threshold:.3f}): {words}; similarity {result.similarity:.3f}"


def load(name: str) -> FaceModel:
    """A weight's network. Raises UserError where there is none of that name."""
    if name not in available_weights():
        raise UserError(f"no weight for a model {name!r}; there are: {', '.join(available_weights()) or 'none'}")
    return load_model(name)


def methods_of(model: FaceModel, name: str, wanted: Sequence[str]) -> list[str]:
    """The methods asked for, each once, in order. Raises UserError: one the model does not give."""
    offered = methods_for(model)
    for method in wanted:
        if method not in offered:
            raise UserError(f"no method {method!r} for {name}; there are: {', '.join(offered)}")
    return list(dict.fromkeys(wanted))


def check_layer(model: FaceModel, methods: Sequence[str], layer: str | None) -> None:
    """Raises UserError for a layer that none of the methods can read."""
    known = sorted({name for m in methods for name in layers_for(model, m)})
    if layer is not None and layer not in known:
        raise UserError(f"no layer {layer!r} for {', '.join(methods)}; there are: {', '.join(known) or 'none'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 with one line on stderr when the input cannot be used."""
    return command.run(write, parser(), arguments)


if __name__ == "__main__":
    sys.exit(main())
