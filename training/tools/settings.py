"""A recipe's settings on the command line: a flag for each field of its dataclass."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

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


def chosen(defaults: T, args: argparse.Namespace) -> T:
    """The same dataclass with what the user gave."""
    return type(defaults)(**{name: getattr(args, name) for name in asdict(defaults)})  # type: ignore[call-overload]
