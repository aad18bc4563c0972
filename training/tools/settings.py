"""A recipe's settings on the command line: a flag for each field of its dataclass, and a range for each number."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from models.errors import UserError
from models.face_model import FaceModel
from models.numbers import Range, within
from models.pair import PairModel
from models.registry import create_model

T = TypeVar("T")
N = TypeVar("N", bound=FaceModel)
TEACHERS = ("edgeface", "dlib_resnet")
"""Weights that teach: a network trained on web faces, and the reference encoder; they err on different faces."""
_COUNT, _AMOUNT, _SHARE = Range(1, 10**9, whole=True), Range(0, 10**6), Range(0, 1)
SETTINGS: Mapping[str, Range] = {
    **dict.fromkeys(("epochs", "steps", "batch", "groups", "check", "patience", "seeds", "jobs", "views"), _COUNT),
    **dict.fromkeys(("warmup", "morphs", "overfit", "limit"), Range(0, 10**9, whole=True)),
    **dict.fromkeys(("pairs", "negatives", "photos", "faces"), _COUNT),
    **dict.fromkeys(("decay", "balance", "average", "worn", "cropped", "hard"), _SHARE),
    **dict.fromkeys(("flip", "grey", "erase", "erase_side", "brightness", "saturation"), _SHARE),
    **dict.fromkeys(
        ("margin_loss", "symface", "contrast", "cross_entropy", "diversity", "center", "teacher", "noise", "relation"),
        _AMOUNT,
    ),
    **dict.fromkeys(("weight_decay", "offsets", "reach"), Range(0, 1000)),
    **dict.fromkeys(("temperature", "relation_scale"), Range(1e-4, 10**6)),
    "lr": Range(1e-9, 10),
    "sample_rate": Range(0.001, 1),
    "ratio": Range(0, 1000),
    "seed": Range(0, 2**32 - 1, whole=True),
    **dict.fromkeys(("smooth", "patches"), _SHARE),
    **dict.fromkeys(("head_rate", "gate_rate", "single_loss"), _AMOUNT),
    "factors": Range(0.05, 1),
    "shift": _SHARE,
    "scale": Range(1, 4),
    "degrees": Range(0, 180),
}
"""Setting -> its range, on the command line and in overrides."""


def checked(args: argparse.Namespace) -> argparse.Namespace:
    """The same arguments, whose numbers lie in the ranges of SETTINGS.

    Raises:
        RangeError: one does not; the message names the flag.
    """
    for dest, given in vars(args).items():
        name = dest.removeprefix("how_")
        flag = "--weight-of-teacher" if dest == "how_teacher" else f"--{name.replace('_', '-')}"
        _check(name, given, flag)
    return args


def _check(name: str, given: Any, shown: str) -> None:
    for value in given if isinstance(given, list | tuple) else [given]:
        if name in SETTINGS and isinstance(value, int | float) and not isinstance(value, bool):
            within(SETTINGS[name], value, shown)


def add_settings(parser: argparse.ArgumentParser, defaults: Any, **choices: Sequence[str]) -> None:
    """--field VALUE for every field of a dataclass instance, --field and --no-field for booleans.

    Args:
        choices: the values that a field may have, where they are few.
    """
    for name, value in asdict(defaults).items():
        kind = argparse.BooleanOptionalAction if isinstance(value, bool) else None
        options: dict[str, Any] = {"action": kind} if kind else {"type": type(value)}
        if name in choices:
            options["choices"] = choices[name]
        parser.add_argument(f"--{name.replace('_', '-')}", default=value, **options)


def add_export(parser: argparse.ArgumentParser) -> None:
    """--no-export and --export-only, for a run that was made on another machine: its folder is copied here."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--no-export", dest="export", action="store_false", help="leave weights/ as it is")
    group.add_argument("--export-only", action="store_true", help="export what the run folder holds, train nothing")


def add_teachers(parser: argparse.ArgumentParser) -> None:
    """--teachers: whose embeddings lessons are made of."""
    parser.add_argument(
        "--teachers", nargs="+", default=list(TEACHERS), help="trained weights whose embedding to learn"
    )


def json_object(text: str) -> dict[str, Any]:
    """The value of a flag that takes overrides: a JSON object.

    Raises:
        ArgumentTypeError: it is none; argparse names the flag.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'wants a JSON object such as {{"name": 1}}, found {text[:60]!r}')
    return value


def network(name: str, config: dict[str, Any]) -> PairModel:
    """The untrained two-face network of --model and --config. Raises UserError: as network_of."""
    return network_of(PairModel, name, config)  # type: ignore[type-abstract]  # only asked whether it is one


def network_of(kind: type[N], name: str, config: dict[str, Any]) -> N:
    """The untrained network of --model and --config, which must be of a kind.

    Raises:
        UserError: there is none of that name, it cannot be built so, or is of another kind.
    """
    try:
        model = create_model(name, **config)
        if not isinstance(model, kind):
            raise TypeError(f"it is no {kind.__name__}")
        return model
    except KeyError as error:
        raise UserError(f"--model: {error.args[0]}") from error
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError) as error:
        given = f" --config {json.dumps(config)}" if config else ""
        raise UserError(f"--model {name}{given} cannot be built: {error}") from error


def overridden(defaults: T, given: dict[str, Any], flag: str) -> T:
    """A dataclass with the values that a flag gave. Raises UserError for a name it does not have, or a wrong number."""
    known = asdict(defaults)  # type: ignore[call-overload]
    if unknown := sorted(set(given) - set(known)):
        raise UserError(f"{flag} has no {unknown[0]!r}; there are: {', '.join(known)}")
    for name, value in given.items():
        if name in SETTINGS and not isinstance(value, list | tuple):
            within(SETTINGS[name], value, f"{flag} {name}")
        _check(name, value, f"{flag} {name}")
    return type(defaults)(**{**known, **given})


def chosen(defaults: T, args: argparse.Namespace) -> T:
    """The same dataclass with what the user gave."""
    return type(defaults)(**{name: getattr(args, name) for name in asdict(defaults)})  # type: ignore[call-overload]
