"""A recipe's settings on the command line: a flag for each field of its dataclass."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from models.errors import UserError
from models.pair import PairModel
from models.registry import create_pair

T = TypeVar("T")


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
    """The untrained network of --model and --config.

    Raises:
        UserError: there is none of that name, or it cannot be built so.
    """
    try:
        return create_pair(name, **config)
    except KeyError as error:
        raise UserError(f"--model: {error.args[0]}") from error
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError) as error:
        given = f" --config {json.dumps(config)}" if config else ""
        raise UserError(f"--model {name}{given} cannot be built: {error}") from error


def overridden(defaults: T, given: dict[str, Any], flag: str) -> T:
    """A dataclass with the values that a flag gave. Raises UserError for a name it does not have."""
    known = asdict(defaults)  # type: ignore[call-overload]
    if unknown := sorted(set(given) - set(known)):
        raise UserError(f"{flag} has no {unknown[0]!r}; there are: {', '.join(known)}")
    return type(defaults)(**{**known, **given})


def chosen(defaults: T, args: argparse.Namespace) -> T:
    """The same dataclass with what the user gave."""
    return type(defaults)(**{name: getattr(args, name) for name in asdict(defaults)})  # type: ignore[call-overload]
