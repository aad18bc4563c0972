"""Lists as files: tables that spreadsheets write, and the text lists of LFW and MFR2.

An error names the file, the row and the form that was wanted.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.errors import UserError

SEPARATORS = ",;\t"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
PAIR_FORM = '"name 1 4" (two photos of one person) or "name 1 other 2"'


class DataError(UserError, FileNotFoundError):
    """A research set is not where it is looked for; the message names the missing path and the ways to give it."""


class ListError(UserError, ValueError):
    """A list has another form than its reader takes; the message names the file, the row and the form."""


def need(path: Path) -> Path:
    """The path itself.

    Raises:
        DataError: it does not exist.
    """
    if not path.exists():
        raise DataError(f"missing {path}. Is {path.parent} complete? The README says where to obtain each set.")
    return path


def read_text(path: Path) -> str:
    """The text of a list: UTF-8, with or without a byte order mark, or UTF-16 with one.

    Raises:
        DataError: no such file.  ListError: a folder, or text of another encoding.
    """
    if need(path).is_dir():
        raise ListError(f"{path} is a folder; a list is a file.")
    data = path.read_bytes()
    encoding = next((name for bom, name in _BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ListError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from error
    if "\0" in text:
        raise ListError(f"{path} is not UTF-8 text (it holds zero bytes): save it as UTF-8.")
    return text


def read_rows(path: Path, columns: Sequence[str], wanted: str = "") -> list[tuple[int, dict[str, str]]]:
    """The rows of a table with a header, cells stripped, empty rows left out: (number of the row, column -> cell).

    Comma, semicolon or tab part the cells, whichever the header has most of; "sep=;" may stand above it.

    Args:
        columns: what the header must have.
        wanted: the columns in words, for the message.

    Raises:
        DataError: no such file.  ListError: a column is missing, a row is cut short, or there is no row.
    """
    text = read_text(path)
    lines, above = list(io.StringIO(text, newline="")), 0
    separator = max(SEPARATORS, key=lines[0].count) if lines else ","
    if lines and lines[0].strip().lower()[:4] == "sep=":
        separator, above = lines[0].strip()[4:5] or "\t", 1
    table = _filled(path, lines[above:], separator, above)
    header = next(table, (0, []))[1]
    missing = [c for c in columns if c not in header]
    if missing:
        raise ListError(
            f"{path} wants the columns {wanted or ', '.join(columns)}; its first row, parted by {separator!r}, has: "
            f"{', '.join(header) or 'nothing'}."
        )
    rows = [(number, dict(zip(header, cells, strict=False))) for number, cells in table]
    if not rows:
        raise ListError(f"{path} has no row below its header.")
    for number, row in rows:
        if lost := [c for c in columns if not row.get(c)]:
            raise ListError(f"{path}, row {number}: nothing in the column {lost[0]}.")
    return rows


def _filled(path: Path, lines: list[str], separator: str, above: int) -> Iterator[tuple[int, list[str]]]:
    """(number, stripped cells) of every row that holds something."""
    reader = csv.reader(lines, delimiter=separator)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num + above, stripped
    except csv.Error as error:
        raise ListError(f"{path}, row {reader.line_num + above}: no row of a table ({error}).") from error


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
