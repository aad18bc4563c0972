"""The page of many pairs as HTML: pure functions from values to markup. Everything from outside is escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import PurePosixPath

from explain.kinship.batch import Figures, Row, order
from explain.kinship.batch_files import LABELS, Answered, each_kind
from explain.kinship.matching import Pairing
from models.faces.files import Skipped
from models.relations import relation_words
from models.tasks import TASKS
from ui.kinship.batch_answers import Batch
from ui.kinship.search_cards import count, left_out
from ui.shared.cards import percent

FIRST, SHOWN = 12, 50
"""Pairs that are shown at once, and with those that unfold; the CSV and the report have them all."""
NAMED = 5
"""Rows without a photo that are named before anything is compared."""
SAMPLE = """image_a,image_b,kin,relation
meyer/anna.jpg,meyer/berta.jpg,1,ss
meyer/anna.jpg,huber/carl.jpg,0,
dora.jpg,emil.jpg,,"""
ABOUT_LISTS = f"""
A table as spreadsheets save it (CSV, UTF-8; comma, semicolon or tab between the cells), one pair a row:

```
{SAMPLE}
```

- **image_a** and **image_b** name the photos: the path inside the zip, or the file's name alone where only one photo is
  called so.
- **kin** (or **same**), 1 or 0, and **relation** can be left out. With 1 and 0 the page also counts how often the
  answers agree.
