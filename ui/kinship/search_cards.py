"""Pieces of the search page as HTML: pure functions from values to markup. Everything from outside is escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import PurePosixPath

from models.faces.files import Skipped
from models.gallery import Hit
from models.tasks import TASKS
from ui.kinship.search_answers import Collection, Entry, Ranking
from ui.shared.answering import sidecar
from ui.shared.cards import percent

FIRST = 12
"""Results that are shown at once; the others unfold."""
SHOWN = 100
"""Results that the page shows; the CSV has them all."""
LISTED = 50
"""Files left out that the page names; the CSV has them all."""


def count(n: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 photo", "1,000 photos"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def gallery_note(collection: Collection) -> str:
    """What was found in the gallery, and what was left out and why."""
    found = f"{count(len(collection.entries), 'face')} in {count(collection.photos, 'photo')}."
    return (
        f"<div class='ks-quality' role='status'><b>Gallery:</b> {found}"
        f"{_left_out(collection.skipped) if collection.skipped else ''}</div>"
    )


def _left_out(skipped: Sequence[Skipped]) -> str:
    rows = "".join(f"<li><b>{escape(s.name)}</b>: {escape(s.reason)}</li>" for s in skipped[:LISTED])
    more = f"<li>and {len(skipped) - LISTED:,} more, all in the CSV</li>" if len(skipped) > LISTED else ""
    summary = f"{count(len(skipped), 'file was', 'files were')} left out"
    return f"<details class='ks-skipped'><summary>{summary}</summary><ul>{rows}{more}</ul></details>"


def ranking_card(ranking: Ranking, threshold: float) -> str:
    """The answer first: who comes first, how many pass the threshold, and how many would by chance."""
    best, scored = ranking.hits[0], [h.score for h in ranking.hits if h.score is not None]
    first = ranking.entry(best).title
    big = percent(best.score) if best.score is not None else f"{best.similarity:+.3f}"
    return (
        f"<section class='ks-answer' role='status' data-score='{best.score!r}'>"
        f"<div class='ks-head'><div class='ks-big'>{big}</div><div><div class='ks-decision ks-name'>First of "
        f"{count(ranking.faces, 'face')}: {escape(first)}</div>"
        f"<div class='ks-sub'>{_order_note(len(scored), ranking.faces)}{_own_note(ranking)}</div></div></div>"
        f"{_facts(ranking, threshold, scored)}{_chance(ranking, threshold)}</section>"
    )


def _order_note(scored: int, ranked: int) -> str:
    """What ranks what."""
    if scored == ranked:
        return "Ranked by the score of each face paired with the probe (both orders)."
    return (
        f"The cosine of the embeddings ranks all {ranked:,}; the {scored:,} most similar were then scored as pairs "
        "with the probe (both orders) and stand by that score."
    )


def _own_note(ranking: Ranking) -> str:
    """The probe's own photos, which an index tells apart."""
    if not ranking.own:
        return ""
    named = ", ".join(escape(n.file) for n in ranking.own[:3]) + ("..." if len(ranking.own) > 3 else "")
    return f" Taken for the probe's own and not ranked: {count(len(ranking.own), 'face')} ({named})."


def index_note(name: str, faces: int, people: int) -> str:
    """What is in an index of the server's."""
    found = f"{count(faces, 'face')} of {count(people, 'person', 'people')}"
    return f"<div class='ks-quality' role='status'><b>Index {escape(name)}:</b> {found}.</div>"


def _facts(ranking: Ranking, threshold: float, scored: Sequence[float]) -> str:
    rows = (
        (f"At or above {percent(threshold)}", f"{sum(s >= threshold for s in scored):,} of {len(scored):,} scored"),
        ("Faces ranked", f"{ranking.faces:,}"),
        ("Query", f"{ranking.seconds:.2f} s"),
        ("Weight", ranking.weight),
    )
    cells = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows)
    return f"<dl class='ks-facts ks-gap'>{cells}</dl>"


def _chance(ranking: Ranking, threshold: float) -> str:
    """A threshold made for one pair, asked of many: the false accepts to expect."""
    row = sidecar(ranking.weight)
    far, tar = row.rule.operating_points.at(threshold)
    expected, n = far * ranking.faces, ranking.faces
    chance = f"about {expected:,.0f}" if expected >= 1 else "fewer than one"
    task = TASKS[row.task]
    people = count(n, f"{task.strangers} person", f"{task.strangers} people")
    return (
        f"<div class='ks-cost'><p>What the threshold {percent(threshold)} costs, as measured on single pairs:</p><ul>"
        f"<li><b>FAR {percent(far)}</b>: of {people} {chance} would be {task.gallery_yes} by chance alone</li>"
        f"<li><b>TAR {percent(tar)}</b>: of those who truly are, this share would be found</li></ul>"
        f"<p class='ks-protocol'>Measured on: {escape(row.rule.operating_points.measured_on(threshold))}</p></div>"
    )


def hit_list(ranking: Ranking, threshold: float) -> str:
    """Faces in order, each a button that opens it beside the probe; the first dozen at once."""
    items = [_item(rank, hit, ranking.entry(hit), threshold) for rank, hit in enumerate(ranking.hits[:SHOWN], 1)]
    rest = items[FIRST:]
    summary = f"<summary>Places {FIRST + 1} to {len(items)}</summary>"
    folded = f"<details class='ks-more'>{summary}{_list(rest, FIRST + 1)}</details>" if rest else ""
    return _list(items[:FIRST]) + folded


def _list(items: Sequence[str], start: int = 1) -> str:
    return f"<ol class='ks-hits' start='{start}'>{''.join(items)}</ol>"


def _item(rank: int, hit: Hit, entry: Entry, threshold: float) -> str:
    data = base64.b64encode(entry.thumbnail).decode()
    title, name, score = escape(entry.title), escape(PurePosixPath(entry.title).name), hit.score
    above = " ks-above" if score is not None and score >= threshold else ""
    bar = (
        ""
        if score is None
        else f"<span class='ks-gauge'><span class='ks-fill' style='width:{100 * score:.1f}%'></span>"
        f"<span class='ks-mark' style='left:{100 * threshold:.1f}%'></span></span>"
    )
    said = percent(score) if score is not None else "not scored"
    return (
        f"<li><button type='button' class='ks-hit{above}' data-entry='{hit.entry}' "
        f"aria-label='Place {rank}: {title}, score {said}, similarity {hit.similarity:+.3f}. Open beside the probe'>"
        f"<span class='ks-rank'>{rank}</span><img alt='' src='data:image/jpeg;base64,{data}'>"
        f"<span class='ks-hit-score'>{said}</span>{bar}"
        f"<span class='ks-hit-cos'>cosine {hit.similarity:+.3f}</span>"
        f"<span class='ks-hit-name' title='{title}'>{name}</span></button></li>"
    )
