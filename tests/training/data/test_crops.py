from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.faces.align import ARCFACE_112, DLIB_150
from models.faces.photo import open_photo
from training.data.crops import Crops, cached_crops, draw_morphs, template_face
from training.data.detections import central_face


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 255, (112, 112, 3), dtype=np.uint8)).save(tmp_path / name)
    return tmp_path


ON_ARCFACE = partial(template_face, source=ARCFACE_112)


def test_cached_crops_are_the_aligned_faces(folder: Path):
    crops = cached_crops("x", folder, ["a.png", "b.png"], DLIB_150, ON_ARCFACE)
    face = template_face(open_photo(folder / "b.png"), ARCFACE_112).aligned(DLIB_150)
    batch = crops.batch([1])
    assert torch.allclose(batch.image, face.image, atol=1e-6)
    assert np.allclose(batch.keypoints, face.keypoints)
    assert crops.found.all() and crops.row == {"a.png": 0, "b.png": 1}


def test_the_second_reading_touches_no_image(folder: Path):
    first = cached_crops("x", folder, ["a.png"], DLIB_150, ON_ARCFACE)
    (folder / "a.png").unlink()
    again = cached_crops("x", folder, ["a.png"], DLIB_150, ON_ARCFACE)
    assert np.array_equal(first.image, again.image)
    with pytest.raises(Exception, match=r"a\.png"):  # another template: nothing cached
        cached_crops("x", folder, ["a.png"], DLIB_150.resized(128), ON_ARCFACE)


def test_a_template_face_on_its_own_template_is_the_image(folder: Path):
    photo = open_photo(folder / "a.png")
    crop = template_face(photo, ARCFACE_112).aligned(ARCFACE_112)
    assert np.abs(crop.pixels()[0].astype(int) - photo).max() <= 2  # bilinear weights of a near-identity


def test_the_face_nearest_the_centre_is_taken(photos: Path):
    one = open_photo(photos / "obama.jpg")
    small = np.asarray(Image.fromarray(one).resize((one.shape[1] // 2, one.shape[0] // 2)))
    height, width = one.shape[:2]
    wide = np.full((height, 3 * width, 3), 128, np.uint8)
    wide[:, 2 * width :] = one  # the large face at the right edge, the small one in the middle
    top, left = height // 4, width + width // 4
    wide[top : top + small.shape[0], left : left + small.shape[1]] = small
    x = central_face(wide).box.reshape(2, 2).mean(0)[0]
    assert width < x < 2 * width


def test_a_photo_without_a_face_gets_the_default():
    face = central_face(np.full((120, 160, 3), 200, np.uint8))
    assert face.confidence == 0
    assert np.allclose(face.keypoints[:2].mean(0)[0], 80, atol=1.5)


def test_morphs_mix_pixels_and_keypoints_alike_at_any_size():
    small, large = (noise(size, 0) for size in (8, 12))
    rows = np.array([0, 2, 3])
    morphs, again = (draw_morphs((crops,), rows, 20, seed=4) for crops in (small, large))
    assert np.array_equal(morphs.pair, again.pair) and np.array_equal(morphs.share, again.share)
    assert set(morphs.pair.ravel()) <= set(rows) and (morphs.share >= 0.3).all() and (morphs.share <= 0.7).all()
    assert not np.array_equal(draw_morphs((small,), rows, 20, seed=5).pair, morphs.pair)
    (i, j), share = morphs.pair[7], float(morphs.share[7])
    batch, faces = morphs.batch([7]), small.batch([i, j])
    mixed = (1 - share) * faces.image[0] + share * faces.image[1]
    assert torch.allclose(batch.image[0], mixed, atol=1e-6)
    points = (1 - share) * faces.keypoints[0] + share * faces.keypoints[1]
    assert torch.allclose(batch.keypoints[0], points, atol=1e-6)
    assert morphs.names[7].startswith(f"{small.names[i]}+") and morphs.names == again.names


def noise(size: int, seed: int) -> Crops:
    """Four crops of noise."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    return Crops(tuple("abcd"), image, rng.random((4, 5, 2)).astype(np.float32), np.ones(4, bool))
