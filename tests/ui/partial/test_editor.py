"""The image editor takes what its page sends, and nothing that costs more."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import HTTPException
from gradio.components.image_editor import EditorData
from PIL import Image

from models import PhotoError
from models.faces import decoder
from ui.partial import editor as module
from ui.partial.editor import MAX_LAYERS, drawing_editor


def coded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def send(editor: Any, name: str, part: str, data: bytes, index: object = "null") -> None:
    said = {"id": name, "type": part, "index": index}
    editor.accept_blobs(SimpleNamespace(data=said, files=[("blob", data)]))


def taken(editor: Any, name: str) -> dict[str, Any]:
    return editor.preprocess(EditorData(background=None, layers=[], composite=None, id=name))


def test_pixels_arrive_with_their_transparency_from_the_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    read = decoder.Decoder.read
    monkeypatch.setattr(decoder.Decoder, "read", lambda *a: asked.append(a[3]) or read(*a))
    ground, stroke = (np.random.default_rng(n).integers(0, 256, (40, 30, 4), np.uint8) for n in (0, 1))
    editor = drawing_editor()
    send(editor, "a", "background", coded(ground))
    send(editor, "a", "layer", coded(stroke), "1")
    found = taken(editor, "a")
    assert np.array_equal(found["background"], ground) and found["composite"] is None
    assert len(found["layers"]) == 1 and np.array_equal(found["layers"][0], stroke)
    assert asked == [True, True] and editor.blob_storage == {}


@pytest.mark.parametrize(
    "data", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", coded(np.zeros((2100, 2000), np.uint8)), b"", b"1"]
)
def test_other_files_and_large_ones_are_refused_in_words(data: bytes) -> None:
    editor = drawing_editor()
    send(editor, "a", "background", data)
    with pytest.raises(PhotoError):
        taken(editor, "a")


@pytest.mark.parametrize("index", ["1000000000", str(MAX_LAYERS), "-1", "x"])
def test_a_layer_that_no_drawing_has_is_refused(index: str) -> None:
    editor = drawing_editor()
    with pytest.raises(HTTPException):
        send(editor, "a", "layer", b"1", index)
    assert editor.blob_storage == {}


def test_drawings_that_nobody_asks_for_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 25)
    editor = drawing_editor()
    for name in "abac":
        send(editor, name, "background", b"1" * 10)
    assert list(editor.blob_storage) == ["a", "c"]
    send(editor, "d", "background", b"1" * 100)
    assert list(editor.blob_storage) == ["d"]


def test_the_server_offers_it_to_the_page() -> None:
    assert drawing_editor().accept_blobs._is_server_fn  # type: ignore[attr-defined]
