"""The card of one weight: what it is for, what it cannot do, how good it is, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from models.evaluations import evaluation_of, evaluation_order
from models.registry import MODELS
from models.relations import relation_words
from models.tasks import TASKS
from models.weights import Decision, Sidecar
from ui.models.figures import fails, with_interval

COUNTS = {"pairs": "pairs", "probes": "probes", "faces": "faces"}
FIGURES = {
    "accuracy": "accuracy",
    "auc": "AUC",
    "map": "mAP",
    "rank5": "rank@5",
    "macro_f1": "macro F1",
    "recall": "recall",
    "precision": "precision",
    "f1": "F1",
}
"""Keys of a report and of its parts -> headings."""


def card(row: Sidecar) -> str:
    """One weight as HTML; everything from its sidecar is escaped."""
    entry = MODELS.get(row.model)
    summary = entry.summary if entry else ""
    seed = "no seed" if row.seed is None else f"seed {row.seed}"
    return (
        f"<article class='ks-card' id='card-{escape(row.name)}'><h3>{escape(entry.title if entry else row.model)}</h3>"
        f"<p><code>{escape(row.name)}</code> · {escape(_question(row))} · licence: {escape(row.licence)}</p>"
        f"<p class='ks-sub'>{escape(summary)}</p>"
        f"<h4>What it cannot do</h4><p>{escape(_cannot(row))}</p>"
        f"<h4>Measured</h4>{evaluations(row.metrics)}"
        f"{_threshold(row.decision)}"
        f"<h4>Data, with sha256</h4>{_data(row)}{_notes(row)}"
        f"<h4>Made by</h4><p><code>{escape(row.command)}</code></p>"
        f"<p class='ks-sub'>commit <code>{escape(row.git_commit)}</code>, {seed}<br>"
        f"sha256 <code>{escape(row.sha256)}</code>{_loans(row)}</p></article>"
    )


def _question(row: Sidecar) -> str:
    return TASKS[row.task].question if row.task in TASKS else row.task


def _cannot(row: Sidecar) -> str:
    """What no answer of its kind tells, and what it gets wrong."""
    general = TASKS[row.task].cannot if row.task in TASKS else ""
    return f"{general} {fails(row.metrics)}".strip()


def _threshold(rule: Decision | None) -> str:
    """The threshold and what it costs; nothing for a weight that answers with classes."""
    if rule is None:
        return ""
    points = rule.operating_points
    far, tar = points.at(rule.threshold)
    return (
        f"<h4>Threshold {rule.threshold:.3f}</h4><p>{escape(rule.threshold_protocol)}</p>"
        f"<p>FAR {100 * far:.1f} %, TAR {100 * tar:.1f} % on: {escape(points.measured_on(rule.threshold))}</p>"
    )


def evaluations(metrics: Mapping[str, Any]) -> str:
    """A table an evaluation: the whole and its parts, with intervals, under the protocol they were measured by."""
    tables = [
        f"<h5>{escape(evaluation_of(name).title)}</h5>"
        f"<p class='ks-protocol'>{escape(str(metrics[name].get('protocol', '')))}</p>"
        f"<div class='ks-scroll'>{_table(metrics[name])}</div>{_tars(metrics[name])}"
        for name in sorted(metrics, key=evaluation_order)
        if isinstance(metrics[name], Mapping) and "accuracy" in metrics[name]
    ]
    return "".join(tables) or "<p>No evaluation is recorded.</p>"


def _table(values: Mapping[str, Any]) -> str:
    """Every figure that the whole or a part has; a search repeats its rank@5 as accuracy, which is shown once."""
    parts = values.get("breakdown")
    named = {relation_words(str(k)): v for k, v in (parts if isinstance(parts, Mapping) else {}).items()}
    rows = {"all": values, **{k: v for k, v in named.items() if isinstance(v, Mapping)}}
    counts = [k for k in COUNTS if any(k in row for row in rows.values())][:1]
    figures = [k for k in FIGURES if any(k in row for row in rows.values())]
    if "rank5" in figures:
        figures.remove("accuracy")
    body = "".join(
        f"<tr><th scope='row'>{escape(part)}</th>"
        + "".join(f"<td>{escape(str(row.get(k, '')))}</td>" for k in counts)
        + "".join(f"<td>{with_interval(row, k)}</td>" for k in figures)
        + "</tr>"
        for part, row in rows.items()
    )
    titles = ["part", *(COUNTS[k] for k in counts), *(FIGURES[k] for k in figures)]
    heads = "".join(f"<th scope='col'>{h}</th>" for h in titles)
    return f"<table class='ks-table'><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _tars(values: Mapping[str, Any]) -> str:
    tars = values.get("tar")
    if not isinstance(tars, Mapping) or not tars:
        return ""
    listed = "; ".join(f"{tar:.3f} at FAR {escape(str(far))}" for far, tar in tars.items())
    return f"<p class='ks-protocol'>TAR {listed}</p>"


def _data(row: Sidecar) -> str:
    items = "".join(
        f"<li>{name}, {size} files, <code>{digest}</code></li>"
        for name, size, digest in ([escape(str(d.get(key))) for key in ("name", "size", "hash")] for d in row.data)
    )
    return f"<ul>{items}</ul>" if items else "<p>None recorded.</p>"


def _loans(row: Sidecar) -> str:
    """What the weight does not store itself."""
    return "".join(
        f"<br><code>{escape(o.prefix)}*</code> is read from <code>{escape(o.weight)}</code>, "
        f"sha256 <code>{escape(o.sha256)}</code>"
        for o in row.loans
    )


def _notes(row: Sidecar) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in row.notes)
    return f"<h4>Notes</h4><ul>{items}</ul>" if items else ""
