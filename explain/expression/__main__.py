"""What does this face show, and what did the network look at? From the command line.

python -m explain.expression PHOTO.jpg --out expression/
python -m explain.expression PHOTO.jpg --face 2 --method occlusion --target "happiness - neutral"
python -m explain.expression PHOTO.jpg --cover mouth --cover sunglasses
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from explain.command import UserError, add_face, add_model, add_report, face_of, run
from explain.core.words import capital
from explain.expression.cover import COVERS, cover_words, covered
from explain.expression.regions import region_sentences, region_shares
from explain.expression.report import NOTICE, write_expression
from explain.expression.said import TASK, Said, ask, change_sentence, load_expression, said_of, sentence, split_words
from explain.registry import EXPLAINERS
from explain.report.first_method import first_method
from models.expressions import EXPRESSIONS
from models.faces.face import Face
from models.nets.expression import Expression
from models.outputs import ClassOutput
from models.predict import predict
from models.tasks import TASKS
from models.weights import read_sidecar


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 with one line on stderr when the input cannot be used."""
    return run(_run, _parser(), arguments, also=(ValueError,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m explain.expression", description=f"{TASKS[TASK].question} {NOTICE}"
    )
    parser.add_argument("photo", type=Path)
    add_face(parser, "--face", "the photo")
    add_model(parser, TASK)
    parser.add_argument("--method", choices=EXPLAINERS, help="default: the one that was measured best on the model")
    parser.add_argument(
        "--target",
        help=f"what the map explains: a class, or 'X - Y'; default: the leading class; {', '.join(EXPRESSIONS)}",
    )
    parser.add_argument("--layer", help="the tap that CAM methods read; default: the model's own")
    parser.add_argument(
        "--cover", action="append", choices=COVERS, default=[], help="also answer with this covered; repeat for several"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed draws another mask or sunglasses")
    add_report(parser, "expression")
    return parser


def _run(args: argparse.Namespace) -> str:
    """Answer, explain, write; the lines to print."""
    model, sidecar = load_expression(args.model), read_sidecar(args.model)
    method = args.method or first_method(args.model, model)
    face = face_of(args.photo, "--face", args.face)
    result = predict(model, face, grad=EXPLAINERS[method].grad)
    assert isinstance(result.output, ClassOutput)
    (said,) = said_of(model, result.output)
    target = args.target or said.leading
    try:
        result.output.scalar(target)
    except ValueError as error:
        raise UserError(f"--target: {error}") from error
    then = _covered(model, args, face)
    regions = region_shares(result)
    path = write_expression(
        args.out,
        result,
        face,
        said,
        method,
        sidecar=sidecar,
        regions=regions,
        target=target,
        layer=args.layer,
        covered=then,
        archive=args.zip,
    )
    changes = [change_sentence(said, now, words) for words, now in then.items()]
    return "\n".join([*in_lines(said), *changes, region_sentences(regions, target), NOTICE, str(path)])


def _covered(model: Expression, args: argparse.Namespace, face: Face) -> dict[str, Said]:
    """What is covered, in words -> the answer then; empty where nothing is to be covered."""
    if not args.cover:
        return {}
    (said,) = ask(model, [covered(face, model.spec, args.cover, args.seed)])
    return {cover_words(args.cover): said}


def in_lines(said: Said) -> list[str]:
    """The answer, a line for the sentence, one for all shares, one for valence and arousal."""
    affect = said.affect
    return [
        f"{sentence(said)} {capital(split_words(said))}.",
        ", ".join(f"{name} {share:.3f}" for name, share in said.ranked),
        f"Derived from the shares, not learned: valence {affect.valence:+.2f}, arousal {affect.arousal:+.2f} "
        f"(left out: {affect.left_out:.3f} for disgust and contempt).",
    ]


if __name__ == "__main__":
    sys.exit(main())
