"""Imports go one way: app -> ui -> explain -> models <- training."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import explain

ROOT = Path(__file__).parent.parent
ROOMS = ("models", "explain", "training", "ui")
MAY_IMPORT = {"models": set(), "explain": {"models"}, "training": {"models"}, "ui": {"explain", "models"}}
FOREIGN = {"models": {"gradio", "plotly", "matplotlib"}, "explain": {"gradio", "matplotlib"}, "training": {"gradio"}}


def imported(path: Path) -> set[str]:
    """Top-level names of every import in a file, wherever it stands."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    names |= {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module and not n.level}
    return {name.split(".")[0] for name in names}


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_direction_of_imports(room: str) -> None:
    assert files(room), f"{room}/ has no files: the check would see nothing"
    forbidden = (set(ROOMS) | {"app", "tests", "benchmarks"}) - MAY_IMPORT[room] - {room} | FOREIGN.get(room, set())
    wrong = {str(f.relative_to(ROOT)): sorted(imported(f) & forbidden) for f in files(room) if imported(f) & forbidden}
    assert not wrong


def test_app_imports_ui_only() -> None:
    assert not imported(ROOT / "app.py") & {"models", "explain", "training"}
    assert len((ROOT / "app.py").read_text().splitlines()) < 150


def test_the_reader_sees_a_wrong_import(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("def f():\n    from gradio.blocks import Blocks\n    import explain.render\n")
    assert imported(path) == {"gradio", "explain"}


def test_no_module_takes_the_place_of_a_public_name() -> None:
    """A module of a function's name would replace it in the package as soon as somebody imports the module."""
    for module in pkgutil.iter_modules(explain.__path__):
        if module.name != "__main__":
            importlib.import_module(f"explain.{module.name}")
    modules = {name for name in explain.__all__ if isinstance(getattr(explain, name), ModuleType)}
    assert modules == {name for name in explain.__all__ if name.startswith("render")}
