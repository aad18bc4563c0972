"""A report about one answer from the command line: as many photos as the model's task takes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explain.command import UserError, add_face, add_model, add_report, add_threshold, face_of, run
from explain.core.findings import LETTERS, letter
from explain.evidence import PatchQuery, left_eye
from explain.registry import EXPLAINERS, layers_for, methods_for
from explain.report.first_method import first_method
from explain.report.pair import reasons, write_report
from models.face_model import FaceModel
from models.faces.face import Face
from models.faces.quality import or_withheld
from models.predict import Result, predict
from models.taps import tap_names
from models.tasks import TASKS
from models.weights import Sidecar, available_weights, load_model, read_sidecar

METHODS = f"repeat for several; default: the one that was measured best on the model; one of {', '.join(EXPLAINERS)}"


def main(arguments: Sequence[str] | None = None, program: str = "python -m explain") -> int:
    """Run the command; 0 when the report is written, 2 with one line on stderr when the input cannot be used."""
    return run(write, parser(program), arguments)


def parser(program: str) -> argparse.ArgumentParser:
    """The arguments of the command."""
    found = argparse.ArgumentParser(prog=program, description="What did the model look at in these photos?")
    found.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="as many as the model's task takes")
    for name in LETTERS:
        add_face(found, f"--face-{name}", f"photo {name.upper()}")
    add_model(found)
    found.add_argument(
        "--method",
        action="append",
        help=METHODS,
    )
    found.add_argument(
        "--target", help="the part of the answer to explain: similarity, logit, a class, 'X - Y'; default: its own"
    )
    found.add_argument("--layer", help="the tap that CAM or attention methods read; default: the model's own")
    look = found.add_argument_group("attention", "for models that have it: where one patch reads")
    look.add_argument("--attention", metavar="LAYER", help="the layer whose attention is written; default: the last")
    look.add_argument("--head", type=int, help="from 1; default: the mean of all heads")
    look.add_argument(
        "--query", nargs=2, type=float, metavar=("Y", "X"), help="the patch, a place in [0, 1]; default: left eye of A"
    )
    add_threshold(found)
    add_report(found, "report")
    return found


def write(args: argparse.Namespace) -> str:
    """Answer, explain, write the report; the lines to print."""
    model, sidecar = _load(args.model), read_sidecar(args.model)
    methods = _methods(model, args.model, args.method or [first_method(args.model, model)])
    _check_layer(model, methods, args.layer)
    _check_look(model, args)
    faces = _faces(model, args)
    result = predict(model, *faces, grad=any(EXPLAINERS[m].grad for m in methods))
    _check_target(result, args.target)
    options = {"target": args.target, "layer": args.layer, "archive": args.zip, "look": _look(result, args)}
    path = write_report(args.out, result, faces, methods, sidecar=sidecar, threshold=args.threshold, **options)
    said = json.loads((args.out / "report.json").read_text())
    return "\n".join(
        [in_words(result, sidecar, args.threshold, reasons(faces)), *said["words"], *empty_maps(said), str(path)]
    )


def empty_maps(report: dict[str, Any]) -> list[str]:
    """A line for each map of a report that holds nothing."""
    return [
        f"{name}, face {side}: {row['captions'][side]}"
        for name, row in report["methods"].items()
        for side, empty in row["empty"].items()
        if empty
    ]


def in_words(result: Result, sidecar: Sidecar, threshold: float | None = None, withheld: Sequence[str] = ()) -> str:
    """The answer on one line, with why nothing is decided by the faces, if so."""
    if sidecar.decision is None:
        ranked = sorted(result.probabilities.items(), key=lambda c: -c[1])
        shares = ", ".join(f"{name} {share:.3f}" for name, share in ranked)
        return f"{or_withheld('', withheld)} ({shares})" if withheld else shares
    threshold = sidecar.rule.threshold if threshold is None else threshold
    words = or_withheld(TASKS[sidecar.task].decision(result.score >= threshold), withheld)
    return f"score {result.score:.3f} (threshold {threshold:.3f}): {words}; similarity {result.similarity:.3f}"


def _load(name: str) -> FaceModel:
    if name not in available_weights():
        raise UserError(f"no weight for a model {name!r}; there are: {', '.join(available_weights()) or 'none'}")
    return load_model(name)


def _faces(model: FaceModel, args: argparse.Namespace) -> list[Face]:
    if len(args.photos) != model.faces:
        raise UserError(f"{args.model} answers about {model.faces} photo(s), got {len(args.photos)}")
    flags = [f"face_{letter(i)}" for i in range(model.faces)]
    asked = zip(args.photos, flags, strict=True)
    return [face_of(path, f"--{flag.replace('_', '-')}", getattr(args, flag)) for path, flag in asked]


def _methods(model: FaceModel, name: str, wanted: list[str]) -> list[str]:
    """The methods asked for, each once, in order."""
    offered = methods_for(model)
    for method in wanted:
        if method not in offered:
            raise UserError(f"no method {method!r} for {name}; there are: {', '.join(offered)}")
    return list(dict.fromkeys(wanted))


def _check_layer(model: FaceModel, methods: list[str], layer: str | None) -> None:
    known = sorted({name for m in methods for name in layers_for(model, m)})
    if layer is not None and layer not in known:
        raise UserError(f"no layer {layer!r} for {', '.join(methods)}; there are: {', '.join(known) or 'none'}")


def _check_target(result: Result, target: str | None) -> None:
    """A target that no scalar of the answer has, rather than one that a method cannot explain."""
    try:
        result.output.scalar(target or result.explained)
    except ValueError as error:
        raise UserError(f"--target: {error}") from error


def _check_look(model: FaceModel, args: argparse.Namespace) -> None:
    """What was asked of the attention must be there."""
    known = tap_names(model, "attn")
    if args.attention is not None and args.attention not in known:
        raise UserError(f"no attention layer {args.attention!r}; there are: {', '.join(known) or 'none'}")
    if args.query and not all(0 <= v <= 1 for v in args.query):
        raise UserError(f"--query lies in [0, 1] of the crop, got {args.query[0]:g} {args.query[1]:g}")


def _look(result: Result, args: argparse.Namespace) -> PatchQuery:
    """The patch, layer and head that were asked for."""
    names = tap_names(result.model, "attn")
    heads = result.evidence[args.attention or names[-1]].shape[1] if names else 0
    if args.head is not None and not 1 <= args.head <= heads:
        raise UserError(f"--head {args.head} does not exist; this layer has {heads}")
    place = (args.query[0], args.query[1]) if args.query else left_eye(result)
    return PatchQuery(place, args.attention, None if args.head is None else args.head - 1)
