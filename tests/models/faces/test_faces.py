"""Detection on real portraits and on what is none; alignment there and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.faces import look
from models.faces.align import ARCFACE_112, DLIB_150, PARTIAL_160, warp_back
from models.faces.detect import default_face, detect_faces
from models.faces.face import Face, FaceBatch
from models.faces.geometry import apply_affine, invert_affine, similarity_transform, warp
from models.faces.photo import open_photo

SPECS = {"arcface": ARCFACE_112, "dlib": DLIB_150, "partial": PARTIAL_160}


@pytest.fixture(scope="module")
def portrait(photos: Path) -> np.ndarray:
    return open_photo(photos / "obama.jpg")


@pytest.fixture(scope="module")
def face(portrait: np.ndarray) -> Face:
    (found,) = detect_faces(portrait)
    return found


def resized(photo: np.ndarray, width: int) -> np.ndarray:
    height = round(photo.shape[0] * width / photo.shape[1])
    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.LANCZOS))


def test_a_portrait_has_one_face_with_its_features_in_order(face: Face):
    eyes, nose, mouth = face.keypoints[:2], face.keypoints[2], face.keypoints[3:]
    assert face.confidence > 0.99
    assert eyes[0, 0] < nose[0] < eyes[1, 0] and mouth[0, 0] < mouth[1, 0]
    assert eyes[:, 1].max() < nose[1] < mouth[:, 1].min()
    x0, y0, x1, y1 = face.box
    assert ((face.keypoints > [x0, y0]) & (face.keypoints < [x1, y1])).all()


@pytest.mark.parametrize("width", [120, 300, 1500])
def test_the_size_of_the_photo_does_not_move_the_face(portrait: np.ndarray, face: Face, width: int):
    other = detect_faces(resized(portrait, width))[0]
    scale = portrait.shape[1] / width
    eye_distance = np.linalg.norm(face.keypoints[1] - face.keypoints[0])
    assert np.abs(other.keypoints * scale - face.keypoints).max() < 0.15 * eye_distance


def test_a_tight_crop_keeps_its_keypoints(portrait: np.ndarray, face: Face):
    x0, y0, x1, y1 = face.box.round().astype(int)
    tight = detect_faces(np.ascontiguousarray(portrait[y0:y1, x0:x1]))[0]
    eye_distance = np.linalg.norm(face.keypoints[1] - face.keypoints[0])
    assert np.abs(tight.keypoints + np.array([x0, y0]) - face.keypoints).max() < 0.15 * eye_distance


def test_six_faces_are_found_largest_first(portrait: np.ndarray):
    one = resized(portrait, 150)
    height, width = one.shape[:2]
    group = np.full((2 * height + 40, 3 * width + 60, 3), 200, np.uint8)
    for i in range(6):
        part = resized(portrait, 150 - 8 * i)
        y, x = (i // 3) * (height + 20), (i % 3) * (width + 20)
        group[y : y + part.shape[0], x : x + part.shape[1]] = part
    areas = [float((f.box[2] - f.box[0]) * (f.box[3] - f.box[1])) for f in detect_faces(group)]
    assert len(areas) == 6
    assert areas == sorted(areas, reverse=True)


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(20, 20), (16, 400), (300, 300)])
def test_a_blank_photo_has_no_face(value: int, shape: tuple[int, int]):
    assert detect_faces(np.full((*shape, 3), value, np.uint8)) == []


def test_noise_and_a_twenty_pixel_image_are_survived():
    noise = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    for photo in (noise, np.kron(noise, np.ones((12, 12, 1), np.uint8))):
        assert all(np.isfinite(f.keypoints).all() for f in detect_faces(photo))


def test_thirty_megapixels(portrait: np.ndarray, face: Face):
    big = resized(portrait, 5000)
    assert big.shape[0] * big.shape[1] >= 30_000_000
    found = detect_faces(big)[0]
    assert np.abs(found.keypoints * portrait.shape[1] / 5000 - face.keypoints).max() < 8
    assert found.aligned(DLIB_150).image.shape == (1, 3, 150, 150)


def test_a_grey_portrait_is_found(portrait: np.ndarray):
    grey = np.asarray(Image.fromarray(portrait).convert("L").convert("RGB"))
    assert detect_faces(grey)[0].confidence > 0.99


def test_the_default_face_is_the_central_square():
    face = default_face(np.zeros((100, 300, 3), np.uint8))
    expected = ARCFACE_112.resized(100).points() + np.array([100, 0])
    assert np.allclose(face.keypoints, expected, atol=1e-4)
    assert face.confidence == 0 and face.box.tolist() == [100, 0, 199, 99]


@pytest.mark.parametrize("seed", range(5))
def test_a_similarity_is_found_again(seed: int):
    rng = np.random.default_rng(seed)
    angle, scale, shift = rng.uniform(-3, 3), rng.uniform(0.2, 4), rng.normal(0, 50, 2)
    matrix = np.hstack(
        [scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]), shift[:, None]]
    )
    points = rng.normal(0, 30, (5, 2))
    assert np.allclose(similarity_transform(points, apply_affine(matrix, points)), matrix, atol=1e-9)
    assert np.allclose(apply_affine(invert_affine(matrix), apply_affine(matrix, points)), points)


def test_mirrored_points_are_not_mirrored_back():
    points = ARCFACE_112.points()
    matrix = similarity_transform(points * [-1, 1], points)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_mirrored_keypoints_stay_on_their_pixels_and_swap_names():
    """Five dots of five brightnesses: after the flip, `left eye` must stand on what was the right eye's dot."""
    size, brightness = 112, torch.tensor([0.2, 0.4, 0.6, 0.8, 1.0])
    pixels = torch.tensor([[38, 52], [74, 51], [56, 72], [42, 92], [71, 93]])  # (x, y)
    image = torch.zeros(1, 3, size, size)
    image[0, :, pixels[:, 1], pixels[:, 0]] = brightness
    faces = FaceBatch(image, ((pixels + 0.5) / size)[None])
    before, flipped = faces.keypoints.clone(), faces.mirrored()
    points = flipped.keypoints[0] * size - 0.5
    x, y = points.round().long().unbind(1)
    assert torch.equal(flipped.image[0, 0, y, x], brightness[[1, 0, 2, 4, 3]])
    assert points[0, 0] < points[1, 0] and points[3, 0] < points[4, 0]  # left is left
    again = flipped.mirrored()
    assert torch.equal(again.image, image) and torch.equal(faces.keypoints, before)
    torch.testing.assert_close(again.keypoints, before)


