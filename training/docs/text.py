"""Markdown: tables, headings' anchors, links from page to page, a block between two markers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MADE = "<!-- Written by `python -m training.cards`; do not edit by hand. -->"
"""First line of every page that is written whole."""


def table(cells: Sequence[Sequence[str]]) -> str:
    """A table with its first row as the heading."""
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|---" * len(cells[0]) + "|", *lines[1:]])


def with_interval(values: Mapping[str, Any], key: str) -> str:
    """ "0.737 (0.717-0.758)", without brackets where no interval was measured."""
    interval = values.get(f"{key}_ci95")
    return f"{values[key]:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")


def filled(cells: Sequence[Sequence[str]], columns: Sequence[int]) -> list[list[str]]:
    """Some columns of a table, the first always; rows and columns without any number are left out."""
    kept = [i for i in columns if any(row[i] for row in cells[1:])]
    rows = [[row[0], *(row[i] for i in kept)] for row in cells]
    return [rows[0], *(row for row in rows[1:] if any(row[1:]))] if kept else []


def sentence(text: str) -> str:
    """Capital at the front and a full stop behind."""
    return f"{text[0].upper()}{text[1:]}".rstrip(".") + "."


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def link(text: str, page: Path, target: Path, heading: str = "") -> str:
    """A Markdown link on `page` to `target`, relative, to a heading there if one is named."""
    path = "" if page == target else os.path.relpath(target, page.parent)
    return f"[{text}]({path}{'#' + slug(heading) if heading else ''})"


def put(page: str, name: str, text: str) -> str:
    """The page with `text` between its markers `<!-- name -->` and `<!-- /name -->`.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"no {begin} ... {end} on the page")
    return page.split(begin)[0] + f"{begin}\n{text}\n{end}" + page.split(end)[1]
