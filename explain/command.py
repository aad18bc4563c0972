"""What the command lines share: arguments, faces from photos, and errors for the person at the keyboard."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.commands import FOR_THE_USER, printable, refuse
from models.errors import UserError as UserError
from models.faces.detect import detect_faces
from models.faces.face import Face
from models.faces.photo import PhotoError, open_photo
from models.numbers import check_options
from models.weights import default_model


def run(
    work: Callable[[argparse.Namespace], str],
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None = None,
    *,
    also: tuple[type[Exception], ...] = (),
) -> int:
    """Parse, work, print what it returns.

    Args:
        work: parsed arguments -> the lines to print.
        arguments: by default the program's own.
        also: errors beside UserError and OSError whose message is for the user.

    Returns:
        The exit status: 0, or 2 with one line on stderr, "error: ...", when the input cannot be used.
    """
    args = parser.parse_args(arguments)
    made: list[Path] = []
    try:
        check_options(vars(args))
        made += try_outputs(vars(args))
        print(printable(work(args), sys.stdout.encoding))
    except (*FOR_THE_USER, *also) as error:
        if isinstance(error, UnwrittenError):
            print(printable(error.shown, sys.stdout.encoding))
        refuse(error)
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # not empty: something was written
                folder.rmdir()
        return 2
    return 0


class UnwrittenError(UserError):
    """A file could not be written after the work was done; the result is shown all the same.

    Attributes:
        shown: the lines that the command would have printed.
    """

    def __init__(self, words: str, shown: str) -> None:
        super().__init__(words)
        self.shown = shown


def try_outputs(options: Mapping[str, Any]) -> list[Path]:
    """Before the work: make the folders of --out and --csv, and see that they can be written.

    Returns:
        The folders that were not there before, outer ones first.

    Raises:
        UserError: one cannot; the message names the flag.
    """
    made: list[Path] = []
    for name, folder in (("out", options.get("out")), ("csv", (csv := options.get("csv")) and csv.parent)):
        if folder is None:
            continue
        try:
            made += [f for f in reversed([folder, *folder.parents]) if not f.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UserError(f"--{name}: {folder} cannot be written ({error.strerror or error})") from error
    if csv and csv.is_dir():
        raise UserError(f"--csv: {csv} is a folder; give the name of a file")
    return made


def add_pair(parser: argparse.ArgumentParser) -> None:
    """photo_a, photo_b, --face-a, --face-b."""
    for side in "ab":
        parser.add_argument(f"photo_{side}", type=Path)
    for side in "ab":
        add_face(parser, f"--face-{side}", f"photo {side.upper()}")


def add_face(parser: argparse.ArgumentParser, flag: str, photo: str) -> None:
    """Which face of a photo."""
    parser.add_argument(flag, type=int, default=1, help=f"which face of {photo}, from 1, the largest; default: 1")


def add_model(parser: argparse.ArgumentParser, task: str = "kinship") -> None:
    """--model, by default the task's default_model."""
    parser.add_argument("--model", default=default_model(task), help="a weight; default: %(default)s")


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """--threshold; `run` refuses one outside [0, 1]."""
    parser.add_argument("--threshold", type=float, help="on the score, in [0, 1]; default: the weight's own")


def add_report(parser: argparse.ArgumentParser, folder: str) -> None:
    """--out and --zip."""
    parser.add_argument("--out", type=Path, default=Path(folder), help="folder to write; default: %(default)s")
    parser.add_argument("--zip", action="store_true", help="also pack the report into OUT.zip")


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Inside it, a photo that cannot be used is named: a PhotoError becomes a UserError that begins with the path."""
    try:
        yield
    except PhotoError as error:
        raise UserError(f"{path}: {error}") from error


def face_of(path: Path, flag: str, number: int) -> Face:
    """The face of a photo that a flag asks for, counted from 1.

    Raises:
        UserError: no such photo, or no such face in it.
    """
    with named(path):
        faces = detect_faces(open_photo(path))
    if not faces:
        raise UserError(
            f"{path}: no face was found in this photo. Choose one in which a face is larger or less turned."
        )
    if not 1 <= number <= len(faces):
        known = "1" if len(faces) == 1 else f"1 to {len(faces)}"
        raise UserError(f"{path}: {flag} {number} does not exist; {len(faces)} found, numbered {known}.")
    return faces[number - 1]
