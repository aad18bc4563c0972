"""Pages made from a template: reports that are read without a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def filled(template: Path, values: Mapping[str, Any]) -> str:
    """A template of Jinja with its values, escaped; it can build on those beside it.

    Raises:
        UndefinedError: a value lacks.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(values) + "\n"