def test_keypoints_that_coincide_are_refused(portrait: np.ndarray):
    face = Face(portrait, np.full((5, 2), 7, np.float32), np.zeros(4, np.float32), 1.0)
    with pytest.raises(ValueError, match="coincide"):
        face.aligned(DLIB_150)


def test_the_identity_warp_is_exact():
    image = np.random.default_rng(0).integers(0, 255, (31, 47, 3), dtype=np.uint8)
    assert np.array_equal(warp(image, np.array([[1.0, 0, 0], [0, 1, 0]]), (47, 31)), image)
    moved = warp(image, np.array([[1.0, 0, 5], [0, 1, 2]]), (47, 31))
    assert np.array_equal(moved[2:, 5:], image[:-2, :-5]) and not moved[:2].any()


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_shrinking_averages(factor: int):
    image = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
    matrix = np.array([[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5]])
    n = 60 // factor
    means = image.reshape(n, factor, n, factor, 3).mean((1, 3))
    assert np.abs(warp(image, matrix, (n, n))[1:-1, 1:-1] - means[1:-1, 1:-1]).max() <= 1


@pytest.mark.parametrize("name", SPECS)
def test_alignment_puts_the_keypoints_near_the_template(face: Face, name: str):
    spec = SPECS[name]
    batch = face.aligned(spec)
    assert batch.image.shape == (1, 3, spec.size, spec.size)
    assert float(batch.image.min()) >= 0 and float(batch.image.max()) <= 1
    wanted = torch.as_tensor((spec.points() + 0.5) / spec.size, dtype=torch.float32)
    assert (batch.keypoints[0] - wanted).norm(dim=1).mean() < 0.04


