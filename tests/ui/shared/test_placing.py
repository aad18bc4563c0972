"""A photo without a face stays to be seen, and its face can be placed by hand in every tab."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

import app
from tests.ui.photos import EXAMPLES, bad_files
from ui.shared import placing
from ui.shared.photos import NO_FACE, Shot, take
from ui.shared.widgets import face_at, notice, show_shot, take_photo, take_placed


@pytest.fixture
def wall(tmp_path: Path) -> tuple[str, int]:
    """A photo in which no face is found, as the page notices it."""
    return str(bad_files(tmp_path)["No face was found"]), 1


def test_it_stays_with_the_reason_and_the_way_on(wall: tuple[str, int], tmp_path: Path) -> None:
    shot, picture, _, note = take_photo(wall)
    assert shot is None and Image.open(str(picture)).size == (640, 480)
    assert NO_FACE in note and placing.OFFERED in note
    assert notice(str(picture), None, wall) == gr.skip()  # the page's own drawing
    removed = notice(None, None, wall)
    assert removed[0] is None and take_photo(removed)[1] is None
    text = (str(bad_files(tmp_path)["not an image"]), 2)
    shot, picture, _, note = take_photo(text)
    assert shot is None is picture and placing.OFFERED not in note
    assert notice(None, None, text) == gr.skip()  # its reason stays


@pytest.mark.parametrize("x", [float("nan"), float("inf"), "12", None])
def test_a_click_that_is_no_place_is_nothing(wall: tuple[str, int], x: Any) -> None:
    assert placing.click(None, wall, (), click_at(x, 1)) == [gr.skip()] * 3


def test_two_clicks_place_it(wall: tuple[str, int]) -> None:
    clicks, said = placing.begin(None, wall)
    assert placing.LEFT in said and placing.begin(None, None)[0] is None
    clicks, points, said = placing.click(None, wall, clicks, click_at(250, 200))
    assert points == gr.skip() and placing.RIGHT in said
    clicks, points, _ = placing.click(None, wall, clicks, click_at(390, 200))
    assert clicks is None
    shot, picture, _, note = take_placed(None, wall, points)
    np.testing.assert_allclose(shot.marks[0].keypoints[:2], [[250, 200], [390, 200]], atol=0.1)
    assert shot.marks[0].confidence == 0 and placing.BY_HAND in note and placing.OFFERED in note
    assert picture == shot.shown and notice(picture, shot, wall) == gr.skip()
    assert placing.click(None, wall, None, click_at(1, 1)) == [gr.skip()] * 3  # the button was not pressed


def click_at(x: float, y: float) -> Any:
    return SimpleNamespace(index=[x, y])


def test_a_click_on_a_shrunk_photo_means_the_photo(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    Image.new("RGB", (1800, 1200)).save(large)
    clicks, *_ = placing.click(None, (str(large), 1), (), click_at(100, 50))
    assert clicks == (200.5, 100.5)


def test_it_can_be_typed_or_be_the_whole_photo(wall: tuple[str, int]) -> None:
    assert placing.typed("250, 200, 390.5 200")[0][0] == (250, 200, 390.5, 200)
    points, said = placing.typed("250, 200")
    assert points == gr.skip() and placing.EYES in said
    whole = take_placed(None, wall, placing.whole())[0]
    assert whole.marks[0].box.tolist() == [80, 0, 559, 479]
    *unchanged, said = take_placed(None, wall, ((5.0, 5.0, 5.0, 5.0), 1))
    assert unchanged == [gr.skip()] * 3 and "one place" in said
    assert placing.typed("-250, 200, 390.5 200")[0][0][0] == -250
    for far in (641.0, 1e300, -2.0, -1e300):
        assert "outside of the photo, which has 640 x 480" in take_placed(None, wall, ((5.0, 5.0, far, 5.0), 2))[3]


def test_a_face_that_was_found_elsewhere_is_moved(six: Path) -> None:
    shot = take(str(six)).pick(2)
    moved = take_placed(shot, None, ((300.0, 300.0, 400.0, 300.0), 1))[0]
    assert moved.chosen == 2 and moved.marks[2].confidence == 0 and moved.marks[1] is shot.marks[1]
    box = shot.faces_in_view()[0].box
    event = click_at(*((box[:2] + box[2:]) / 2))
    assert face_at(shot, event) == 1 and face_at(shot, event, ()) == gr.skip()  # a click that places picks no face


def test_a_sure_face_offers_no_panel(obama: Shot, tmp_path: Path) -> None:
    assert placing.OFFERED not in show_shot(obama)[3]
    cut = tmp_path / "cut.png"
    Image.open(EXAMPLES / "obama_2012.jpg").convert("RGB").crop((0, 150, 480, 600)).save(cut)
    found = take_photo((str(cut), 1))
    assert found[0] is None or found[0].quality().warnings == [] or placing.OFFERED in found[3]


def test_every_photo_of_every_tab_has_the_panel() -> None:
    page = app.build()
    ids = {str(getattr(block, "elem_id", "")) for block in page.blocks.values()}
    photos = {name.removeprefix("note-") for name in ids if name.startswith("note-")}
    assert len(photos) > 9
    assert {name for name in photos if f"photo-{name}-hand" not in ids} == {"p2"}  # it has a table of its own
