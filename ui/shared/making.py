"""Buttons that make a file: what they do is said at once, they can be stopped, and the file has a telling name."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from ui.shared import cards
from ui.shared.addresses import CLIENT
from ui.shared.widgets import MAKES, VIEWS

REPORT, WRITING = "Download the report (zip)", "Writing the report ..."
STOPPED = "Stopped: no file was made."
LONGEST = 24
"""Characters of one word in a file's name."""
FETCH = "file => { if (file) setTimeout(() => document.querySelector('#%s')?.click(), 150); }"
"""Presses the hidden download link once its file is there."""


class FileButton(NamedTuple):
    """A button that makes a file, the one that stops it, the hidden link, and a line for what went wrong.

    Attributes:
        label, busy: what the button says, and what it says while it works.
    """

    button: gr.Button
    stop: gr.Button
    file: gr.DownloadButton
    note: gr.HTML
    label: str
    busy: str


def file_button(name: str, label: str = REPORT, busy: str = WRITING, **options: Any) -> FileButton:
    """One press makes a file and downloads it.

    Args:
        name: id of the button; those of the other parts begin with it.
        options: of the button.
    """
    with gr.Row(elem_classes="ks-making"):
        button = gr.Button(label, elem_id=name, min_width=150, **{"variant": "primary", **options})
        stop = gr.Button("Stop", visible=False, min_width=70, scale=0, elem_id=f"{name}-stop")
    file = gr.DownloadButton("file", visible="hidden", elem_id=f"{name}-file", elem_classes="ks-file")
    return FileButton(button, stop, file, gr.HTML(elem_id=f"{name}-note"), label, busy)


def wire(made: FileButton, work: Callable[..., tuple[str | None, str]], inputs: Sequence[Any]) -> None:
    """A press begins `work`: from the values of `inputs` to the file's path, None without one, and a note."""
    state, forgotten = [made.button, made.stop], [made.file, made.note]
    made.button.click(None, None, [*state, *forgotten], js=f"() => [{_said(made.busy, True)}, null, '']", **CLIENT)
    working = made.button.click(work, inputs, [made.file, made.note], show_progress="hidden", **MAKES)
    working.success(None, made.file, None, js=FETCH % made.file.elem_id, **CLIENT)
    working.then(None, None, state, js=f"() => [{_said(made.label, False)}]", **CLIENT)

    def stopped() -> list[Any]:
        return [made.label, gr.update(visible=False), cards.message(STOPPED)]

    made.stop.click(stopped, None, [*state, made.note], cancels=[working], **VIEWS)


def _said(words: str, at_work: bool) -> str:
    """Script: what the button says, and whether the other one is shown."""
    return f"'{words}', {{__type__: 'update', visible: {str(at_work).lower()}}}"


def file_name(*words: str) -> str:
    """ "kinsight-kinship-dlib_kin-obama_2012-obama_2009": of any words, the empty ones left out."""
    return "-".join(["kinsight", *filter(None, map(plain, words))])


def photo_name(path: str) -> str:
    """A photo in a file's name: what its owner calls it, without its folder and its ending."""
    return plain(Path(path).stem) or "photo"


def plain(word: str) -> str:
    """Letters without accents, digits and underscores, at most LONGEST of them."""
    bare = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", bare).strip("_")[:LONGEST].strip("_")


def kept(name: str, write: Callable[[Path], Path]) -> str:
    """A file where the page can fetch it and delete_cache finds it: its path.

    Args:
        name: as file_name gives it.
        write: given a path of that name in an empty folder, makes the file there and returns its path.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return save_file_to_cache(write(Path(scratch) / name), get_upload_folder())
