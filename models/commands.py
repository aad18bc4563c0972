"""What command lines share: an error for the user is one line on stderr and status 2; outputs are tried early."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from models.errors import UserError

FOR_THE_USER: tuple[type[Exception], ...] = (UserError, OSError)
"""Errors whose message says what the user can put right."""
P = ParamSpec("P")
T = TypeVar("T")


class Refused(SystemExit):
    """Ends a program with status 2; its text is the line that was written on stderr."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.code = 2


def refuse(error: BaseException) -> Refused:
    """Write "error: ..." on stderr, whatever its encoding can hold, on one line -> what to raise."""
    line = f"error: {' '.join(_words(error).split())}"
    print(printable(line, sys.stderr.encoding), file=sys.stderr)
    return Refused(line)


def _words(error: BaseException) -> str:
    """The message; a KeyError's own text would put it in quotes."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error) or type(error).__name__


def printable(text: str, encoding: str | None) -> str:
    """The text with "\\xe9" in place of what an encoding cannot hold, undecodable bytes of file names included."""
    return text.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8", "replace")


def command(*also: type[Exception]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator of a main(): errors for the user, and those of `also`, are refused (see refuse)."""

    def decorate(main: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(main)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return main(*args, **kwargs)
            except (*FOR_THE_USER, *also) as error:
                raise refuse(error) from error

        return run

    return decorate


def check_file(path: Path | None, flag: str) -> None:
    """Before the work: a file can be written at `path`. Nothing is made; None, for "not given", passes.

    Raises:
        UserError: it cannot; the message names the flag.
    """
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"{flag}: {path} is a folder; give the name of a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise UserError(f"{flag}: {path} cannot be written")
    there = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UserError(f"{flag}: {path} cannot be written ({error.strerror or error})") from error
