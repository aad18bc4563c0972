"""What the Search page does, as plain functions: values in, values for components out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from explain.search.ranking import write_csv
from models import PhotoError
from models.faces.files import GalleryError
from ui.kinship import search_cards, search_indexes
from ui.kinship.search_answers import Collection, Ranking, Tell, collect, encoded, rank
from ui.kinship.search_indexes import ServerIndex
from ui.shared import cards
from ui.shared.examples import FOLDER
from ui.shared.failures import FAILURES
from ui.shared.photos import Shot, take
from ui.shared.widgets import show_shot

NO_GALLERY = "Several photos, a folder, or a zip of photos. Every face in them is found once and kept for this session."
WAITING = "The ranking appears here as soon as there is a probe's face and a gallery."
GONE = "These files are no longer kept. Please choose them again."
UNTRAINED = "No weight for comparing two faces is installed: there is nothing to search with. See the tab Models."
Given = Collection | ServerIndex | None
"""What is searched."""
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


def choose_index(name: str | None, weight: str | None) -> tuple[Any, str, Any]:
    """An index of the server's -> in the place of the collection, what to say about it, and its model."""
    if not name:
        return None, cards.message(NO_GALLERY), gr.skip()
    try:
        given, counts = search_indexes.chosen(name), search_indexes.opened(name).store.counts()
    except FAILURES as error:
        return None, cards.message(str(error), error=True), gr.skip()
    note = search_cards.index_note(name, counts["faces"], counts["people"])
    return given, note, gr.skip() if given.weight == weight else given.weight


def encode_gallery(collection: Given, weight: str | None, progress: gr.Progress = PROGRESS) -> None:
    """Encode a collection for a model ahead of the query, which then is quick; what fails is said by the query."""
    if weight is None or not isinstance(collection, Collection):
        return
    try:
        encoded(collection, weight, told(progress))
    except FAILURES:
        return


def find(
    probe: Shot | None,
    collection: Given,
    weight: str | None,
    every_face: bool,
    top: int,
    threshold: float,
    progress: gr.Progress = PROGRESS,
) -> tuple[Ranking | None, str, str, Any]:
    """Rank the gallery for the probe -> the ranking, its card, its list, the rest of the page shown."""
    if weight is None:
        return _nothing(UNTRAINED, error=True)
    if probe is None or collection is None:
        return _nothing(WAITING)
    try:
        if isinstance(collection, ServerIndex):
            ranking = search_indexes.rank(collection, probe, weight, top)
        else:
            ranking = rank(collection, probe, weight, told(progress), every_face=every_face, top=top)
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
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "kinsight-search.csv"
        with path.open("w", newline="", encoding="utf-8") as target:
            names = [e.named for e in ranking.collection.entries]
            write_csv(target, ranking.hits, names, ranking.collection.skipped, ranking.weight)
        return save_file_to_cache(path, get_upload_folder()), ""  # where delete_cache finds it


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
    """A probe and a gallery of two: values for the probe's outputs, the collection and its note."""
    collection = collect([FOLDER / name for name in GALLERY], told(progress))
    return [*show_shot(take(str(FOLDER / PROBE))), collection, search_cards.gallery_note(collection)]


def first_visit(probe: Shot | None, collection: Given) -> list[Any]:
    """The example for whoever comes here with nothing yet, else everything as it is."""
    return [gr.skip()] * 6 if probe or collection else load_example()


def told(progress: gr.Progress) -> Tell:
    """The page's progress bar, for what reports its progress."""
    words = {"photos": "Looking for faces", "faces": "Encoding"}
    return lambda done, of, what: progress((done, of), desc=words[what], unit=what)
