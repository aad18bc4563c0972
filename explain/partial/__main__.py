"""What is left of a match when only a part of a face is seen? From the command line.

python -m explain.partial A.jpg B.jpg --part "left eye" --factor 0.3 --centred --out partial/
python -m explain.partial A.jpg B.jpg --part mask
python -m explain.partial A.jpg B.jpg --part nose --keypoint 1 210 300 --keypoint 3 250 350      B shows too little

Photo A stays whole, photo B is edited. Without a detection B is placed by the keypoints that can be seen, at least two.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from explain.command import UserError, add_pair, add_report, face_of, named, run
from explain.partial.edit import PRESETS, Canvas, Edit
from explain.partial.find import NETWORKS, TITLES, PartialLook, look_partial
from explain.partial.loss import area_curve, losses
from explain.partial.report import write_partial
from models.faces.face import KEYPOINT_NAMES, Face
from models.faces.partial_crops import LANDMARKS, SIDE
from models.faces.photo import open_mask, open_photo
from models.faces.placed import place_face
from models.tasks import TASKS
from models.weights import load_pair, read_sidecar


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 with one line on stderr when the input cannot be used."""
    return run(_run, _parser(), arguments, also=(ValueError,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m explain.partial", description="Which parts of a face carry a match? Photo B is made partial."
    )
    add_pair(parser)
    parser.add_argument("--part", choices=PRESETS, default="nose", help="what is left, or worn; default: %(default)s")
    parser.add_argument("--factor", type=float, default=0.3, help="size of a landmark's part; default: %(default)s")
    parser.add_argument("--centred", action="store_true", help="move what is left to the middle")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws another mask or sunglasses")
    parser.add_argument(
        "--erased", type=Path, metavar="MASK", help=f"{SIDE} px picture: white is hidden, black and transparent stay"
    )
    parser.add_argument(
        "--keypoint",
        nargs=3,
        type=float,
        action="append",
        metavar=("N", "X", "Y"),
        help="place face B by hand: number of the keypoint ("
        + ", ".join(f"{i} {n}" for i, n in enumerate(KEYPOINT_NAMES, 1))
        + ") and its pixel; repeat, at least two",
    )
    parser.add_argument(
        "--weights", nargs=3, default=NETWORKS, metavar=("ATTENTION", "AVERAGE", "REFERENCE"), help="names of weights"
    )
    add_report(parser, "partial")
    return parser


def _run(args: argparse.Namespace) -> str:
    """Compare, write; the lines to print."""
    weights = dict(zip(NETWORKS, args.weights, strict=True))
    models = {name: load_pair(weight) for name, weight in weights.items()}
    sidecars = {name: read_sidecar(weight) for name, weight in weights.items()}
    thresholds = {name: row.rule.threshold for name, row in sidecars.items()}
    frames = {model.spec for model in models.values()}
    a, b = (Canvas.of(face, frames) for face in (face_of(args.photo_a, "--face-a", args.face_a), _second(args)))
    edit = Edit(args.part, args.factor, args.centred, _erased(args.erased), args.seed)
    look = look_partial(models, thresholds, a, b, edit)
    curve = area_curve(models, a, b, args.part, args.centred) if args.part in LANDMARKS else None
    order = {name: losses(model, thresholds[name], a, b) for name, model in models.items()}
    path = write_partial(args.out, look, sidecars, curve=curve, losses=order, archive=args.zip)
    return f"{table(look)}\n{path}"


def _second(args: argparse.Namespace) -> Face:
    """Face B, found or placed by hand."""
    if not args.keypoint:
        return face_of(args.photo_b, "--face-b", args.face_b)
    points = np.full((len(KEYPOINT_NAMES), 2), np.nan)
    for number, x, y in args.keypoint:
        if number not in range(1, len(KEYPOINT_NAMES) + 1):
            raise UserError(f"--keypoint {number:g} does not exist; they are numbered 1 to {len(KEYPOINT_NAMES)}")
        points[int(number) - 1] = x, y
    with named(args.photo_b):
        photo = open_photo(args.photo_b)
    return place_face(photo, points)


def _erased(path: Path | None) -> np.ndarray | None:
    if path is None:
        return None
    with named(path):
        mask = open_mask(path)
    if mask.shape != (SIDE, SIDE):
        raise UserError(f"{path}: a mask has {SIDE} x {SIDE} pixels, this one {mask.shape[1]} x {mask.shape[0]}")
    return mask


def table(look: PartialLook) -> str:
    """A line a network: the whole face, then what is left of it."""
    lines = [f"{look.edit.part}: {look.visible:.1%} of the face is visible"]
    for name, now in look.now.said.items():
        whole, word = look.whole.said[name], TASKS["verification"].decision(now.same)
        lines.append(f"{TITLES[name]}: score {whole.score:.3f} whole, {now.score:.3f} now: {word}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
