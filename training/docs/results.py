"""docs/results.md: every figure of every weight, each protocol once, and what the studies found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.evaluations import evaluation_of, evaluation_order
from models.weights import SHIPPED, Sidecar
from training.docs import facts
from training.docs.text import MADE, filled, link, sentence, slug, table
from training.evaluate.published import cells, layout_of, main_value
from training.studies.summary import studies

HEAD = f"""{MADE}

# Results

Figures of the shipped weights, from their sidecars and from `benchmarks/results/`. Brackets hold 95 % confidence
intervals. Rows marked "(published)" are what the papers report on their own lists: they say where the field stands,
not who wins. None of these figures makes a score a proof of kinship or identity."""
DECISIONS = "Thresholds"
TRIPLETS = "Thresholds for father, mother and child"
HELD_OUT = "Held-out families"
SHARED = "Notes on several weights"
WIDE = 8
"""Columns that one table may have; beyond, the figures of parts get a table of their own."""


def page(sidecars: list[Sidecar], folder: Path) -> str:
    """The whole page."""
    found = reports(sidecars)
    sections = [section(task, found[task]) for task in found]
    sections += [_linked(text, found) for text in (studies() if folder == SHIPPED else [])]
    sections += [decisions(sidecars), triplets(sidecars), held_out(sidecars), shared_notes(sidecars)]
    sections = [text for text in sections if text]
    headings = [text.splitlines()[0].removeprefix("## ") for text in sections]
    contents = "\n".join(f"- [{heading}](#{slug(heading)})" for heading in headings)
    return "\n\n".join([HEAD, contents, *sections]).rstrip() + "\n"


def reports(sidecars: list[Sidecar]) -> dict[str, dict[str, dict[str, Any]]]:
    """Task -> name of the weight -> its report, the best main figure first."""
    ordered = sorted({task for s in sidecars for task in s.metrics}, key=evaluation_order)
    return {
        task: {
            s.name: s.metrics[task]
            for s in sorted(
                (s for s in sidecars if task in s.metrics), key=lambda s: -main_value(task, s.metrics[task])
            )
        }
        for task in ordered
    }


def heading(task: str) -> str:
    return evaluation_of(task).title


def section(task: str, found: dict[str, dict[str, Any]]) -> str:
    """The tables of a task, what they say, how they were measured and by which command."""
    layout = layout_of(task)
    protocols = list(dict.fromkeys(report["protocol"] for report in found.values()))
    lines = [f"## {heading(task)}", *_tables(layout.columns, cells(layout, found))]
    lines += [sentence(text) for text in (layout.reading, layout.note) if text]
    lines += [f"Protocol: {sentence(text)}" for text in protocols]
    return "\n\n".join([*lines, f"Task `{task}` of `python -m training.evaluate`."])


def _tables(columns: dict[str, tuple[str, ...]], rows: list[list[str]]) -> list[str]:
    """One table, or two where it would be too wide: the whole, then the parts."""
    every = list(range(1, len(rows[0])))
    if len(every) <= WIDE:
        return [table(rows)]
    whole = [i for i in every if len(columns[rows[0][i]]) == 1]
    parts = [i for i in every if i not in whole]
    return [table(kept) for kept in (filled(rows, whole), filled(rows, parts)) if kept]


def _linked(text: str, found: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A study's section with a link wherever it gives the protocol of an evaluation again."""
    for task, rows in found.items():
        for protocol in {report["protocol"] for report in rows.values()}:
            where = f"rotocol: [{heading(task)}](#{slug(heading(task))})"
            text = text.replace(f". {protocol}", f". P{where}").replace(protocol, f"p{where}")
    return text


def decisions(sidecars: list[Sidecar]) -> str:
    """Thresholds of all weights that decide, with what they cost where they were chosen."""
    rows, protocols = [["weight", "threshold", "FAR", "TAR", "chosen on"]], list[str]()
    for sidecar in sidecars:
        if known := sidecar.decision:
            text = _merged(known.threshold_protocol, known.operating_points.protocol)
            rows.append(_decision(sidecar.name, known.threshold, known.operating_points, _number(text, protocols)))
    return _decided(DECISIONS, "A threshold is on the score, the calibrated probability.", rows, protocols)


def triplets(sidecars: list[Sidecar]) -> str:
    """The same for the score of three faces."""
    rows, protocols = [["weight", "threshold", "FAR", "TAR", "chosen on"]], list[str]()
    for sidecar in sidecars:
        if (known := sidecar.decision) and known.tri:
            number = _number(known.tri.protocol, protocols)
            rows.append(_decision(sidecar.name, known.tri.threshold, known.tri.points, number))
    return _decided(TRIPLETS, "The score is the calibrated mean of two pairs' log-odds.", rows, protocols)


def _decision(name: str, threshold: float, points: Any, chosen: str) -> list[str]:
    far, tar = points.at(threshold)
    return [name, f"{threshold:g}", f"{far:.4f}", f"{tar:.4f}", chosen]


def _merged(chosen: str, measured: str) -> str:
    """Both protocols as one sentence: the second mostly is the end of the first and a count."""
    text, _, count = measured.rpartition("; ")
    return f"{chosen}; {count}" if text and chosen.endswith(text) else f"{chosen}; rates: {measured}"


def _number(text: str, known: list[str]) -> str:
    """The number of a protocol in a list that grows."""
    if text not in known:
        known.append(text)
    return str(known.index(text) + 1)


def _decided(name: str, what: str, rows: list[list[str]], protocols: list[str]) -> str:
    if len(rows) == 1:
        return ""
    listed = "\n".join(f"{i}. {sentence(text)}" for i, text in enumerate(protocols, 1))
    return "\n\n".join([f"## {name}", f"{what} FAR and TAR are those at the threshold.", table(rows), listed])


def held_out(sidecars: list[Sidecar]) -> str:
    """AUC on the families that no training step saw."""
    rows = [[s.name, facts.held_out(s)] for s in sidecars if facts.held_out(s)]
    said = (
        "Pairs from training families that no training step saw. They chose where training stopped, so that these "
        "figures flatter a little. Intervals: bootstrap over families."
    )
    return "\n\n".join([f"## {HELD_OUT}", said, table([["weight", "AUC"], *rows])]) if rows else ""


def _said(sidecar: Sidecar) -> set[str]:
    """The sentences of a weight's remarks."""
    return {text for note in facts.remarks(sidecar) for text in facts.sentences(note)}


def repeated(sidecars: Iterable[Sidecar]) -> set[str]:
    """Long sentences that more than one weight's remarks hold: said here once, linked from the cards."""
    every = Counter(text for s in sidecars for text in _said(s))
    return {text for text, n in every.items() if n > 1 and len(text) > LONG}


LONG = 60
"""Characters; what is shorter may stand on several cards."""


def shared_notes(sidecars: list[Sidecar]) -> str:
    lines = [
        f"- {', '.join(f'`{s.name}`' for s in sidecars if text in _said(s))}: {text}"
        for text in sorted(repeated(sidecars))
    ]
    return "\n\n".join([f"## {SHARED}", "\n".join(lines)]) if lines else ""


def protocol_link(task: str, here: Path, results: Path) -> str:
    return link("protocol", here, results, heading(task))
