"""A picture that is made a second time does not change under whoever is reading it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradio import image_utils, processing_utils
from PIL import Image

from ui.serve import pictures


def test_the_same_picture_made_again_leaves_readers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing_utils, "save_pil_to_cache", processing_utils.save_pil_to_cache)
    pictures.write_pictures_whole()
    drawn = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)

    def made() -> Path:
        data = image_utils.postprocess_image(drawn, str(tmp_path), "png")
        assert data is not None
        return Path(data.path)

    first = made()
    with first.open("rb") as reader:
        before = first.stat().st_ino
        again = made()
        assert again == first and again.stat().st_ino != before  # another file, in its place in one step
        assert reader.read() == again.read_bytes()
    assert np.array_equal(np.asarray(Image.open(again)), drawn)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [first]


def test_it_is_where_gradio_would_have_put_it(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 8), "red")
    assert pictures.save_whole(picture, str(tmp_path), format="png") == pictures._save(
        picture, str(tmp_path), format="png"
    )
