"""What the Search page does, as plain functions: values in, values for components out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from explain.search.indexing import COLUMNS
from explain.search.ranking import write_csv
from models import PhotoError
from models.faces.files import GalleryError, Skipped
from ui.kinship import search_cards, search_indexes
from ui.kinship.arriving import settings
from ui.kinship.search_answers import Collection, Ranking, Tell, collect, encoded, rank
from ui.shared import answering, cards
from ui.shared.addresses import Asked, Offers, Place, show_sent, tell
from ui.shared.examples import FOLDER
from ui.shared.failures import FAILURES
from ui.shared.making import file_name, kept, photo_name
from ui.shared.photos import Shot, example_shot, take
from ui.shared.widgets import show_shot, take_photo

NO_GALLERY = "Several photos, a folder, or a zip of photos. Every face in them is found once and kept for this session."
WAITING = "The ranking appears here as soon as there is a probe's face and a gallery."
GONE = "These files are no longer kept. Please choose them again."
UNTRAINED = "No weight for comparing two faces is installed: there is nothing to search with. See the tab Models."
STOPPED = "Stopped. What was read before stays; choose files again for another gallery."
MORE = 20
"""Further photos of the probe; each costs as much as the first."""
PROGRESS = gr.Progress()
"""Gradio puts the event's own in its place; without an event it shows nothing."""
PROBE, GALLERY = "obama_2012.jpg", ("biden_2010.jpg", "hopper_1984.jpg", "obama_2009.jpg")
"""The example."""


def read_gallery(files: Sequence[str] | None, progress: gr.Progress = PROGRESS) -> tuple[Collection | None, str]:
    """Files and zips -> the faces in them, and what to say about them."""
    if not files:
        return None, cards.message(NO_GALLERY)
    if not all(Path(file).exists() for file in files):
        return None, cards.message(GONE, error=True)
    root = Path(get_upload_folder())
    root.mkdir(parents=True, exist_ok=True)
    try:
        collection = collect(files, told(progress), root)
    except GalleryError as error:
        return None, cards.message(str(error), error=True)
    return collection, search_cards.gallery_note(collection)


def stopped() -> tuple[str, Any]:
    """After a stop: a note, and no stop button."""
    return cards.message(STOPPED), gr.update(visible=False)


def take_probe(pending: tuple[str | None, int]) -> list[Any]:
    """A new photo of the probe, who may be somebody else: further photos go."""
    return [*take_photo(pending), None, (), ""]


def read_more(files: Sequence[str] | None) -> tuple[tuple[Shot, ...], str]:
    """Further photos of the probe -> of each the largest face, and what to say about them."""
    shots: list[Shot] = []
    skipped: list[Skipped] = []
    for file in files or ():
        try:
            if len(shots) == MORE:
                raise PhotoError(f"At most {MORE} more photos count.")
            shots.append(take(file))
        except PhotoError as error:
            skipped.append(Skipped(Path(file).name, str(error)))
    return tuple(shots), search_cards.probe_note(shots, skipped) if files else ""


def choose_index(name: str | None, weight: str | None, collection: Collection | None) -> list[Any]:
    """An index of the server's, or none -> what to say about it, its model, and the options that it has."""
    if not name:
        note = search_cards.gallery_note(collection) if collection else cards.message(NO_GALLERY)
        return [note, gr.skip(), *_options(of_index=False)]
    try:
        index = search_indexes.opened(name)
        counts = index.store.counts()
    except FAILURES as error:
        return [cards.message(str(error), error=True), gr.skip(), *_options(of_index=True)]
    note = search_cards.index_note(name, counts["faces"], counts["people"])
    made_with = gr.skip() if index.weight == weight else index.weight
    return [note, made_with, *_options(of_index=True, grouped=counts["people"] > 0)]


def leave_index() -> list[Any]:
    """Photos are searched again -> the choice of the index, and the options."""
    return ["", *_options(of_index=False)]


def _options(*, of_index: bool, grouped: bool = False) -> list[Any]:
    """What is ranked (of an index alone), whose faces, how many are scored (of a gallery alone)."""
    by = gr.update(visible=True) if grouped else gr.update(visible=False, value=False)
    return [by, *[gr.update(visible=not of_index)] * 2]


def encode_gallery(
    collection: Collection | None, weight: str | None, index: str | None = None, progress: gr.Progress = PROGRESS
) -> None:
    """Encode a collection for a model ahead of the query, which then is quick; what fails is said by the query."""
    if weight is None or collection is None or index:
        return
    try:
        encoded(collection, weight, told(progress))
    except FAILURES:
        return


