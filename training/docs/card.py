"""docs/cards/<name>.md: one weight on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.evaluations import evaluation_of
from models.registry import MODELS
from models.weights import Sidecar
from training.data.holdout import HELD_OUT_ROW
from training.docs import facts, groups, results
from training.docs.text import MADE, link, table, with_interval
from training.evaluate.published import figure


def page(sidecar: Sidecar, folder: Path, here: Path, figures: Path, shared: set[str]) -> str:
    """A card.

    Args:
        folder: where the weight is.  here, figures: paths of this page and of the results' page.
        shared: remarks that stand on the results' page.
    """
    known = MODELS.get(sidecar.model)
    sections = [
        f"{MADE}\n\n# {sidecar.name}: {facts.title(sidecar)}",
        known.summary if known else "",
        table([["", ""], *_facts(sidecar, folder, here, figures)]),
        _measured(sidecar, here, figures),
        groups.section(sidecar),
        "## Made by\n\n" + "\n".join(["```", *facts.commands(sidecar), "```"]),
        _origin(sidecar),
        _data(sidecar),
        _remarks(sidecar, here, figures, shared),
    ]
    return "\n\n".join(text for text in sections if text) + "\n"


def _facts(sidecar: Sidecar, folder: Path, here: Path, figures: Path) -> list[list[str]]:
    rows = [["question", facts.question(sidecar)], ["licence", sidecar.licence]]
    rows += [["size", f"{facts.size(sidecar, folder)} MB"]]
    if known := sidecar.decision:
        points = known.operating_points
        rows.append(["threshold", _rates(known.threshold, points, link("how", here, figures, results.DECISIONS))])
        if known.tri:
            where = link("how", here, figures, results.TRIPLETS)
            rows.append(["threshold of three faces", _rates(known.tri.threshold, known.tri.points, where)])
    return rows


def _rates(threshold: float, points: Any, where: str) -> str:
    far, tar = points.at(threshold)
    return f"{threshold:g} on the score: FAR {far:.4f}, TAR {tar:.4f} ({where})"


def _measured(sidecar: Sidecar, here: Path, figures: Path) -> str:
    """A row an evaluation, with a link to its protocol."""
    rows = [
        [task, *_figures(task, values), results.protocol_link(task, here, figures)]
        for task, values in ((task, sidecar.metrics[task]) for task in facts.tasks(sidecar))
    ]
    if auc := facts.held_out(sidecar):
        rows.append(["held-out families", "", auc, "", "", link("protocol", here, figures, results.HELD_OUT)])
    heads = ["evaluation", "accuracy", "AUC", "others", "TAR at FAR", ""]
    shown = [0, *(i for i in range(1, 6) if any(row[i] for row in rows))]
    cells = [[row[i] for i in shown] for row in (heads, *rows)]
    return f"## Figures\n\n{table(cells)}" if rows else "## Figures\n\nNone measured yet."


OTHERS = {"rank5": "rank@5", "map": "mAP", "macro_f1": "macro F1", "ece": "ECE"}


def _figures(task: str, values: dict[str, Any]) -> list[str]:
    """Accuracy, AUC, other figures, TARs. A search's report repeats rank@5 as its accuracy: shown once."""
    accuracy = "" if "rank5" in values else with_interval(values, "accuracy")
    auc = with_interval(values, "auc") if "auc" in values else ""
    others = [f"{word} {with_interval(values, key)}" for key, word in OTHERS.items() if key in values]
    if evaluation_of(task).main != ("accuracy",):
        others.append(f"{evaluation_of(task).on} {figure(task, values)}")
    tars = [f"{tar:.3f} at {far}" for far, tar in values.get("tar", {}).items()]
    return [accuracy, auc, ", ".join(others), ", ".join(tars)]


def _origin(sidecar: Sidecar) -> str:
    seed = "no seed" if sidecar.seed is None else f"seed {sidecar.seed}"
    made = f"Commit `{sidecar.git_commit[:12]}`{_dirty(sidecar)}, {seed}; sha256 of the file `{sidecar.sha256}`."
    lenders = dict.fromkeys((o.weight, o.sha256[:12]) for o in sidecar.loans)
    read = [f"{_prefixes(sidecar, weight)} of `{weight}` (`{sha256}`)" for weight, sha256 in lenders]
    return made + (f" Read from other weights: {'; '.join(read)}." if read else "")


def _prefixes(sidecar: Sidecar, weight: str) -> str:
    """The names of the tensors that a weight lends."""
    return ", ".join(f"`{o.prefix}*`" for o in sidecar.loans if o.weight == weight)


def _dirty(sidecar: Sidecar) -> str:
    return " with uncommitted changes" if sidecar.git_commit.endswith("-dirty") else ""


def _data(sidecar: Sidecar) -> str:
    rows = [[row["name"], f"{row['size']} {_unit(row)}", f"`{row['hash'][:12]}`"] for row in sidecar.data]
    return f"## Data\n\n{table([['set', 'size', 'sha256'], *rows])}" if rows else ""


def _unit(row: dict[str, Any]) -> str:
    if row["name"] == HELD_OUT_ROW:
        return "families"
    return "file" if row["size"] == 1 else "files"


def _remarks(sidecar: Sidecar, here: Path, figures: Path, shared: set[str]) -> str:
    notes = [facts.sentences(note) for note in facts.remarks(sidecar)]
    own = [" ".join(text for text in note if text not in shared) for note in notes]
    lines = [f"- {text}" for text in own if text]
    if any(text in shared for note in notes for text in note):
        lines.append(f"- See also: {link(results.SHARED.lower(), here, figures, results.SHARED)}.")
    return "## Notes\n\n" + "\n".join(lines) if lines else ""
