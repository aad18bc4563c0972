"""The Models tab: a card for each weight, generated from its sidecar, and the models that have none."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

from models import available_weights, list_models
from models.registry import MODELS
from models.weights import Decision, Sidecar, unreadable_weights
from ui.shared.answering import log_unreadable, sidecar


def build() -> None:
    """Lay the tab out; there is nothing to wire. What cannot be read is also logged."""
    log_unreadable()
    gr.HTML(page())


def page() -> str:
    """All cards, and a plain list of the models without a weight."""
    cards, trained = [], set()
    for name in available_weights():
        row = sidecar(name)
        trained.add(row.model)
        cards.append(card(row))
    return (
        "<p class='ks-sub'>Every figure here was written by the command that measured it, on the data it names. "
        "Brackets are 95 % confidence intervals.</p>"
        f"{_passed_over()}<div class='ks-cards'>{''.join(cards)}</div>{_untrained(trained)}"
    )


def _passed_over() -> str:
    """Weights and folders that cannot be read, each with the reason; the app goes on without them."""
    rows = "".join(f"<li class='ks-error'>{escape(why)}</li>" for _, why in unreadable_weights())
    return f"<h3>Cannot be read</h3><ul class='ks-unreadable'>{rows}</ul>" if rows else ""


def _untrained(trained: set[str]) -> str:
    missing = [name for name in list_models() if name not in trained]
    demo = [name for name in missing if not name.endswith(".paper")]
    published = [name for name in missing if name.endswith(".paper")]
    return _list("Untrained: no weight shipped", demo) + _list(
        "Untrained, in the size as published: no weight shipped, bring your own", published
    )


def _list(heading: str, names: list[str]) -> str:
    rows = "".join(f"<li><code>{escape(n)}</code> {escape(MODELS[n].title)}</li>" for n in names)
    return f"<h3>{escape(heading)}</h3><ul class='ks-missing'>{rows}</ul>" if names else ""


def card(row: Sidecar) -> str:
    """One weight: what it is for, how good it is, where it comes from."""
    entry = MODELS.get(row.model)
    summary = entry.summary if entry else ""
    seed = "no seed" if row.seed is None else f"seed {row.seed}"
    return (
        f"<article class='ks-card' id='card-{escape(row.name)}'><h3>{escape(entry.title if entry else row.model)}</h3>"
        f"<p><code>{escape(row.name)}</code> · {escape(row.task)} · licence: {escape(row.licence)}</p>"
        f"<p class='ks-sub'>{escape(summary)}</p>"
        f"<h4>Measured</h4>{evaluations(row.metrics)}"
        f"{_threshold(row.decision)}"
        f"<h4>Data, with sha256</h4>{_data(row)}{_notes(row)}"
        f"<h4>Made by</h4><p><code>{escape(row.command)}</code></p>"
        f"<p class='ks-sub'>commit <code>{escape(row.git_commit)}</code>, {seed}<br>"
        f"sha256 <code>{escape(row.sha256)}</code>{_loans(row)}</p></article>"
    )


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
        f"<h5>{escape(name)}</h5><p class='ks-protocol'>{escape(str(values.get('protocol', '')))}</p>"
        f"<div class='ks-scroll'>{_table(values)}</div>{_tars(values)}"
        for name, values in metrics.items()
        if isinstance(values, Mapping) and "accuracy" in values
    ]
    return "".join(tables) or "<p>No evaluation is recorded.</p>"


def _table(values: Mapping[str, Any]) -> str:
    rows = {"all": values, **values.get("breakdown", {})}
    body = "".join(
        f"<tr><th scope='row'>{escape(part)}</th><td>{escape(str(row.get('pairs', '')))}</td>"
        f"<td>{_figure(row, 'accuracy')}</td><td>{_figure(row, 'auc')}</td></tr>"
        for part, row in rows.items()
    )
    heads = "".join(f"<th scope='col'>{h}</th>" for h in ("pairs of", "pairs", "accuracy", "AUC"))
    return f"<table class='ks-table'><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _figure(row: Mapping[str, Any], name: str) -> str:
    """ "0.742 [0.731, 0.753]", without the brackets where no interval was measured, a dash where nothing was."""
    if not isinstance(row.get(name), (int, float)):
        return "–"
    ci = row.get(name + "_ci95")
    interval = f" <small>[{ci[0]:.3f}, {ci[1]:.3f}]</small>" if isinstance(ci, (list, tuple)) else ""
    return f"{row[name]:.3f}{interval}"


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
