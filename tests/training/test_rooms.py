"""Which folder of training/ imports which, and that no module comes round to itself."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARDS = "training.cards"
"""With training/docs/, which writes the pages. Every export ends with it; it reads sidecars, results and studies."""
MAY_IMPORT = {
    "models": {"models"},
    "data": {"data", "models"},
    "evaluate": {"evaluate", "data", "tools", "models"},
    "tools": {"tools", "evaluate", "data", "models", "cards"},
    "recipe": {"tools", "evaluate", "data", "models", "cards"},
    "studies": {"studies", "recipe", "tools", "evaluate", "data", "models", "cards"},
    "cards": {"cards", "studies", "tools", "evaluate", "data", "models"},
}


def name_of(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph_of(root: Path) -> dict[str, set[str]]:
    """Module -> the modules of models/ and training/ that it imports, wherever in the file."""
    files = {name_of(f, root): f for folder in ("models", "training") for f in (root / folder).rglob("*.py")}
    return {name: imported(ast.parse(file.read_text()), files.keys()) - {name} for name, file in files.items()}


def imported(tree: ast.AST, known: object) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.add(module if module in known else node.module)  # type: ignore[operator]
    return {name for name in found if name in known}  # type: ignore[operator]


def room(module: str) -> str:
    parts = module.split(".")
    if module == CARDS or parts[:2] == ["training", "docs"]:
        return "cards"
    if parts[0] == "models" or parts == ["training"]:
        return "models"
    return parts[1] if parts[1] in MAY_IMPORT else "recipe"


GRAPH = graph_of(ROOT)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_direction_of_imports(folder: str) -> None:
    own = {module: others for module, others in GRAPH.items() if room(module) == folder}
    assert own, f"no module of {folder}: the check would see nothing"
    wrong = {m: sorted(o for o in others if room(o) not in MAY_IMPORT[folder]) for m, others in own.items()}
    assert not {module: others for module, others in wrong.items() if others}


def test_no_module_comes_round_to_itself() -> None:
    assert len(GRAPH) > 100 and "training.data.sets" in GRAPH["training.data.triplets"]
    TopologicalSorter(GRAPH).prepare()  # raises on a circle


@pytest.mark.parametrize("folder", ["models", "training"])
def test_nothing_private_is_imported(folder: str) -> None:
    wrong = [
        f"{file}: {alias.name}"
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
        if alias.name.startswith("_")
    ]
    assert not wrong


def test_a_circle_and_a_wrong_direction_are_seen(tmp_path: Path) -> None:
    files = {
        "training/__init__.py": "",
        "training/data/__init__.py": "",
        "training/data/a.py": "from training import distill\n",
        "training/distill.py": "def f():\n    from training.data import a\n",
        "models/b.py": "import training.data.a\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = graph_of(tmp_path)
    assert graph["training.data.a"] == {"training.distill"} and graph["models.b"] == {"training.data.a"}
    assert room("training.distill") == "recipe" and room("training.data.a") == "data"
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()
