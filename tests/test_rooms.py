"""Imports go one way: app -> ui -> explain -> models <- training; a use never imports another use; no file is long."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import explain

ROOT = Path(__file__).parent.parent
ROOMS = ("models", "explain", "training", "ui")
MAY_IMPORT = {"models": set(), "explain": {"models"}, "training": {"models"}, "ui": {"explain", "models"}}
FOREIGN = {"models": {"gradio", "plotly", "matplotlib"}, "explain": {"gradio", "matplotlib"}, "training": {"gradio"}}
SHARED = {
    "ui": {"shared", "serve"},
    "explain": {"core", "methods", "report", "registry", "evidence", "command", "__main__", "__init__"},
}
"""What a use may import of its own room; everything else there is a use."""
MOST_ROOMS, MOST_LINES = 12, 300


def modules(path: Path) -> set[str]:
    """Dotted names of what a file imports, wherever it stands: the module, and "module.name" of names taken from it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    for n in nodes:
        if isinstance(n, ast.ImportFrom) and n.module and not n.level:
            names |= {n.module, *(f"{n.module}.{alias.name}" for alias in n.names)}
    return names


def imported(path: Path) -> set[str]:
    """Top-level names of every import in a file."""
    return {name.split(".")[0] for name in modules(path)}


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def use_of(path: Path, room: str) -> str:
    """The use a file of ui or explain belongs to; "" for what is shared."""
    first = path.relative_to(ROOT / room).parts[0].removesuffix(".py")
    return "" if first in SHARED[room] else first


def uses(room: str) -> set[str]:
    return {use_of(f, room) for f in files(room)} - {""}


def strangers(room: str) -> Iterator[tuple[str, str]]:
    """Imports of a use by a file that is not of that use."""
    for path in files(room):
        for name in modules(path):
            parts = name.split(".")
            if len(parts) > 1 and parts[0] == room and parts[1] in uses(room) - {use_of(path, room)}:
                yield str(path.relative_to(ROOT)), name


@pytest.mark.parametrize("room", ROOMS)
def test_direction_of_imports(room: str) -> None:
    assert files(room), f"{room}/ has no files: the check would see nothing"
    forbidden = (set(ROOMS) | {"app", "tests", "benchmarks"}) - MAY_IMPORT[room] - {room} | FOREIGN.get(room, set())
    wrong = {str(f.relative_to(ROOT)): sorted(imported(f) & forbidden) for f in files(room) if imported(f) & forbidden}
    assert not wrong


def test_app_imports_ui_only() -> None:
    assert not imported(ROOT / "app.py") & {"models", "explain", "training"}
    assert len((ROOT / "app.py").read_text().splitlines()) < 150


@pytest.mark.parametrize("room", ["ui", "explain"])
def test_uses_never_import_each_other(room: str) -> None:
    assert {"kinship", "partial", "attention", "keypoints"} <= uses(room)
    assert not list(strangers(room))


@pytest.mark.parametrize("room", ["ui", "explain"])
def test_few_rooms(room: str) -> None:
    names = {p.name for p in (ROOT / room).iterdir() if p.is_dir() or p.suffix == ".py"}
    assert len(names - {"__pycache__", "__init__.py", "__main__.py"}) <= MOST_ROOMS


def test_no_file_is_long() -> None:
    every = [f for room in (*ROOMS, "tests", "benchmarks") for f in files(room)]
    assert not {str(f.relative_to(ROOT)): n for f in every if (n := len(f.read_text().splitlines())) > MOST_LINES}


@pytest.mark.parametrize("room", ROOMS)
def test_no_private_name_leaves_its_file(room: str) -> None:
    def private(path: Path) -> list[str]:
        nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
        names = [a.name for n in nodes if (n.module or "").split(".")[0] in ROOMS for a in n.names]
        return [name for name in names if name.startswith("_") and not name.startswith("__")]

    assert not {str(f.relative_to(ROOT)): private(f) for f in files(room) if private(f)}


def test_the_reader_sees_a_wrong_import(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("def f():\n    from gradio.blocks import Blocks\n    import explain.render\n")
    assert imported(path) == {"gradio", "explain"}
    assert modules(path) == {"gradio.blocks", "gradio.blocks.Blocks", "explain.render"}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules along a circle of imports; empty when there is none."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph.get(name, set())):
            if found := walk(other, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in graph if (found := walk(name, []))), [])


def test_no_circle_of_imports() -> None:
    names = {".".join(f.relative_to(ROOT).with_suffix("").parts): f for room in ROOMS for f in files(room)}
    packages = {n.removesuffix(".__init__") for n in names if n.endswith(".__init__")}
    graph = {name: modules(path) & (set(names) - packages - {name}) for name, path in names.items()}
    assert not circle(graph)
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]


def test_no_module_takes_the_place_of_a_public_name() -> None:
    """A module of a function's name would replace it in the package as soon as somebody imports the module."""
    for module in pkgutil.iter_modules(explain.__path__):
        if module.name != "__main__":
            importlib.import_module(f"explain.{module.name}")
    found = {name for name in explain.__all__ if isinstance(getattr(explain, name), ModuleType)}
    assert found == {name for name in explain.__all__ if name.startswith("render")}
