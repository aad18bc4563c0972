"""Edits of an aligned face: the protocol's crops, things worn, rubbed-out pixels, and one edit in another frame."""

from __future__ import annotations

import numpy as np
import pytest

from explain.partial.edit import HALVES, PRESETS, WORN, Canvas, Edit, carry
from models import Face
from models.faces.align import DLIB_150, PARTIAL_160
from models.faces.partial_crops import FACTORS, FILL, LANDMARKS, SIDE, crop_part
from tests.explain.partial.partials import aligned_face, canvas

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


def erased(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize("part", LANDMARKS)
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("factor", FACTORS)
def test_a_landmark_s_part_is_the_protocol_s(part: str, factor: float, centred: bool) -> None:
    b = canvas()
    edited = b.edited(Edit(part, factor, centred))
    np.testing.assert_array_equal(edited.image, crop_part(b.crop, part, factor, centred))
    box = Edit(part, factor).box
    assert box is not None and edited.visible == pytest.approx(box.visible())


def test_the_canvas_is_the_aligned_face() -> None:
    face = aligned_face()
    b = Canvas.of(face)
    assert np.abs(b.crop.astype(int) - face.photo).max() <= 1  # keypoints are float32
    np.testing.assert_allclose(b.keypoints, PARTIAL_160.points(), atol=1e-3)


def test_halves_fill_the_face_between_them() -> None:
    hidden = [canvas().edited(Edit(half)).hidden for half in HALVES]
    assert (hidden[0] ^ hidden[1]).all() and hidden[0].sum() == hidden[1].sum() == SIDE * SIDE / 2
    assert hidden[1][:80].all()  # the lower half hides the upper one
    centred = canvas().edited(Edit("upper half", centred=True))
    assert centred.shift == (0.5, 40.5)


@pytest.mark.parametrize("part", WORN)
def test_worn_things_cover_and_are_no_fill(part: str) -> None:
    b = canvas()
    edited, other = b.edited(Edit(part)), b.edited(Edit(part, seed=3))
    assert 0.03 < edited.worn.mean() < 0.7 and not edited.hidden.any()
    assert edited.visible == pytest.approx(1 - edited.worn.mean())
    assert (edited.image[edited.worn] != b.crop[edited.worn]).any()
    assert (edited.image != other.image).any()


def test_rubbing_out_adds_to_the_preset_and_nothing_is_nothing() -> None:
    b, mask = canvas(), erased(slice(0, 40), slice(0, 160))
    edited = b.edited(Edit("upper half", erased=mask))
    assert edited.visible == pytest.approx(0.25)
    assert (edited.image[:40] == FILL).all() and (edited.image[40:80] == b.crop[40:80]).all()
    plain = b.edited(Edit(erased=np.zeros((SIDE, SIDE), bool)))
    assert plain.visible == 1 and (plain.image == b.crop).all()
    assert not Edit(erased=np.zeros((SIDE, SIDE), bool)).changes and Edit(erased=mask).changes


def test_centring_what_is_left_uses_its_bounding_box() -> None:
    b = canvas()
    mask = ~erased(slice(10, 31), slice(20, 41))  # rows 10..30, columns 20..40 stay: middle (30, 20)
    edited = b.edited(Edit(centred=True, erased=mask))
    assert edited.shift == (50.0, 60.0)
    np.testing.assert_array_equal(edited.image[70:91, 70:91], b.crop[10:31, 20:41])
    assert b.edited(Edit(centred=True)).shift == (0.0, 0.0)
    assert b.edited(Edit(centred=True, erased=np.ones((SIDE, SIDE), bool))).shift == (0.0, 0.0)


@pytest.mark.parametrize("part", PRESETS)
def test_carried_to_its_own_frame_an_edit_is_itself(part: str) -> None:
    b = canvas()
    edited = b.edited(Edit(part, centred=part in LANDMARKS))
    carried = carry(edited, b.crop, IDENTITY)
    if part in WORN:  # the soft shadow around a worn thing is not carried
        assert (carried[edited.worn] == edited.image[edited.worn]).all()
    else:
        np.testing.assert_array_equal(carried, edited.image)


def test_carried_to_the_reference_frame_the_same_places_are_hidden() -> None:
    b = canvas()
    fed = b.fed(b.edited(Edit("left eye", 0.2)), DLIB_150).pixels()[0]
    own = aligned_face(1).aligned(DLIB_150).pixels()[0]
    kept = (fed != FILL).any(2)
    np.testing.assert_array_equal(fed[kept], own[kept])
    x, y = DLIB_150.points()[0]
    assert kept[round(y), round(x)] and not kept[round(y), -1] and not kept[-1].any()
    rows, columns = np.nonzero(kept)
    width, height = Edit("left eye", 0.2).box.span  # type: ignore[union-attr]
    scale = 150 / 160 * 1.01  # frames of nearly one scale
    assert np.ptp(columns) == pytest.approx(width * scale, abs=3) and np.ptp(rows) == pytest.approx(
        height * scale, abs=3
    )


def test_what_lies_beyond_the_frame_follows_its_edge() -> None:
    """The reference encoder sees some chin below the 160 px crop: hidden with the lowest row, else its own pixels."""
    b = canvas()
    upper = b.fed(b.edited(Edit("upper half")), DLIB_150).pixels()[0]
    lower = b.fed(b.edited(Edit("lower half")), DLIB_150).pixels()[0]
    assert (upper[-1] == FILL).all() and (lower[-1] == aligned_face(1).aligned(DLIB_150).pixels()[0][-1]).all()


def test_a_centred_part_is_centred_in_the_other_frame_too() -> None:
    b = canvas()
    still, moved = (b.fed(b.edited(Edit("left eye", 0.2, c)), DLIB_150) for c in (False, True))
    places = [np.argwhere((f.pixels()[0] != FILL).any(2)).mean(0)[::-1] for f in (still, moved)]
    shift = (moved.keypoints - still.keypoints)[0, 0].numpy() * 150
    np.testing.assert_allclose(places[1] - places[0], shift, atol=1)
    assert shift[0] == pytest.approx(28.06 * 0.976, abs=0.1)  # 0.976: scale of the fit of one template to the other


def test_the_whole_face_is_fed_untouched() -> None:
    b = canvas()
    for spec in (PARTIAL_160, DLIB_150):
        assert (b.fed(b.edited(Edit()), spec).image == aligned_face(1).aligned(spec).image).all()


def test_impossible_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="no part 'chin'"):
        Edit("chin")
    with pytest.raises(ValueError, match="size lies above 0"):
        Edit("nose", 0)
    with pytest.raises(ValueError, match="erased must be"):
        Edit(erased=np.zeros((4, 4), bool))
    with pytest.raises(ValueError, match="160 x 160"):
        Canvas(np.zeros((10, 10, 3), np.uint8), np.zeros((5, 2)), {}).edited(Edit())


def test_a_turned_face_is_edited_in_its_own_frame() -> None:
    """A photo on its side: aligned, the left eye is where the protocol wants it, and so is its box."""
    face = aligned_face()
    points = np.stack([face.keypoints[:, 1], 159 - face.keypoints[:, 0]], 1)  # rot90 takes (x, y) to (y, 159 - x)
    turned = Face(np.ascontiguousarray(np.rot90(face.photo)), points.astype(np.float32), face.box, 1.0)
    edit = Edit("left eye", 0.2)
    a, b = Canvas.of(face).edited(edit).image, Canvas.of(turned).edited(edit).image
    assert np.abs(a.astype(int) - b).max() <= 1
