"""Names and paths of the repository's modules in docstrings, comments and pages lead to what is there."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("models", "explain", "training", "ui", "benchmarks", "tests")
PAGES = [ROOT / "README.md", ROOT / "weights" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAME = re.compile(rf"(?<![\w./-])(?:{'|'.join(ROOMS)})(?:[./][A-Za-z_]\w*)+")
IMPORT = re.compile(r"^ *(from|import) .*", re.MULTILINE)
BLOCKS = (ast.If, ast.Try, ast.ExceptHandler, ast.With, ast.For)
"""Statements whose bodies bind names where they stand."""


def words(path: Path) -> str:
    """Docstrings, those of attributes included, and comments of a Python file; all of a page."""
    text = path.read_text()
    if path.suffix != ".py" or not NAME.search(IMPORT.sub("", text)):
        return text if path.suffix != ".py" else ""
    docs = [n.value.value for n in statements(tree(path)) if isinstance(n, ast.Expr) and is_text(n.value)]
    comments = [t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.COMMENT]
    return "\n".join([*docs, *comments])


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def statements(node: ast.AST, inside: tuple[type[ast.AST], ...] = (ast.AST,)) -> Iterator[ast.AST]:
    """Every statement in a node, and those in statements of some kinds."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler):
            yield child
            if isinstance(child, inside):
                yield from statements(child, inside)


def bound(block: ast.AST) -> dict[str, ast.AST]:
    """Name -> the statement of a module or class that binds it."""
    found: dict[str, ast.AST] = {}
    for node in statements(block, BLOCKS):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0]: node for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {n.id: node for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return found


@cache
def names_of(path: Path) -> dict[str, ast.AST]:
    return bound(tree(path))


def attributes(node: ast.ClassDef) -> set[str]:
    """Of a class, and what its methods set on self."""
    written = {
        n.attr
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and ast.unparse(n.value) == "self"
    }
    return {*bound(node), *written}


def resolves(name: str) -> bool:
    """A file, a module, what it binds, or what a class of its has; of what comes from elsewhere one word is read."""
    if (ROOT / name).exists():
        return True
    path, rest = ROOT, name.replace("/", ".").split(".")
    while rest and (path / rest[0]).is_dir():
        path, rest = path / rest[0], rest[1:]
    if rest and (path / f"{rest[0]}.py").is_file():
        path, rest = path / f"{rest[0]}.py", rest[1:]
    if not rest:
        return True
    file = path if path.is_file() else path / "__init__.py"
    node = names_of(file).get(rest[0]) if file.is_file() else None
    if node is None or len(rest) == 1:
        return node is not None
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOMS:
        origin = next(alias.name for alias in node.names if (alias.asname or alias.name) == rest[0])
        return resolves(".".join([str(node.module), origin, *rest[1:]]))
    return not isinstance(node, ast.ClassDef) or bool(node.bases) or rest[1] in attributes(node)


def test_names_lead_somewhere() -> None:
    files = [ROOT / "app.py", *(f for room in ROOMS for f in sorted((ROOT / room).rglob("*.py"))), *PAGES]
    found = [(str(f.relative_to(ROOT)), name) for f in files for name in NAME.findall(words(f))]
    assert len(found) > 100, "too few were read: the check would see nothing"
    assert not sorted({(file, name) for file, name in found if not resolves(name)})


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("models.tasks", True),
        ("models.task", False),
        ("models/tasks.py", True),
        ("models/tasks.pyc", False),
        ("models.tasks.TASKS", True),
        ("models.tasks.TASK", False),
        ("models.tasks.Task.decision", True),
        ("models.tasks.Task.decided", False),
        ("models.load_model", True),
        ("models.load", False),
        ("models.outputs.PairOutput.similarity", True),
        ("models.predict.step", False),
    ],
)
def test_a_wrong_name_is_seen(name: str, there: bool) -> None:
    assert resolves(name) == there
    assert NAME.findall(f"As {name}, not torchvision.{name}.") == [name]


def test_docstrings_and_comments_are_read_and_code_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text('"""models.a"""\nX = 1  # models.b\n"""models.c"""\nmodels.d()\ny = "models.e"\nimport models.f\n')
    assert NAME.findall(words(path)) == ["models.a", "models.c", "models.b"]
