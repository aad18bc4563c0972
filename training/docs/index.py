"""weights/README.md, one screen, and the table of models in the README."""

from __future__ import annotations

from pathlib import Path

from models.evaluations import evaluation_of
from models.weights import Sidecar
from training.docs import facts
from training.docs.text import MADE, link, table

HEAD = """# Weights

A weight is `<name>.safetensors` with `<name>.json` beside it, its sidecar: config, sha256, command, data, figures,
licence. Loading verifies the sha256, builds the network from the config and loads strictly. "Non-commercial research"
comes from the sets a weight was trained on. No weight proves kinship or identity. Sizes as published are
`NAME.paper`; for them no weight is shipped."""


def page(sidecars: list[Sidecar], folder: Path, here: Path, docs: Path) -> str:
    """The index of a folder of weights.

    Args:
        folder: where the weights are.  here: path of the page.  docs: folder of cards/ and results.md.
    """
    rows = [
        [link(s.name, here, card_path(docs, s)), facts.title(s), facts.question(s), *_figure(s), facts.size(s, folder)]
        for s in sidecars
    ]
    heads = ["weight", "network", "question", "accuracy (95 %)", "on", "MB"]
    more = f"Every figure with its protocol: {link('results', here, docs / 'results.md')}."
    return "\n\n".join([MADE, HEAD, table([heads, *rows]), more]) + "\n"


def models_table(sidecars: list[Sidecar], folder: Path, here: Path, docs: Path) -> str:
    """The README's table: name, question, one figure with its interval, size, licence."""
    rows = [
        [
            link(s.name, here, card_path(docs, s)),
            facts.question(s),
            f"{on}: {figure}" if figure else "",
            facts.size(s, folder),
            "research" if "research" in s.licence else s.licence,
        ]
        for s in sidecars
        for figure, on in [_figure(s)]
    ]
    return table([["model", "question", "accuracy (95 %)", "MB", "licence"], *rows])


def card_path(docs: Path, sidecar: Sidecar) -> Path:
    return docs / "cards" / f"{sidecar.name}.md"


def _figure(sidecar: Sidecar) -> tuple[str, str]:
    """(the main figure, what it was measured on)."""
    task, figure = facts.main_figure(sidecar)
    return figure, evaluation_of(task).on
