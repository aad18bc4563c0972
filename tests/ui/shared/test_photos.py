"""A photo in a session: found faces, the picked one, small memory, plain errors."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models import PhotoError, detect_faces, open_photo
from tests.ui.photos import EXAMPLES, bad_files
from ui.shared import photos as shots
from ui.shared.held import SESSION
from ui.shared.photos import Shot, example_shot, shrink, take, to_view
from ui.shared.widgets import show_shot


def test_the_face_is_the_detected_one_at_full_size(obama: Shot) -> None:
    photo = open_photo(EXAMPLES / "obama_2012.jpg")
    face = obama.face()
    assert np.array_equal(face.photo, photo)
    assert np.array_equal(face.keypoints, detect_faces(photo)[0].keypoints)


def test_six_faces_and_a_pick(six: Path) -> None:
    shot = take(str(six))
    assert len(shot.marks) == 6
    third = shot.pick(2)
    assert third.chosen == 2 and np.array_equal(third.face().box, shot.marks[2].box)
    assert not np.array_equal(third.view(), shot.view())
    with pytest.raises(ValueError, match="face 6 of 6"):
        shot.pick(6)


def test_bad_files_say_what_is_wrong(tmp_path: Path) -> None:
    for words, path in bad_files(tmp_path).items():
        with pytest.raises(PhotoError, match=words):
            take(str(path))
    with pytest.raises(PhotoError, match="no photo"):
        take(None)


def test_a_photo_that_went_away(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes((EXAMPLES / "biden_2010.jpg").read_bytes())
    shot = take(str(path))
    path.unlink()
    with pytest.raises(PhotoError, match="no longer kept"):
        shot.face()


def test_which_page_was_read_is_said_beside_the_photo(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    portrait = Image.open(EXAMPLES / "biden_2010.jpg")
    Image.new("RGB", (40, 40)).save(path, save_all=True, append_images=[portrait])
    shot = take(str(path))
    assert "2 of 2" in shot.note and shot.pick(0).note == shot.note
    *_, said = show_shot(shot)
    assert shot.note in said and "ks-quality" in said
    assert take(str(EXAMPLES / "biden_2010.jpg")).note == ""


def test_a_file_replaced_under_the_same_name_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 40), "red").save(path)
    assert shots.read(str(path)).pixels[0, 0].tolist() == [255, 0, 0]
    Image.new("RGB", (40, 40), "blue").save(path)
    assert shots.read(str(path)).pixels[0, 0].tolist() == [0, 0, 255]


def test_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shots, "MAX_MEGAPIXELS", 0.001)
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 40)).save(path)
    with pytest.raises(PhotoError, match="million pixels"):
        take(str(path))


def test_a_session_remembers_little(six: Path) -> None:
    assert len(pickle.dumps(take(str(six)))) < 5_000


def test_shrunk_coordinates_point_at_the_same_place() -> None:
    photo = np.zeros((400, 1000, 3), np.uint8)
    photo[200:204, 600:604] = 255
    view, scale = shrink(photo, 250)
    assert view.shape == (100, 250, 3) and scale == 0.25
    x, y = to_view(np.array([601.5, 201.5]), scale)  # the middle of the white square
    assert (x, y) == (150, 50) and view[50, 150].tolist() == [255, 255, 255]
    assert shrink(view, 250)[0] is view


def test_pixels_stay_for_those_who_asked_and_go_with_the_file(tmp_path: Path) -> None:
    shots.forget()
    paths = {name: tmp_path / f"{name}.png" for name in ("one", "both", "tool")}
    for path in paths.values():
        Image.new("RGB", (40, 40)).save(path)
    example_shot("obama_2012.jpg").face()
    for session, name in (("a", "one"), ("a", "both"), ("b", "both"), ("", "tool")):
        before = SESSION.set(session)
        shots.read(str(paths[name]))
        SESSION.reset(before)
    shots.keep_for({"a", "b"})
    assert kept() == ["obama_2012", "one", "both"]
    shots.keep_for({"b"})
    assert kept() == ["obama_2012", "both"]
    paths["both"].unlink()
    shots.keep_for({"b"})
    assert kept() == ["obama_2012"]


def kept() -> list[str]:
    """Names of photos whose pixels are in memory."""
    return [Path(path).stem for path, _ in shots._KEPT]


def test_kept_pixels_are_bounded_and_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shots, "KEPT_BYTES", 2 * 40 * 40 * 3)
    shots.forget()
    paths = [str(tmp_path / f"{name}.png") for name in "abc"]
    for path in paths:
        Image.new("RGB", (40, 40)).save(path)
    first = shots.read(paths[0])
    shots.read(paths[1])
    assert shots.read(paths[0]) is first  # used again: the second is now the oldest
    shots.read(paths[2])
    assert kept() == ["a", "c"]
    monkeypatch.setattr(shots, "KEPT_BYTES", 1)
    shots.read(paths[1])
    assert kept() == ["b"]
