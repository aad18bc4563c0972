"""Batch: a list of pairs and its photos, or two sets of photos, in; a table of answers, a CSV and a report out."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import gradio as gr
from gradio.data_classes import ListFiles

from explain.kinship.matching import MAX_PAIRS, short
from models.faces.files import MAX_PHOTOS
from ui.kinship import batch_callbacks as do
from ui.kinship.batch_cards import ABOUT_LISTS
from ui.shared import answering, cards, making, picker
from ui.shared.addresses import Place, place
from ui.shared.folds import fold, remember
from ui.shared.widgets import GALLERIES, RUNS, SESSION_SECONDS, VIEWS

BATCHES: dict[str, Any] = {**RUNS, "concurrency_id": "batch", "show_progress": "hidden"}
"""Minutes, so beside the queue of single pairs; between two pairs a turn is given back to the tasks of others."""
ORDERS = [
    ("As listed", "listed"),
    ("Highest score first", "highest"),
    ("Lowest first", "lowest"),
    ("No answer first", "unanswered"),
]
MAKES: dict[str, Any] = {**VIEWS, "show_progress": "minimal", "trigger_mode": "once"}
OPENED = (
    "element.addEventListener('click', e => { const hit = e.target.closest('[data-place]');"
    " if (hit) trigger('click', {place: Number(hit.dataset.place)}); });"
)
TO_ANSWER = """() => { const card = document.querySelector('#batch-answer'), at = card.getBoundingClientRect();
  if (at.top < 0 || at.bottom + 90 > innerHeight) card.scrollIntoView({behavior: 'smooth', block: 'start'}); }"""
"""Scrolls to the progress and the button that stops it, where they are out of sight."""
LIMITS = f"""
- **At most** {MAX_PAIRS:,} pairs and {MAX_PHOTOS:,} photos at a time.
- **Of several faces** in a photo the one nearest its centre is taken, and the table says so. A photo without a face, or
  one that cannot be read, costs its own pairs only.
- **The scores** are those of `python -m training.evaluate pairs` on the same photos. That command takes the middle of a
  photo without a face for one; here such a pair has no answer and does not count.
