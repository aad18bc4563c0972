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
from ui.shared.doubts import Doubts, about
from ui.shared.photos import Shot

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
        f"{left_out(collection.skipped) if collection.skipped else ''}</div>"
    )


def left_out(skipped: Sequence[Skipped], everywhere: str = "the CSV") -> str:
    """Files that were left out and why, folded; `everywhere` is where all of them are named."""
    rows = "".join(f"<li><b>{escape(s.name)}</b>: {escape(s.reason)}</li>" for s in skipped[:LISTED])
    more = f"<li>and {len(skipped) - LISTED:,} more, all in {everywhere}</li>" if len(skipped) > LISTED else ""
    summary = f"{count(len(skipped), 'file was', 'files were')} left out"
    return f"<details class='ks-skipped'><summary>{summary}</summary><ul>{rows}{more}</ul></details>"


def ranking_card(ranking: Ranking, threshold: float) -> str:
    """The answer first: who comes first, how many pass the threshold, and how many would by chance."""
    best, scored = ranking.hits[0], [h.score for h in ranking.hits if h.score is not None]
    first, doubts = ranking.entry(best).title, about(("the probe's photo", ranking.probe))
    big = percent(best.score) if best.score is not None else f"{best.similarity:+.3f}"
    return (
        f"<section class='ks-answer' role='status' data-score='{best.score!r}'>"
        f"<div class='ks-head'>{doubts.big(big)}<div class='ks-name'>{_first(ranking, first, doubts)}"
        f"<div class='ks-sub'>{_order_note(ranking, len(scored))}{_own_note(ranking)}</div></div></div>"
        f"{doubts.listed}{_facts(ranking, threshold, scored)}{_chance(ranking, threshold)}</section>"
    )


def _first(ranking: Ranking, name: str, doubts: Doubts) -> str:
    """Who comes first; said of no poor face, on either side."""
    return doubts.decision(f"First of {_counted(ranking)}: {escape(name)}", "First place")


def _counted(ranking: Ranking) -> str:
    """How many faces, or people, were searched."""
    return count(ranking.people, "person", "people") if ranking.people else count(ranking.ranked, "face")


def _order_note(ranking: Ranking, scored: int) -> str:
    """What ranks what."""
    several = f" Scores are means over {ranking.photos} photos of the probe." * (ranking.photos > 1)
    several += " A person stands by the mean over all their faces." * bool(ranking.people)
    if scored == ranking.ranked:
        return f"Ranked by the score of each face paired with the probe (both orders).{several}"
    return (
        f"The cosine of the embeddings ranks all {ranking.ranked:,}; the {scored:,} most similar were then scored as "
        f"pairs with the probe (both orders) and stand by that score.{several}"
    )


def _own_note(ranking: Ranking) -> str:
    """The probe's own photos, which an index tells apart."""
    if not ranking.own:
        return ""
    named = ", ".join(escape(ranking.entry(h).name) for h in ranking.own[:3]) + "..." * (len(ranking.own) > 3)
    return f" Taken for the probe's own and not ranked: {count(len(ranking.own), 'face')} ({named})."


def probe_note(shots: Sequence[Shot], skipped: Sequence[Skipped]) -> str:
    """How many further photos of the probe count, and which do not and why."""
    used = (
        f"{count(len(shots), 'more photo')} of the probe; the largest face of each counts."
        if shots
        else "No photo more."
    )
    return f"<div class='ks-quality' role='status'>{used}{left_out(skipped) if skipped else ''}</div>"


def index_note(name: str, faces: int, people: int) -> str:
    """What is in an index of the server's."""
    found = f"{count(faces, 'face')} of {count(people, 'person', 'people')}"
    return f"<div class='ks-quality' role='status'><b>Index {escape(name)}:</b> {found}.</div>"


def _facts(ranking: Ranking, threshold: float, scored: Sequence[float]) -> str:
    rows = (
        (f"At or above {percent(threshold)}", f"{sum(s >= threshold for s in scored):,} of {len(scored):,} scored"),
        ("People ranked" if ranking.people else "Faces ranked", f"{ranking.ranked:,}"),
        ("Query", f"{ranking.seconds:.2f} s"),
        ("Weight", ranking.weight),
    )
    cells = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows)
    return f"<dl class='ks-facts ks-gap'>{cells}</dl>"


def _chance(ranking: Ranking, threshold: float) -> str:
    """A threshold made for one pair, asked of many: the false accepts to expect."""
    row = sidecar(ranking.weight)
    far, tar = row.rule.operating_points.at(threshold)
    expected, n = far * ranking.ranked, ranking.ranked
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
    """Faces in order, each a button that opens it beside the probe; the first dozen at once, the probe's own last."""
    items = [_item(rank, hit, ranking.entry(hit), threshold) for rank, hit in enumerate(ranking.hits[:SHOWN], 1)]
    rest = items[FIRST:]
    summary = f"<summary>Places {FIRST + 1} to {len(items)}</summary>"
    folded = f"<details class='ks-more'>{summary}{_list(rest, FIRST + 1)}</details>" if rest else ""
    return _list(items[:FIRST]) + folded + _own(ranking)


def _own(ranking: Ranking) -> str:
    """The probe's own photos, without a place."""
    items = [_button(hit, ranking.entry(hit), "Taken for the probe's own", "own photo") for hit in ranking.own]
    summary = f"<summary>Taken for the probe's own and not ranked: {count(len(items), 'face')}</summary>"
    return f"<details class='ks-more' id='own'>{summary}{_list(items)}</details>" if items else ""


def _list(items: Sequence[str], start: int = 1) -> str:
    return f"<ol class='ks-hits' start='{start}'>{''.join(items)}</ol>"


def _item(rank: int, hit: Hit, entry: Entry, threshold: float) -> str:
    score, bar = hit.score, ""
    if score is not None:
        bar = (
            f"<span class='ks-gauge'><span class='ks-fill' style='width:{100 * score:.1f}%'></span>"
            f"<span class='ks-mark' style='left:{100 * threshold:.1f}%'></span></span>"
        )
    said = percent(score) if score is not None else "not scored"
    spoilt = entry.quality is not None and entry.quality.spoilt
    above = score is not None and score >= threshold and not spoilt
    return _button(hit, entry, f"Place {rank}", said, f"<span class='ks-rank'>{rank}</span>", bar, above)


def _button(hit: Hit, entry: Entry, place: str, said: str, number: str = "", bar: str = "", above: bool = False) -> str:
    """A face that a click opens.

    Args:
        place: for who hears the page.  said: the score in words.  number, bar: markup of the place and of the score.
    """
    data = base64.b64encode(entry.thumbnail).decode()
    title, name = escape(entry.title), escape(PurePosixPath(entry.title).name)
    faces = f", {entry.faces} faces" * (entry.faces > 1)
    poor = escape(", ".join(entry.quality.warnings)) if entry.quality else ""
    warned = f"<span class='ks-hit-warned'>{poor}</span>" if poor else ""
    return (
        f"<li><button type='button' class='ks-hit{' ks-above' * above}' data-entry='{hit.entry}' "
        f"aria-label='{escape(place)}: {title}, score {said}, similarity {hit.similarity:+.3f}{faces}"
        f"{f', {poor}' if poor else ''}. Open beside the probe'>{number}"
        f"<img alt='' src='data:image/jpeg;base64,{data}'>"
        f"<span class='ks-hit-score'>{said}</span>{bar}"
        f"<span class='ks-hit-cos'>cosine {hit.similarity:+.3f}{faces}</span>"
        f"{warned}<span class='ks-hit-name' title='{title}'>{name}</span></button></li>"
    )
