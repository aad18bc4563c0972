"""Compare the network without a gate, with SE and with CBAM on a photo, from the command line.

python -m explain.attention PHOTO.jpg --occluder surgical --seed 3 --method grad_cam --out attention/
python -m explain.attention PHOTO.jpg OTHER.jpg --occluder none
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from explain.attention.compare import (
    ARMS,
    METHODS,
    NOTHING,
    WORDS,
    Comparison,
    compare_arms,
    default_map,
    set_scene,
    trust,
)
from explain.attention.report import write_comparison
from explain.command import UserError, add_face, add_report, face_of, run
from explain.registry import layers_for
from models.weights import load_pair, read_sidecar


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 with one line on stderr when the input cannot be used."""
    return run(_run, _parser(), arguments, also=(ValueError,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m explain.attention",
        description="The same network with no gate, SE and CBAM: what does each look at, with and without a mask?",
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("other", type=Path, nargs="?", help="a second photo; default: photo 1 without the occluder")
    parser.add_argument("--occluder", choices=[*WORDS], default="surgical", help="drawn on photo 1; default: surgical")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws another make; default: 0")
    parser.add_argument("--method", choices=METHODS, default=default_map(), help="default: the one measured best")
    parser.add_argument("--layer", help="the tap the method reads; default: the networks' own")
    parser.add_argument("--arm", action="append", help=f"a weight, repeat; default: {', '.join(ARMS)}")
    add_face(parser, "--face", "the photo")
    add_face(parser, "--other-face", "the second photo")
    add_report(parser, "attention")
    return parser


def _run(args: argparse.Namespace) -> str:
    """Compare, write; the lines to print."""
    models = {name: load_pair(name) for name in args.arm or ARMS}
    for name, model in models.items():
        layers = layers_for(model, args.method)
        if args.layer is not None and args.layer not in layers:
            raise UserError(f"no layer {args.layer!r} in {name}; there are: {', '.join(layers)}")
    first = face_of(args.photo, "--face", args.face)
    second = face_of(args.other, "--other-face", args.other_face) if args.other else None
    scene = set_scene(first, second, args.occluder, args.seed if args.occluder != NOTHING else 0)
    compared = compare_arms(models, scene, args.method, args.layer)
    sidecars = {name: read_sidecar(name) for name in models}
    path = write_comparison(args.out, compared, trust(models, scene, compared), sidecars, archive=args.zip)
    return f"{table(compared)}\n{path}"


def table(compared: Comparison) -> str:
    """A line an arm: similarities, and the shares of its map of face a in the eyes and the mask area."""
    lines = [f"a: {compared.titles[0]}; b: {compared.titles[1]}"]
    for arm in compared.arms:
        said = "; ".join(f"{s.pair}: cosine {s.similarity:+.3f}, score {s.score:.3f}" for s in arm.answers)
        mass = arm.mass[0]
        lines.append(f"{arm.title}: {said}; eyes {mass.of('eyes'):.1%}, mask area {mass.of('mask area'):.1%}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
