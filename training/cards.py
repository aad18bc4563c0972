"""Reports into sidecars, and the pages that are written from sidecars.

    python -m training.cards [REPORT.json ...]

enters reports of training.evaluate into the sidecars of their weights, then writes weights/README.md, docs/results.md,
docs/reproduce.md, docs/cards/<name>.md and the table of models in README.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from models.commands import command
from models.weights import SHIPPED, Sidecar
from training.docs import card, facts, index, reproduce, results
from training.docs.text import MADE, put

ROOT = SHIPPED.parent


def pages(folder: Path = SHIPPED) -> dict[Path, str]:
    """Every page of a folder of weights, path -> text. Those of another folder than weights/ lie in that folder."""
    sidecars = sorted((Sidecar.from_json(p.read_text()) for p in folder.glob("*.json")), key=facts.order)
    docs = ROOT / "docs" if folder == SHIPPED else folder
    figures, shared = docs / "results.md", results.repeated(sidecars)
    made = {folder / "README.md": index.page(sidecars, folder, folder / "README.md", docs)}
    made[figures] = results.page(sidecars, folder)
    for sidecar in sidecars:
        here = index.card_path(docs, sidecar)
        made[here] = card.page(sidecar, folder, here, figures, shared)
    if folder == SHIPPED:
        readme, commands = ROOT / "README.md", docs / "reproduce.md"
        made[readme] = put(readme.read_text(), "models", index.models_table(sidecars, folder, readme, docs))
        made[commands] = reproduce.page(sidecars, commands, docs)
    return made


def write_cards(folder: Path = SHIPPED) -> Path:
    """Write pages() and remove the cards of weights that are gone.

    Returns:
        folder/README.md, the index.
    """
    made = pages(folder)
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in (ROOT / "docs" if folder == SHIPPED else folder).glob("cards/*.md"):
        if path not in made and path.read_text().startswith(MADE):
            path.unlink()
    return folder / "README.md"


def enter(report: dict[str, Any], folder: Path = SHIPPED) -> None:
    """Put an evaluation report into the sidecar of its weight, under the name of its task.

    Raises:
        ValueError: the report is on another file than the sidecar.
    """
    path = folder / f"{report['weight']}.json"
    sidecar = Sidecar.from_json(path.read_text())
    if report["weight_sha256"] != sidecar.sha256:
        raise ValueError(f"the report is on another {report['weight']} (sha256 differs): evaluate it again")
    sidecar.metrics[report["task"]] = {k: v for k, v in report.items() if k not in LEFT_OUT}
    path.write_text(sidecar.to_json())


LEFT_OUT = ("undetected_images", "published")
"""Of a report: names of somebody's images, and what is no measurement of the weight."""


@command()
def main() -> None:
    for argument in sys.argv[1:]:
        enter(json.loads(Path(argument).read_text()))
    print(write_cards())


if __name__ == "__main__":
    main()
