"""Move a face out of alignment and see what three ViTs and their position offsets make of it, from the command line.

python -m explain.keypoints PHOTO.jpg --rotation 20 --out keypoints/
python -m explain.keypoints PHOTO.jpg --scale 0.8 --query 0.4 0.3 --layer 7 --head 1 --gif rotation
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from explain.command import UserError, add_face, add_report, face_of, run
from explain.evidence import patch_at
from explain.keypoints.animate import animate_sweep
from explain.keypoints.find import SWEEPS, follow, sweep
from explain.keypoints.findings import Followed, Query
from explain.keypoints.report import write_offsets
from models.faces.affine import Move, moved
from models.weights import load_pair, read_sidecar

MODELS = ("vit_kprpe", "vit_irpe", "vit_abs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 with one line on stderr when the input cannot be used."""
    return run(_run, _parser(), arguments, also=(ValueError,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m explain.keypoints", description="How do three ViTs take a face that is not aligned?"
    )
    parser.add_argument("photo", type=Path)
    add_face(parser, "--face", "the photo")
    parser.add_argument("--rotation", type=float, default=0, help="degrees, clockwise")
    parser.add_argument("--scale", type=float, default=1, help="above 1 the face is larger")
    parser.add_argument("--shift", nargs=2, type=float, default=(0, 0), metavar=("X", "Y"), help="in sides of the crop")
    parser.add_argument("--query", nargs=2, type=float, metavar=("Y", "X"), help="the patch; default: the left eye")
    parser.add_argument("--layer", type=int, help="block, from 0; default: the last")
    parser.add_argument("--head", type=int, help="from 1; default: the mean of all heads")
    parser.add_argument("--gif", choices=list(SWEEPS), help="write OUT/sweep.gif of this move")
    parser.add_argument("--weights", nargs=3, default=MODELS, metavar=("KPRPE", "IRPE", "ABS"), help="names of weights")
    add_report(parser, "keypoints")
    return parser


def _run(args: argparse.Namespace) -> str:
    """Encode, write; the lines to print."""
    nets = {model: load_pair(weight) for model, weight in zip(MODELS, args.weights, strict=True)}
    face, spec = face_of(args.photo, "--face", args.face), nets[MODELS[0]].spec
    move = Move(args.rotation, args.scale, *args.shift)
    crops = moved(face, spec, Move()), moved(face, spec, move)
    followed = {model: follow(net, *crops) for model, net in nets.items()}
    x, y = crops[1].keypoints[0, 0].clamp(0, 1).tolist()
    query = _query(followed[MODELS[0]], args, (y, x))
    both = {model: nets[model] for model in MODELS[:2]}
    path = write_offsets(
        args.out,
        followed,
        crops,
        query,
        move=move,
        sidecars={model: read_sidecar(weight) for model, weight in zip(MODELS, args.weights, strict=True)},
        sweeps=[sweep(nets, face, what) for what in SWEEPS],
        gif=animate_sweep(both, face, args.gif, query) if args.gif else None,
        archive=args.zip,
    )
    alike = ", ".join(f"{model} {found.similarity:.3f}" for model, found in followed.items())
    return f"similarity to the aligned face: {alike}\n{path}"


def _query(followed: Followed, args: argparse.Namespace, eye: tuple[float, float]) -> Query:
    """The patch, block and head that were asked for."""
    blocks = len(followed.attention)
    block = blocks - 1 if args.layer is None else args.layer
    if not 0 <= block < blocks:
        raise UserError(f"--layer {args.layer} does not exist; these networks have {blocks}, from 0")
    maps = followed.attention[f"block{block}.attn"]
    if args.head is not None and not 1 <= args.head <= len(maps.weights):
        raise UserError(f"--head {args.head} does not exist; this layer has {len(maps.weights)}")
    if args.query and not all(0 <= v <= 1 for v in args.query):
        raise UserError(f"--query lies in [0, 1] of the crop, got {args.query[0]:g} {args.query[1]:g}")
    place = (args.query[0], args.query[1]) if args.query else eye
    return Query(patch_at(maps.grid_q, place), block, None if args.head is None else args.head - 1)


if __name__ == "__main__":
    sys.exit(main())