"""


def plan_note(pairings: Sequence[Pairing], labels: int) -> str:
    """What will be compared, and which rows cannot be."""
    photos = {path for p in pairings for path in p.files if path}
    without = [p for p in pairings if any(p.missing)]
    words = f"<b>{count(len(pairings), 'pair')}</b> of {count(len(photos), 'photo')}"
    words += f", {labels:,} of them labelled." if labels else "."
    if without:
        rows = "".join(_missing(p) for p in without[:NAMED])
        more = f"<li>and {len(without) - NAMED:,} more</li>" if len(without) > NAMED else ""
        one, many = "1 pair lacks a photo and gets no answer", f"{len(without):,} pairs lack a photo and get no answer"
        words += f"<br>{one if len(without) == 1 else many}:<ul class='ks-notes'>{rows}{more}</ul>"
    return words


def _missing(pairing: Pairing) -> str:
    return f"<li>row {pairing.row}: {escape('; '.join(why for why in pairing.missing if why))}</li>"


def given_note(words: str, skipped: Sequence[Skipped]) -> str:
    """What was brought, as markup, and the files that cannot be photos."""
    return f"<div class='ks-quality' role='status'>{words}{left_out(skipped, 'the report') if skipped else ''}</div>"


def progress_card(batch: Batch) -> str:
    """How far a batch is."""
    done, of = len(batch.rows), batch.of
    left = f", about {_duration(batch.seconds / done * (of - done))} left" if done and batch.seconds > 3 else ""
    share = 100 * done / max(1, of)
    return (
        f"<section class='ks-answer'><div class='ks-decision'>Comparing: {done:,} of {count(of, 'pair')}{left}</div>"
        f"<div class='ks-gauge' role='progressbar' aria-label='pairs compared' aria-valuemin='0' aria-valuemax='{of}' "
        f"aria-valuenow='{done}'><span class='ks-fill' style='width:{share:.1f}%'></span></div></section>"
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def answer_card(batch: Batch, answered: Answered) -> str:
    """The answer first: how many of the pairs reach the threshold, and how that agrees with the labels."""
    above, below, *_ = answered.counts()
    task = TASKS[answered.sidecar.task]
    sub = f"{count(len(batch.rows), 'pair')}: {each_kind(answered)}"
    ended = f" {escape(batch.ended)} {len(batch.rows):,} of {batch.of:,} were compared." if batch.ended else ""
    return (
        f"<section class='ks-answer' role='status' data-pairs='{len(batch.rows)}'><div class='ks-head'>"
        f"<div class='ks-big'>{above:,} of {above + below:,}</div><div><div class='ks-decision'>{escape(task.yes)} at "
        f"the threshold of {percent(answered.threshold)}</div><div class='ks-sub'>{escape(sub)}.{ended}</div></div>"
        f"</div>{_facts(batch, answered)}{_agreement(answered.figures)}{_cost(answered)}</section>"
    )


def _facts(batch: Batch, answered: Answered) -> str:
    rows = [("Time", _duration(batch.seconds)), ("Weight", batch.weight)]
    if answered.figures:
        rows = [*_figures(answered.figures), *rows]
    cells = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows)
    return f"<dl class='ks-facts ks-gap'>{cells}</dl>"


def _figures(found: Figures) -> list[tuple[str, str]]:
    low, high = found.accuracy_ci95
    rows = [("Accuracy at the threshold", f"{found.accuracy:.3f} [{low:.3f}, {high:.3f}]")]
    if found.auc is not None and found.auc_ci95 is not None:
        rows.append(("AUC", f"{found.auc:.3f} [{found.auc_ci95[0]:.3f}, {found.auc_ci95[1]:.3f}]"))
    return rows


def _agreement(found: Figures | None) -> str:
    if found is None:
        return ""
    kinds = "" if found.auc is not None else " An AUC needs labels of both kinds."
    return (
        f"<p class='ks-sub'>Against {count(found.pairs, 'label')} of the list, {found.matching:,} of them a match; in "
        f"brackets 95 % intervals over the top folders of image_a.{kinds}</p>"
    )


def _cost(answered: Answered) -> str:
    """What the threshold costs, as measured, not on these pairs."""
    row, task = answered.sidecar, TASKS[answered.sidecar.task]
    far, tar = row.rule.operating_points.at(answered.threshold)
    return (
        f"<div class='ks-cost'><p>What the threshold {percent(answered.threshold)} costs, as measured:</p><ul>"
        f"<li><b>FAR {percent(far)}</b>: of {task.wrong_yes}</li><li><b>TAR {percent(tar)}</b>: of {task.right_yes}"
        f"</li></ul><p class='ks-protocol'>Measured on: "
        f"{escape(row.rule.operating_points.measured_on(answered.threshold))}</p></div>"
    )


def pair_table(answered: Answered, by: str) -> str:
    """The first SHOWN pairs; the faces of each are a button that opens it.

    Args:
        by: an order of explain.kinship.batch.order.
    """
    places = {id(row): place for place, row in enumerate(answered.rows)}
    lines = [_line(answered, row, places[id(row)]) for row in order(answered.rows, by)[:SHOWN]]
    rest, note = lines[FIRST:], ""
    if rest:
        summary = f"<summary>{FIRST + 1} to {len(lines)} of {count(len(answered.rows), 'pair')}</summary>"
        note = f"<details class='ks-more'>{summary}{_table(rest)}</details>"
    if len(lines) < len(answered.rows):
        shown = f"The first {len(lines)} of {len(answered.rows):,} pairs; the CSV and the report have them all."
        note += f"<p class='ks-sub'>{shown}</p>"
    return _table(lines[:FIRST], "Faces open a pair as two faces") + note


def _table(lines: Sequence[str], caption: str = "") -> str:
    heads = "".join(f"<th scope='col'>{h}</th>" for h in ("row", "photos", "score", "answer"))
    caption = f"<caption>{caption}</caption>" if caption else ""
    return (
        f"<table class='ks-table ks-batch'>{caption}<thead><tr>{heads}</tr></thead>"
        f"<tbody data-row>{''.join(lines)}</tbody></table>"
    )


def _line(answered: Answered, row: Row, place: int) -> str:
    pair = row.pairing
    names = "".join(_name(name) for name in (pair.a, pair.b))
    notes = "".join(f"<li>{escape(note)}</li>" for note in row.notes)
    listed = f"<ul class='ks-notes'>{notes}</ul>" if notes else ""
    score = ""
    above = row.score is not None and row.score >= answered.threshold and not row.withheld
    if row.score is not None:
        score = (
            f"{percent(row.score)}<span class='ks-gauge'><span class='ks-fill' style='width:{100 * row.score:.1f}%'>"
            f"</span><span class='ks-mark' style='left:{100 * answered.threshold:.1f}%'></span></span>"
        )
    return (
        f"<tr class='{'ks-above' if above else ''}' data-pair='{pair.row}' data-score='{row.score!r}'>"
        f"<th scope='row'>{pair.row}</th><td><div class='ks-two'>{_faces(answered, row, place)}"
        f"<div class='ks-names'>{names}{listed}</div></div></td><td>{score}</td>"
        f"<td>{escape(answered.decision(row)) or 'no answer'}{_label(answered, row)}</td></tr>"
    )


def _name(name: str) -> str:
    """The file's own name; the whole path for who points at it."""
    return f"<span title='{escape(name)}'>{escape(PurePosixPath(name).name) or '(none)'}</span>"


def _faces(answered: Answered, row: Row, place: int) -> str:
    """Both faces; a button where both photos are there."""
    pair = row.pairing
    faces = [answered.pictures.get(path) for path in pair.files]
    drawn = "".join(
        f"<img alt='' src='data:image/jpeg;base64,{base64.b64encode(face).decode()}'>" if face else "<i></i>"
        for face in faces
    )
    if row.score is None:
        return f"<div class='ks-open'>{drawn}</div>"
    label = f"Open row {pair.row}, {escape(pair.a)} and {escape(pair.b)}, as two faces"
    return f"<button type='button' class='ks-open' data-place='{place}' aria-label='{label}'>{drawn}</button>"


def _label(answered: Answered, row: Row) -> str:
    """What the list says of a pair, and whether the answer agrees."""
    pair, words = row.pairing, ""
    if pair.same is not None:
        agrees = row.score is not None and (row.score >= answered.threshold) == pair.same
        kind = "ks-plain" if row.score is None else "ks-right" if agrees else "ks-wrong"
        words = f"<span class='{kind}'>list: {LABELS[pair.same]}</span>"
    relation = f"<span>{escape(relation_words(pair.relation))}</span>" if pair.relation else ""
    return f"<div class='ks-listed'>{words}{relation}</div>" if words or relation else ""
