"""gr.ImageEditor for strangers: their pictures are decoded by the child process, and few of them are kept."""

from __future__ import annotations

from threading import Lock
from typing import Any

import gradio as gr
import numpy as np
from fastapi import HTTPException
from gradio.components.base import server
from gradio.components.image_editor import AcceptBlobs, EditorDataBlobs
from gradio.data_classes import FileData

from models.faces.decoder import read_untrusted

MAX_PIXELS = 4_000_000
"""Of a picture that the editor sends: its canvas on a screen with two pixels for one."""
MAX_LAYERS = 8
KEPT_BYTES = 64_000_000
"""Pictures that were sent and whose event has not come: the newest drawing in any case, others while all take no more.
The page sends them just before the event, which takes them."""
WRONG = "This is no drawing of the page."


def drawing_editor(**options: Any) -> gr.ImageEditor:
    """A gr.ImageEditor whose callbacks get (h, w, 4) uint8 RGBA.

    Its own preprocessing opens any kind of file, in this process; and what clients send between two events it keeps for
    good, in a list as long as they say.
    """
    editor = gr.ImageEditor(**options)
    keep, lock = editor.accept_blobs, Lock()

    @server
    def accept_blobs(data: AcceptBlobs) -> None:
        name, layer = data.data.get("id"), data.data.get("index") or "null"
        number = 0 if layer == "null" else int(layer) if str(layer).isdecimal() else MAX_LAYERS
        if not name or len(data.files) != 1 or number >= MAX_LAYERS:
            raise HTTPException(400, WRONG)
        with lock:
            keep(data)
            drop_old(editor.blob_storage, name)

    editor.accept_blobs = accept_blobs
    editor.convert_and_format_image = picture  # type: ignore[method-assign, assignment]
    return editor


def drop_old(kept: dict[str, EditorDataBlobs], newest: str) -> None:
    """Of drawings in the order of time, drop the oldest until the others take KEPT_BYTES; `newest` is the last one."""
    kept[newest] = kept.pop(newest)
    sizes = {name: _size(drawing) for name, drawing in kept.items()}
    for name in list(kept)[:-1]:
        if sum(sizes.values()) <= KEPT_BYTES:
            return
        del kept[name], sizes[name]


def _size(drawing: EditorDataBlobs) -> int:
    parts = [drawing.background, drawing.composite, *drawing.layers]
    return sum(len(part) for part in parts if isinstance(part, bytes))


def picture(file: FileData | bytes | None, **_: object) -> np.ndarray | None:
    """A picture of the editor as (h, w, 4) uint8 RGBA; None for none.

    Raises:
        PhotoError: as read_untrusted.
    """
    if file is None:
        return None
    source = file.path if isinstance(file, FileData) else bytes(file)
    return read_untrusted(source, MAX_PIXELS, alpha=True).pixels
