"""Explain a pair of photos from the command line.

python -m explain.kinship A.jpg B.jpg --model dlib_kin --method grad_cam --method occlusion --out report/
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from explain.command import UserError, add_model, add_pair, add_report, add_threshold, checked_threshold, face_of, run
from explain.evidence import PatchQuery, left_eye
from explain.registry import EXPLAINERS, layers_for, methods_for
from explain.report.pair import DECISIONS, write_report
from models.pair import PairModel
from models.predict import Result, predict
from models.taps import tap_names
from models.weights import available_weights, load_model, read_sidecar


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 with one line on stderr when the input cannot be used."""
    return run(_report, _parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m explain.kinship", description="What did the model look at in two photos?"
    )
    add_pair(parser)
    add_model(parser)
    parser.add_argument(
        "--method", action="append", help=f"repeat for several; default: grad_cam; one of {', '.join(EXPLAINERS)}"
    )
    parser.add_argument(
        "--target", choices=("similarity", "logit"), help="the answer to explain; default: what the score is made of"
    )
    parser.add_argument("--layer", help="the tap that CAM or attention methods read; default: the model's own")
    look = parser.add_argument_group("attention", "for models that have it: where one patch reads")
    look.add_argument("--attention", metavar="LAYER", help="the layer whose attention is written; default: the last")
    look.add_argument("--head", type=int, help="from 1; default: the mean of all heads")
    look.add_argument(
        "--query", nargs=2, type=float, metavar=("Y", "X"), help="the patch, a place in [0, 1]; default: left eye of A"
    )
    add_threshold(parser)
    add_report(parser, "report")
    return parser


def _report(args: argparse.Namespace) -> str:
    """Answer, explain, write; the lines to print."""
    checked_threshold(args.threshold)
    model, sidecar = _load(args.model), read_sidecar(args.model)
    methods = _methods(model, args.model, args.method or ["grad_cam"])
    _check_layer(model, methods, args.layer)
    _check_look(model, args)
    face_a = face_of(args.photo_a, "--face-a", args.face_a)
    face_b = face_of(args.photo_b, "--face-b", args.face_b)
    result = predict(model, face_a, face_b, grad=any(EXPLAINERS[m].grad for m in methods))
    options = {"threshold": args.threshold, "target": args.target, "layer": args.layer, "archive": args.zip}
    look = _look(result, args)
    path = write_report(args.out, result, face_a, face_b, methods, sidecar=sidecar, look=look, **options)
    threshold = sidecar.threshold if args.threshold is None else args.threshold
    words = DECISIONS[sidecar.task][0 if result.score >= threshold else 1]
    return f"score {result.score:.3f} (threshold {threshold:.3f}): {words}; similarity {result.similarity:.3f}\n{path}"


def _load(name: str) -> PairModel:
    if name not in available_weights():
        raise UserError(f"no weight for a model {name!r}; there are: {', '.join(available_weights()) or 'none'}")
    return load_model(name)


def _methods(model: PairModel, name: str, wanted: list[str]) -> list[str]:
    """The methods asked for, each once, in order."""
    offered = methods_for(model)
    for method in wanted:
        if method not in offered:
            raise UserError(f"no method {method!r} for {name}; there are: {', '.join(offered)}")
    return list(dict.fromkeys(wanted))


def _check_layer(model: PairModel, methods: list[str], layer: str | None) -> None:
    known = sorted({name for m in methods for name in layers_for(model, m)})
    if layer is not None and layer not in known:
        raise UserError(f"no layer {layer!r} for {', '.join(methods)}; there are: {', '.join(known) or 'none'}")


def _check_look(model: PairModel, args: argparse.Namespace) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
