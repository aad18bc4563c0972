"""Faces of photo 2 placed by hand, where no face is found or in the wrong place."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from explain.partial.edit import Edit
from models import KEYPOINT_NAMES
from tests.ui.photos import bad_files
from ui.partial import callbacks as do
from ui.partial import placing
from ui.shared.photos import Shot

PART = Edit("left eye", 0.3)
pytestmark = pytest.mark.usefixtures("weights")


def test_a_photo_without_a_face_is_no_dead_end(tmp_path, obama: Shot):
    files = bad_files(tmp_path)
    shot, _, _, note, panel = placing.take_photo((str(files["No face was found"]), 1))
    assert shot.marks[0].confidence == 0 and "No face was found" in note and panel["open"] is True
    assert do.run(obama, shot, Edit("nose"), None)[0] is not None
    for words in ("not an image", "cut short"):
        shot, _, _, note, panel = placing.take_photo((str(files[words]), 1))
        assert shot is None and words in note and panel["open"] is False
    assert placing.take_photo((None, 1))[0] is None


def test_two_rows_place_the_face(biden: Shot):
    rows = placing.rows_of(biden)
    detected = biden.marks[0].keypoints
    assert np.allclose([[r[1], r[2]] for r in rows], detected, atol=0.06)
    for i in (2, 3, 4):
        rows[i] = [rows[i][0], None, ""]
    shot, _, _, note = placing.place(biden, rows)
    np.testing.assert_allclose(shot.marks[0].keypoints[:2], detected[:2], atol=0.06)
    assert shot.marks[0].confidence == 0 and placing.BY_HAND in note
    assert (shot.marks[0].keypoints[2:] != detected[2:]).any()
    assert placing.detected(shot)[0].marks[0].confidence > 0.9


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "Two keypoints at least"),
        ([["left eye", 5, 5], ["right eye"], ["nose", 9], []], "Two keypoints at least"),
        ([["left eye", 5, 5], ["right eye", "here", 9]], "x of the right eye is no number"),
        ([[name, 7, 7] for name in KEYPOINT_NAMES], "one place"),
        ([["left eye", 5, 5], ["right eye", 1e300, 9]], "far outside of the photo, which has 720 x 900 pixels"),
    ],
)
def test_what_cannot_be_placed_is_said(biden: Shot, rows: list, words: str):
    shot, *_, note = placing.place(biden, rows)
    assert shot == gr.skip() and words in note


def test_a_deleted_row_is_a_blank_one(biden: Shot):
    rows = placing.rows_of(biden)
    short = rows[1:]
    points = placing.points_of(short)
    assert np.isnan(points[0]).all() and points[1].tolist() == rows[1][1:]
    blank = [[rows[0][0], None, None], *rows[1:]]
    np.testing.assert_array_equal(
        placing.place(biden, short)[0].face().keypoints, placing.place(biden, blank)[0].face().keypoints
    )
    assert placing.click(biden, 0, short, SimpleNamespace(index=[100, 50]))[0][0] == "left eye"
    assert placing.clear(1, short) == [blank[0], [rows[1][0], None, None], *rows[2:]]


def test_a_click_moves_the_picked_keypoint(biden: Shot):
    rows, event = placing.rows_of(biden), SimpleNamespace(index=[100, 50])
    moved = placing.click(biden, 2, rows, event)
    height, width = biden.face().photo.shape[:2]
    scale = min(1.0, 900 / max(height, width))
    assert moved[2][1:] == [round(100.5 / scale - 0.5, 1), round(50.5 / scale - 0.5, 1)] and moved[0] == rows[0]
    assert placing.click(biden, None, rows, event) == gr.skip()
    assert placing.clear(2, rows)[2][1:] == [None, None] and placing.clear(None, rows) == gr.skip()


def test_the_other_photo_s_alignment(obama: Shot, biden: Shot):
    rows = placing.from_other(obama, obama)
    assert rows == placing.rows_of(obama)
    sizes = [np.array(s.face().photo.shape[1::-1]) for s in (obama, biden)]
    rows = placing.from_other(obama, biden)
    expected = (obama.marks[0].keypoints + 0.5) / sizes[0] * sizes[1] - 0.5
    assert np.allclose([[r[1], r[2]] for r in rows], expected, atol=0.06)
    assert placing.from_other(None, biden) == gr.skip()


# The page and the endpoint