@pytest.mark.parametrize("name", SPECS)
def test_detection_on_the_aligned_crop_finds_the_stated_keypoints(face: Face, name: str):
    batch = face.aligned(SPECS[name])
    again = detect_faces(batch.pixels()[0])[0]
    stated = batch.keypoints[0].numpy() * SPECS[name].size - 0.5
    eye_distance = np.linalg.norm(stated[1] - stated[0])
    assert np.abs(again.keypoints - stated).max() < 0.15 * eye_distance


@pytest.mark.parametrize("name", SPECS)
def test_warping_a_crop_back_meets_the_photo(face: Face, name: str):
    spec = SPECS[name]
    grey = face.aligned(spec).image[0].mean(0).numpy()
    back = warp_back(grey, face, spec)
    assert back.shape == face.photo.shape[:2]
    inside = np.isfinite(back)
    assert 0.05 < inside.mean() < 1
    difference = np.abs(back - face.photo.mean(2) / 255)[inside]
    assert np.median(difference) < 0.03
    x, y = face.keypoints[2].round().astype(int)
    assert inside[y, x]


def test_a_spot_is_warped_back_to_its_keypoint(face: Face):
    spot = np.zeros((150, 150), np.float32)
    x, y = apply_affine(face.alignment(DLIB_150), face.keypoints)[0].round().astype(int)
    spot[y - 1 : y + 2, x - 1 : x + 2] = 1
    back = np.nan_to_num(warp_back(spot, face, DLIB_150))
    rows, columns = np.nonzero(back > 0.5 * back.max())
    eye_distance = np.linalg.norm(face.keypoints[1] - face.keypoints[0])
    assert np.hypot(columns.mean() - face.keypoints[0, 0], rows.mean() - face.keypoints[0, 1]) < 0.05 * eye_distance


@pytest.mark.parametrize("shift", [(0, 0), (-220, 20), (200, -160), (150, 450)])
def test_only_what_lies_under_the_crop_is_warped_and_rightly(face: Face, shift: tuple[int, int]) -> None:
    """Over any edge of the photo, against a photo so large that the crop lies inside it."""
    height, width = face.photo.shape[:2]
    values, margin = np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32), 500
    moved = replace(face, keypoints=face.keypoints + np.array(shift, np.float32))
    large = np.zeros((height + 2 * margin, width + 2 * margin, 3), np.uint8)
    inside = warp_back(values, replace(moved, photo=large, keypoints=moved.keypoints + np.float32(margin)), DLIB_150)
    wanted = inside[margin : margin + height, margin : margin + width]
    back = warp_back(values, moved, DLIB_150)
    assert np.isfinite(inside).sum() > np.isfinite(back).sum() > 0 or shift == (0, 0)
    unlike = np.isfinite(back) != np.isfinite(wanted)  # at the rim the half of a pixel may fall either way
    assert unlike.mean() < 1e-3
    np.testing.assert_allclose(back[~unlike], wanted[~unlike], atol=1e-3)
    assert np.isnan(warp_back(values, replace(face, keypoints=face.keypoints + np.float32(5000)), DLIB_150)).all()
    assert np.isnan(warp_back(values, replace(face, keypoints=face.keypoints - np.float32(5000)), DLIB_150)).all()


def test_an_upside_down_photo_with_exif_is_aligned_upright(photos: Path, tmp_path: Path, face: Face):
    exif = Image.Exif()
    exif[0x0112] = 3
    turned = Image.open(photos / "obama.jpg").rotate(180)
    turned.save(tmp_path / "turned.png", exif=exif)
    (found,) = detect_faces(open_photo(tmp_path / "turned.png"))
    assert np.abs(found.keypoints - face.keypoints).max() < 3


@pytest.mark.parametrize("shape", [(600, 480), (601, 333), (97, 480)])
def test_a_large_photo_shrinks_in_bands_as_a_small_one_does(
    portrait: np.ndarray, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    given = np.asarray(Image.fromarray(portrait).resize((shape[1], shape[0])))
    monkeypatch.setattr(look, "BAND", 16)
    for side in (50, 200, 331):
        whole = np.asarray(look.shrunk(given, side)).astype(int)
        with monkeypatch.context() as patch:
            patch.setattr(look, "LARGE", 0)
            apart = np.abs(whole - np.asarray(look.shrunk(given, side)))
        assert apart.max() <= 1 and apart.mean() < 0.01
