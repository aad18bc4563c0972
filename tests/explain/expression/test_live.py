"""A camera's frames: the face is followed, the answer is predict's, nothing of a frame stays."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from explain.expression import follow as following
from explain.expression.follow import RENEW, Followed, follow, refined
from explain.expression.live import VIEW, read_frame
from models import Face, predict
from models.nets.expression import Expression


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Longest sides at which the whole detector looked."""
    asked, look = [], following.look

    def counted(photo: np.ndarray, side: int, pad: float = 0.0) -> list[Face]:
        asked.append(side)
        return look(photo, side, pad)

    monkeypatch.setattr(following, "look", counted)
    return asked


def moved(photo: np.ndarray, by: int) -> np.ndarray:
    """The photo with its content `by` pixels further right."""
    return np.ascontiguousarray(np.roll(photo, by, axis=1))


def test_a_moving_face_is_followed_by_the_last_stage(face: Face, looks: list[int]) -> None:
    first, known = follow(face.photo, None)
    assert first is not None and known is not None and looks == [following.SIDE]
    eyes = float(np.linalg.norm(face.keypoints[1] - face.keypoints[0]))
    assert np.abs(first.keypoints - face.keypoints).max() < 0.15 * eyes
    step = max(1, round(0.1 * eyes))
    for i in range(1, 5):
        found, known = follow(moved(face.photo, i * step), known)
        assert found is not None and known is not None
        assert np.abs(found.keypoints - face.keypoints - [i * step, 0]).max() < 0.2 * eyes
    assert len(looks) == 1 and known.frames == 4


def test_a_lost_face_is_looked_for_and_so_is_another_one_in_time(face: Face, looks: list[int]) -> None:
    _, known = follow(face.photo, None)
    assert known is not None
    empty = np.full_like(face.photo, 128)
    assert refined(empty, known.box) is None and follow(empty, known) == (None, None) and len(looks) == 2
    old = Followed(known.box, RENEW, known.size)
    assert follow(face.photo, old)[1].frames == 0 and len(looks) == 3  # type: ignore[union-attr]
    other = Followed(known.box, 0, (1, 1))  # a frame of another size
    assert follow(face.photo, other)[1].frames == 0 and len(looks) == 4  # type: ignore[union-attr]


def test_a_frame_says_what_predict_says(model: Expression, face: Face) -> None:
    found, known = read_frame(model, face.photo, None)
    seen, _ = follow(face.photo, None)
    assert found.said is not None and seen is not None and known is not None
    direct = predict(model, seen)
    assert list(found.said.shares) == pytest.approx(list(direct.probabilities.values()), abs=1e-5)
    assert found.target == found.said.leading and max(found.picture.shape) <= VIEW
    other = next(name for name in model.classes if name != found.target)
    again, _ = read_frame(model, face.photo, None, other)
    assert again.target == other and not np.array_equal(again.picture, found.picture)
    assert len(pickle.dumps(known)) < 1000
    with pytest.raises(ValueError, match="no class 'joy'"):
        read_frame(model, face.photo, None, "joy")


def test_a_frame_without_a_face(model: Expression) -> None:
    found, known = read_frame(model, np.full((480, 640, 3), 90, np.uint8), None)
    assert found.said is None and known is None and found.target == "" and found.picture.shape == (270, 360, 3)
