"""Lists as files: tables (models/tables.py), and the text lists of LFW and MFR2.

An error names the file, the row and the form that was wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from models.errors import UserError
from models.tables import ListError as ListError
from models.tables import Rows, table_of, text_of

PAIR_FORM = '"name 1 4" (two photos of one person) or "name 1 other 2"'


class DataError(UserError, FileNotFoundError):
    """A research set is not where it is looked for; the message names the missing path and the ways to give it."""


def need(path: Path) -> Path:
    """The path itself.

    Raises:
        DataError: it does not exist.
    """
    if not path.exists():
        raise DataError(f"missing {path}. Is {path.parent} complete? docs/reproduce.md says where it comes from.")
    return path


def read_text(path: Path) -> str:
    """The text of a list, see models.tables.text_of.

    Raises:
        DataError: no such file.  ListError: a folder, or text of another encoding.
    """
    if need(path).is_dir():
        raise ListError(f"{path} is a folder; a list is a file.")
    return text_of(path.read_bytes(), str(path))


def read_rows(path: Path, columns: Sequence[str], wanted: str = "") -> Rows:
    """The rows of a table (models.tables.table_of), each with a cell in every one of `columns`.

    Raises:
        DataError: no such file.  ListError: a column is missing, a row is cut short, or there is no row.
    """
    rows = table_of(read_text(path), str(path), columns, wanted).rows
    for number, row in rows:
        check_filled(path, number, {c: row.get(c, "") for c in columns})
    return rows


def check_filled(path: Path, number: int, cells: Mapping[str, str]) -> None:
    """Does a row have something in each of these columns? Raises ListError where it does not."""
    if lost := [column for column, cell in cells.items() if not cell]:
        raise ListError(f"{path}, row {number}: nothing in the column {lost[0]}.")


def read_csv(path: Path, columns: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of read_rows without their numbers."""
    return [row for _, row in read_rows(path, columns)]


def flag(path: Path, number: int, column: str, cell: str) -> bool:
    """A cell that is 0 or 1. Raises ListError for another one."""
    if cell not in ("0", "1"):
        raise ListError(f"{path}, row {number}: {column} is 0 or 1, found {cell!r}.")
    return cell == "1"


def check_photos(path: Path, number: int, folder: Path | None, *names: str) -> None:
    """Are the photos that a row names in the folder? Nothing is looked for without one.

    Raises:
        DataError: one is missing.
    """
    for name in names:
        if folder is not None and not (folder / name).is_file():
            raise DataError(f"{path}, row {number}: there is no photo {name} in {folder}.")


def named_pairs(path: Path, lines: Sequence[tuple[int, str]]) -> list[tuple[int, tuple[str, int], tuple[str, int]]]:
    """Lines of a list in LFW's form -> (number of the line, (name, photo), (name, photo)).

    Raises:
        ListError: a line of another form.
    """
    return [(number, *_named_pair(path, number, line.split())) for number, line in lines]


def _named_pair(path: Path, number: int, cells: list[str]) -> tuple[tuple[str, int], tuple[str, int]]:
    other, last = (cells[0], cells[-1]) if len(cells) == 3 else (cells[-2:] if len(cells) == 4 else ("", ""))
    if not (other and cells[1].isdecimal() and last.isdecimal()):
        raise ListError(f"{path}, line {number}: wants {PAIR_FORM}, found {' '.join(cells)[:60]!r}.")
    return (cells[0], int(cells[1])), (other, int(last))


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """(number, line) of the lines that hold something. Raises ListError when none does."""
    lines = [(i, line.strip()) for i, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]
    if not lines:
        raise ListError(f"{path} is empty.")
    return lines
