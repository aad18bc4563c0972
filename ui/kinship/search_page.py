"""Search: a probe and a gallery of photos in; the gallery ranked by kinship with the probe out."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from models.gallery import TOP
from ui.kinship import arriving, search_indexes
from ui.kinship import search_callbacks as do
from ui.kinship.callbacks import own_threshold
from ui.shared import answering, cards, making, picker
from ui.shared.addresses import CLIENT, Place, place
from ui.shared.chains import Start
from ui.shared.folds import mark
from ui.shared.widgets import GALLERIES, RUNS, SESSION_SECONDS, VIEWS, PhotoInput, file_list, on_change, photo_input

PICKED = (
    "element.addEventListener('click', e => { const hit = e.target.closest('[data-entry]');"
    " if (hit) trigger('click', {entry: Number(hit.dataset.entry)}); });"
)
LIMITS = """
- **A place is no verdict.** In every gallery somebody comes first. A threshold is measured on single pairs: asked of
  many people it finds strangers by chance, and the answer says about how many.
- **Other photos of the probe** come before all relatives: nobody resembles a person more than they do themselves. In an
  index they are told apart, where the network knows them again.
- **A person** of an index is a group of faces that a network takes for one; it can be wrong.
- **The photos** stay in this session: when it ends, or another gallery comes, what was unpacked or encoded is removed.
"""


class Page(NamedTuple):
    """The components that callbacks fill."""

    probe: PhotoInput
    more_files: gr.File
    more_note: gr.HTML
    more: gr.State
    files: gr.File
    folder: gr.UploadButton
    server_index: gr.Dropdown
    stop: gr.Button
    note: gr.HTML
    collection: gr.State
    weight: gr.Dropdown
    by_person: gr.Radio
    every_face: gr.Radio
    top: gr.Radio
    card: gr.HTML
    rest: gr.Column
    threshold: gr.Slider
    hits: gr.HTML
    ranking: gr.State
    export: making.FileButton
    here: Place
    to_find: Start
    to_encode: Start

    @property
    def further(self) -> list[Any]:
        """Further photos of the probe: what take_probe returns values for after the photo's own."""
        return [self.more_files, self.more, self.more_note]

    @property
    def example(self) -> list[Any]:
        """What load_example returns values for."""
        return [*self.probe.outputs, *self.further, self.collection, self.note]

    @property
    def options(self) -> list[Any]:
        """What there is to choose of a gallery or of an index."""
        return [self.by_person, self.every_face, self.top]


def build() -> Page:
    """Lay the page out and wire it."""
    with gr.Row():
        with gr.Column(scale=4, min_width=320, elem_classes=["ks-stay", "ks-tall"]):
            probe = photo_input("probe", "Photo of the probe")
            further = _further_input()
            gallery = _gallery_input()
            options = _options()
            example = gr.Button("Try an example", size="sm")
            with gr.Column(min_width=0) as slot:
                pass
            gr.HTML(cards.NOTICE, elem_classes="ks-last")
        with gr.Column(scale=8, min_width=320):
            page = Page(probe, *further, *gallery, *options, *_right_side())
    page = page._replace(here=page.here._replace(gives={"Probe": probe.shot}, slot=slot))
    _wire(page)
    loaded = example.click(do.load_example, None, page.example, **RUNS)
    then_find(loaded.then(do.leave_index, None, [page.server_index, *page.options], **VIEWS), page)
    return page


def _further_input() -> tuple[Any, ...]:
    with gr.Accordion("More photos of this person", open=False, elem_id="probe-further"):
        files = file_list(file_types=["image"], label="Photos of the probe", height=165, elem_id="probe-files")
        note = gr.HTML(elem_id="probe-more")
    return files, note, gr.State((), time_to_live=SESSION_SECONDS)


def _gallery_input() -> tuple[Any, ...]:
    files = file_list(
        file_types=["image", ".zip"],
        label="Gallery: photos or zips",
        height=170,
        elem_id="gallery-files",
    )
    folder = gr.UploadButton("Choose a folder instead", file_count="directory", size="sm", elem_id="gallery-folder")
    known = search_indexes.names()
    index = gr.Dropdown(
        [("none: the photos above", ""), *known],
        value="",
        label="Or an index of this server",
        interactive=True,
        visible=bool(known),
        elem_id="gallery-index",
    )
    stop = gr.Button("Stop", size="sm", visible=False, elem_id="gallery-stop")
    note = gr.HTML(cards.message(do.NO_GALLERY), elem_id="gallery-note", min_height=76)
    return files, folder, index, stop, note, gr.State(None, time_to_live=SESSION_SECONDS)


