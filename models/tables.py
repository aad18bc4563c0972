"""Tables that spreadsheets write, read with their separators and encodings; and cells that none of them runs.

An error names the file, the row and the form that was wanted.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from models.errors import UserError

SEPARATORS = ",;\t"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What a spreadsheet takes for the start of a formula, in a cell that should be text."""

Rows = list[tuple[int, dict[str, str]]]
"""(number of the row in its file, column -> cell)."""


class ListError(UserError, ValueError):
    """A list has another form than its reader takes; the message names the file, the row and the form."""


def text_of(data: bytes, name: str) -> str:
    """The text of a list: UTF-8, with or without a byte order mark, or UTF-16 with one.

    Args:
        data: the file.
        name: what the message calls it.

    Raises:
        ListError: text of another encoding.
    """
    encoding = next((known for bom, known in _BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ListError(f"{name} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from error
    if "\0" in text:
        raise ListError(f"{name} is not UTF-8 text (it holds zero bytes): save it as UTF-8.")
    return text


class Table(NamedTuple):
    """A table's columns, and its rows."""

    header: tuple[str, ...]
    rows: Rows


def table_of(text: str, name: str, columns: Sequence[str], wanted: str = "") -> Table:
    """A table with a header, cells stripped, empty rows left out; a row may lack cells.

    Comma, semicolon or tab part the cells, whichever the header has most of; "sep=;" may stand above it.

    Args:
        text: of the file.
        name: what the message calls it.
        columns: what the header must have.
        wanted: the columns in words, for the message.

    Raises:
        ListError: a column is missing, or there is no row.
    """
    lines, above = list(io.StringIO(text, newline="")), 0
    separator = max(SEPARATORS, key=lines[0].count) if lines else ","
    if lines and lines[0].strip().lower()[:4] == "sep=":
        separator, above = lines[0].strip()[4:5] or "\t", 1
    table = _filled(name, lines[above:], separator, above)
    header = next(table, (0, []))[1]
    missing = [c for c in columns if c not in header]
    if missing:
        raise ListError(
            f"{name} wants the columns {wanted or ', '.join(columns)}; its first row, parted by {separator!r}, has: "
            f"{', '.join(header) or 'nothing'}."
        )
    rows = [(number, dict(zip(header, cells, strict=False))) for number, cells in table]
    if not rows:
        raise ListError(f"{name} has no row below its header.")
    return Table(tuple(header), rows)


def _filled(name: str, lines: list[str], separator: str, above: int) -> Iterator[tuple[int, list[str]]]:
    """(number, stripped cells) of every row that holds something."""
    reader = csv.reader(lines, delimiter=separator)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num + above, stripped
    except csv.Error as error:
        raise ListError(f"{name}, row {reader.line_num + above}: no row of a table ({error}).") from error


def plain_cell(text: str) -> str:
    """Text that no spreadsheet runs as a formula: an apostrophe goes before what would start one."""
    return f"'{text}" if text.startswith(_FORMULA) else text