- **A threshold** is measured on other pairs than these. Among many strangers some pass it by chance.
- **The photos** stay in this session: when it ends, or others are compared, what was unpacked is removed.
"""


class Page(NamedTuple):
    """The components that callbacks fill."""

    how: gr.Radio
    of_list: gr.Column
    of_sets: gr.Column
    list_file: gr.File
    photo_files: gr.File
    a_files: gr.File
    b_files: gr.File
    said: tuple[gr.HTML, ...]
    brought: tuple[gr.State, ...]
    note: gr.HTML
    weight: gr.Dropdown
    run: gr.Button
    example: gr.Button
    card: gr.HTML
    stop: gr.Button
    results: gr.Column
    threshold: gr.Slider
    by: gr.Radio
    table: gr.HTML
    csv: making.FileButton
    report: making.FileButton
    batch: gr.State
    job: gr.State
    here: Place


def named_files(**options: Any) -> gr.File:
    """As widgets.file_list; callbacks get (path, what its owner calls it) of each upload.

    A list names photos as their owner does, and the server may store them under another name.
    """
    files = gr.File(file_count="multiple", **options)

    def given(payload: ListFiles | None) -> list[tuple[str, str]]:
        return [(file.path, _called(file.orig_name or file.path)) for file in payload.root] if payload else []

    files.preprocess = given  # type: ignore[method-assign, assignment]
    return files


def _called(name: str) -> str:
    """What a browser says of an upload, without folders."""
    return short(name.replace("\\", "/").rsplit("/", 1)[-1])


def build() -> Page:
    """Lay the page out and wire it."""
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            left = (*_inputs(), *_actions())
            gr.HTML(cards.NOTICE, elem_classes="ks-last")
        with gr.Column(scale=8, min_width=320):
            page = Page(*left, *_right_side())
    _wire(page)
    return page


def _inputs() -> tuple[Any, ...]:
    """Both ways of giving pairs, and what is made of them."""
    choices = [("A list and its photos", do.LIST), ("Two sets of photos", do.SETS)]
    how = gr.Radio(choices, value=do.LIST, label="Pairs", elem_id="batch-how")
    photos: dict[str, Any] = {"file_types": ["image", ".zip"], "height": 165}
    with gr.Column() as of_list:
        listed = named_files(file_types=[".csv", ".tsv", ".txt"], label="List (CSV)", height=165, elem_id="batch-list")
        list_said = gr.HTML(min_height=0)
        several = named_files(label="Photos: a zip, or the files", elem_id="batch-photos", **photos)
        photos_said = gr.HTML(elem_id="batch-photos-note", min_height=0)
        with fold("What a list looks like", "batch-form") as form:
            gr.Markdown(ABOUT_LISTS)
    with gr.Column(visible=False) as of_sets:
        a = named_files(label="Photos A", elem_id="batch-a", **photos)
        a_said = gr.HTML(min_height=0)
        b = named_files(label="Photos B", elem_id="batch-b", **photos)
        b_said = gr.HTML(min_height=0)
    remember(form)
    note = gr.HTML(cards.message(do.NOTHING[do.LIST]), elem_id="batch-note", min_height=60)
    brought = tuple(gr.State(None, time_to_live=SESSION_SECONDS) for _ in range(4))
    return how, of_list, of_sets, listed, several, a, b, (list_said, photos_said, a_said, b_said), brought, note


def _actions() -> tuple[Any, ...]:
    """Which model, and the buttons."""
    choices = [(picker.title(n), n) for n in answering.pair_weights()]
    weight = gr.Dropdown(
        choices, value=answering.default_weight(), label="Model", interactive=True, elem_id="batch-model"
    )
    run = gr.Button("Compare the pairs", variant="primary", elem_id="batch-run")
    return weight, run, gr.Button("Try an example", size="sm", elem_id="batch-example")


def _right_side() -> tuple[Any, ...]:
    """The answer; below it, once there is one, the pairs and what can be taken away."""
    card = gr.HTML(cards.message(do.WAITING), elem_id="batch-answer")
    stop = gr.Button("Stop", visible=False, elem_id="batch-stop")
    with gr.Column(visible=False, elem_id="batch-results") as results:
        threshold = gr.Slider(0, 1, 0.5, step=0.001, label="Threshold", elem_id="batch-threshold", buttons=[])
        by = gr.Radio(ORDERS, value="listed", label="Order", elem_id="batch-order")
        table = gr.HTML(elem_id="batch-table", js_on_load=OPENED)
        with gr.Row():
            with gr.Column(min_width=200):
                csv = making.file_button("batch-csv", "Download the table (CSV)", "Writing the table ...")
            with gr.Column(min_width=200):
                report = making.file_button("batch-report", "Download the report (HTML)", variant="secondary")
    gr.Markdown("## What this shows, and what it does not\n" + LIMITS)
    batch, job = (gr.State(None, time_to_live=SESSION_SECONDS) for _ in range(2))
    here = place("batch", "Batch", do.offers())
    return card, stop, results, threshold, by, table, csv, report, batch, job, here


def _wire(page: Page) -> None:
    """Only the button and the example run networks."""
    inputs = (page.list_file, page.photo_files, page.a_files, page.b_files)
    takes = (do.take_list, do.take_photos, do.take_photos, do.take_photos)
    for files, take, state, said in zip(inputs, takes, page.brought, page.said, strict=True):
        came = files.change(take, files, [state, said], show_progress_on=page.note, **GALLERIES)
        came.then(do.preview, [page.how, *page.brought], page.note, **VIEWS)
    chosen = page.how.input(do.show_inputs, page.how, [page.of_list, page.of_sets], **VIEWS)
    chosen.then(do.preview, [page.how, *page.brought], page.note, **VIEWS)
    begun = [page.job, page.run, page.stop, page.card, page.results, page.threshold]
    asked = [page.batch, page.weight]
    _then_compare(page.run.click(do.begin, [*asked, page.how, *page.brought], begun, **VIEWS), page)
    _then_compare(page.example.click(do.begin_example, asked, begun, **VIEWS), page)
    for button in (page.run, page.example):
        button.click(None, None, None, js=TO_ANSWER, api_visibility="private")
    page.stop.click(do.stop, page.job, page.stop, **VIEWS)
    page.weight.input(do.match, [page.batch, page.weight], page.results, **VIEWS)
    for control in (page.threshold, page.by):
        control.input(do.redraw, [page.batch, page.threshold, page.by], [page.card, page.table], **VIEWS)
    making.wire(page.csv, do.make_csv, [page.batch, page.threshold])
    making.wire(page.report, do.make_report, [page.batch, page.threshold])
    come = page.here.asked.change(do.visit, page.here.asked, page.weight, **VIEWS)
    for event in (page.weight.change, come.then):
        event(partial(do.told_of, page.here), [page.weight, page.here.asked], page.here.told, **VIEWS)


def _then_compare(begun: Any, page: Page) -> None:
    """After the event that began it: compare, and set the buttons back however it ends."""
    worked = begun.then(
        do.work,
        [page.job, page.threshold, page.by, page.batch],
        [page.batch, page.card, page.table, page.results],
        **BATCHES,
    )
    worked.then(do.ended, None, [page.run, page.stop, page.job], **VIEWS)