def _options() -> tuple[Any, ...]:
    choices = [(picker.title(n), n) for n in answering.pair_weights()]
    weight = gr.Dropdown(
        choices, value=answering.default_weight(), label="Model", interactive=True, elem_id="search-model"
    )
    by_person = gr.Radio(
        [("Face", False), ("Person", True)], value=False, label="Rank by", visible=False, elem_id="by-person"
    )
    every_face = gr.Radio(
        [("Every face", True), ("The largest", False)], value=True, label="Faces of a gallery photo", elem_id="every"
    )
    top = gr.Radio(
        [(str(TOP), TOP), ("200", 200), ("All", 1_000_000)],
        value=TOP,
        label="Most similar faces to score as pairs",
        elem_id="top",
    )
    return weight, by_person, every_face, top


def _right_side() -> tuple[Any, ...]:
    """The answer; below it, once there is one, the ranked faces and the export."""
    card = gr.HTML(cards.message(do.WAITING), elem_id="search-answer")
    with gr.Column(visible=False) as rest:
        threshold = gr.Slider(0, 1, 0.5, step=0.001, label="Threshold", elem_id="search-threshold", buttons=[])
        gr.Markdown("## The gallery, ranked\nA click opens a face beside the probe, with its evidence.")
        hits = gr.HTML(elem_id="hits", js_on_load=PICKED)
        export = making.file_button("search-csv", "Download the ranking (CSV)", "Writing the ranking ...")
    gr.Markdown("## What this shows, and what it does not\n" + LIMITS)
    ranking, here = gr.State(None, time_to_live=SESSION_SECONDS), place("search", "Search", do.offers(), ("probe",))
    return card, rest, threshold, hits, ranking, export, here, Start(), Start()


def _wire(page: Page) -> None:
    """A new gallery is read and encoded, a new model encodes it again, a new probe costs one encoding."""
    _wire_find(page)
    encoded = _wire_encode(page)
    gr.on(None, own_threshold, page.weight, page.threshold, **VIEWS)
    on_change(page.probe, lambda event: then_find(event, page), taking=do.take_probe, also=page.further)
    then_find(page.more_files.change(do.read_more, page.more_files, [page.more, page.more_note], **RUNS), page)
    page.folder.upload(lambda paths: paths, page.folder, page.files, **VIEWS)
    read = _stoppable(page.files.change, page).then(
        do.read_gallery, page.files, [page.collection, page.note], show_progress_on=page.note, **GALLERIES
    )
    page.to_encode.after(read.then(do.leave_index, None, [page.server_index, *page.options], **VIEWS))
    page.to_encode.after(page.weight.input(own_threshold, page.weight, page.threshold, **VIEWS))
    _wire_address(page)
    page.stop.click(do.stopped, None, [page.note, page.stop], cancels=[read, encoded], **VIEWS)
    picked = page.server_index.input(
        do.choose_index,
        [page.server_index, page.weight, page.collection],
        [page.note, page.weight, *page.options],
        **RUNS,
    )
    then_find(picked.then(own_threshold, page.weight, page.threshold, **VIEWS), page)
    page.to_find.on(*(option.input for option in page.options))
    page.threshold.input(
        do.redraw,
        [page.ranking, page.threshold],
        [page.card, page.hits],
        **VIEWS,
    )
    making.wire(page.export, do.make_csv, [page.ranking])


def _stoppable(listen: Any, page: Page, *, now: bool = True) -> Any:
    """On an event (its listener): the button that stops what takes long appears, or goes."""
    script = f"() => ({{__type__: 'update', visible: {str(now).lower()}}})"
    return listen(None, None, page.stop, js=script, **CLIENT)


def _wire_address(page: Page) -> None:
    """What an address brings."""
    here = page.here
    given = [here.asked, page.probe.shot, page.collection]
    come = here.asked.change(do.visit, given, [*page.example, page.weight], **RUNS)
    asked = [here.asked, page.weight]
    page.to_encode.after(come.success(arriving.own_threshold, asked, page.threshold, **VIEWS))
    for event in (page.weight.change, come.then, page.threshold.input):
        then_tell(event, page)


def then_tell(listen: Any, page: Page) -> None:
    """On an event: the browser is told which model ranks."""
    listen(partial(do.told_of, page.here), [page.weight, page.here.asked, page.threshold], page.here.told, **VIEWS)


def _wire_encode(page: Page) -> Any:
    """The gallery encoded, which can be stopped, and ranked; returns the first of these."""
    shown = {"show_progress_on": page.card, **GALLERIES}
    given = [page.collection, page.weight, page.server_index]
    encoded = _stoppable(page.to_encode.then, page).then(do.encode_gallery, given, None, **shown)
    then_find(_stoppable(encoded.then, page, now=False), page)
    return encoded


def then_find(event: Any, page: Page) -> None:
    """After `event`: the gallery ranked for the probe."""
    page.to_find.after(event)


def _wire_find(page: Page) -> None:
    found = mark(page.to_find, page.hits, former=True).then(
        do.find,
        [
            page.probe.shot,
            page.collection,
            page.weight,
            page.every_face,
            page.top,
            page.threshold,
            page.more,
            page.server_index,
            page.by_person,
        ],
        [page.ranking, page.card, page.hits, page.rest],
        show_progress_on=page.card,
        **RUNS,
    )
    mark(found, page.hits, former=False)
