"""Detections of data sets are remembered: by pixels, in float32, without the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import training.data.detections
from models.faces.photo import open_photo
from training.data.detections import central_face


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path))
    return tmp_path


def test_a_photo_is_looked_at_once(photos: Path, monkeypatch: pytest.MonkeyPatch):
    photo = open_photo(photos / "obama.jpg")
    found = central_face(photo)
    monkeypatch.setattr(training.data.detections, "detect_faces", lambda _: pytest.fail("detected again"))
    again = central_face(photo.copy())
    np.testing.assert_array_equal(again.keypoints, found.keypoints)
    np.testing.assert_array_equal(again.box, found.box)
    assert again.confidence == found.confidence > 0.9


def test_another_photo_or_detector_is_looked_at(photos: Path, monkeypatch: pytest.MonkeyPatch):
    photo = open_photo(photos / "obama.jpg")
    found = central_face(photo)
    turned = central_face(photo[:, ::-1])
    assert abs(turned.keypoints[2, 0] - found.keypoints[2, 0]) > 1
    monkeypatch.setattr(training.data.detections, "detector_source", lambda: b"another")
    monkeypatch.setattr(training.data.detections, "detect_faces", lambda _: [])
    assert central_face(photo).confidence == 0


def test_a_photo_without_a_face_is_remembered_too(monkeypatch: pytest.MonkeyPatch):
    empty = np.full((90, 120, 3), 200, np.uint8)
    assert central_face(empty).confidence == 0
    monkeypatch.setattr(training.data.detections, "detect_faces", lambda _: pytest.fail("detected again"))
    face = central_face(empty)
    assert face.confidence == 0 and face.keypoints.shape == (5, 2)


def test_the_store_holds_no_pixels(photos: Path, cache: Path):
    central_face(open_photo(photos / "obama.jpg"))
    assert (cache / "faces.sqlite").stat().st_size < 32768