def find(
    probe: Shot | None,
    collection: Collection | None,
    weight: str | None,
    every_face: bool,
    top: int,
    threshold: float,
    more: Sequence[Shot] = (),
    index: str | None = None,
    by_person: bool = False,
    progress: gr.Progress = PROGRESS,
) -> tuple[Ranking | None, str, str, Any]:
    """Rank the gallery, or the index of this name -> the ranking, its card, its list, the rest of the page shown."""
    if weight is None:
        return _nothing(UNTRAINED, error=True)
    if probe is None:
        return _nothing(WAITING)
    try:
        if index:
            ranking = search_indexes.rank(index, [probe, *more], weight, by_person)
        elif collection is None:
            return _nothing(WAITING)
        else:
            ranking = rank(collection, probe, weight, told(progress), more=more, every_face=every_face, top=top)
    except FAILURES as error:
        return _nothing(str(error), error=True)
    return ranking, *redraw(ranking, threshold), gr.update(visible=True)


def _nothing(why: str, *, error: bool = False) -> tuple[None, str, str, Any]:
    return None, cards.message(why, error=error), "", gr.update(visible=False)


def redraw(ranking: Ranking | None, threshold: float) -> tuple[str, str]:
    """The same ranking against another threshold; no model runs."""
    if ranking is None:
        return cards.message(WAITING), ""
    return search_cards.ranking_card(ranking, threshold), search_cards.hit_list(ranking, threshold)


def make_csv(ranking: Ranking | None) -> tuple[str | None, str]:
    """Write the whole ranking -> its path for the download link, and a line when there is nothing to write."""
    if ranking is None:
        return None, cards.message("There is no ranking to export yet.", error=True)
    name = file_name("search", ranking.weight, photo_name(ranking.probe.path)) + ".csv"
    return kept(name, lambda path: _write(ranking, path)), ""


def _write(ranking: Ranking, path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as target:
        if ranking.table:
            csv.writer(target).writerows([COLUMNS, *ranking.table])
        else:
            names = [e.named for e in ranking.collection.entries]
            write_csv(target, ranking.hits, names, ranking.collection.skipped, ranking.weight)
    return path


def open_pair(ranking: Ranking | None, entry: int | None) -> list[Any]:
    """The probe and a face of the gallery as the two photos of "Two faces", with the model that ranked them.

    Raises:
        gr.Error: a photo is no longer there.
    """
    if ranking is None or entry is None or not 0 <= entry < len(ranking.collection.entries):
        raise gr.Error("This result is no longer there. Please search again.", print_exception=False)
    try:
        return [*show_shot(ranking.probe), *show_shot(ranking.collection.entries[entry].shot), ranking.weight]
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error


def load_example(progress: gr.Progress = PROGRESS) -> list[Any]:
    """A probe and a gallery: values for the probe's outputs, its further photos, the collection and its note."""
    collection = collect([FOLDER / name for name in GALLERY], told(progress))
    return [*show_shot(example_shot(PROBE)), None, (), "", collection, search_cards.gallery_note(collection)]


def offers() -> Offers:
    """Weights that compare two faces, and thresholds."""
    return Offers(lambda _: answering.pair_weights(), thresholds=True)


def visit(asked: Asked | None, probe: Shot | None, collection: Collection | None) -> list[Any]:
    """What was asked -> the example where there is nothing yet, or the photo that was sent as the probe; the model.

    Raises:
        gr.Error: the photo is no longer there.
    """
    if asked is None:
        return [gr.skip()] * 10
    if asked.shot:
        return [*show_sent(asked), None, (), "", *[gr.skip()] * 3]
    shown = [gr.skip()] * 9 if probe or collection else load_example()
    return [*shown, asked.address.model or gr.skip()]


def told_of(here: Place, weight: str | None, asked: Asked | None, threshold: float | None = None) -> str:
    """What the browser is told: the model, and the threshold where it is not as shipped."""
    return tell(here, asked, model=weight, **settings(weight, None, None, threshold))


def told(progress: gr.Progress) -> Tell:
    """The page's progress bar, for what reports its progress."""
    words = {"photos": "Looking for faces", "faces": "Encoding"}
    return lambda done, of, what: progress((done, of), desc=words[what], unit=what)
