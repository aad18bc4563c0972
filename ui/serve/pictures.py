"""Pictures that Gradio makes for the page are there whole or not at all.

A picture lies under the hash of its bytes. Gradio writes the file again whenever the same picture is made again, and
whoever fetches it at that moment gets a part of it: the browser then shows none.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from gradio import processing_utils
from PIL import Image

_save = processing_utils.save_pil_to_cache


def save_whole(img: Image.Image, cache_dir: str, *args: Any, **options: Any) -> str:
    """As Gradio's save_pil_to_cache; the file is made elsewhere and takes its place in one step."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(_save(img, scratch, *args, **options))
        place = Path(cache_dir).resolve() / made.parent.name / made.name
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(made, place)
    return str(place)


def write_pictures_whole() -> None:
    """From now on, in this process."""
    processing_utils.save_pil_to_cache = save_whole
