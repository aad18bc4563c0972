"""Photos that other tools fail on: each gives its right value, or words that say what is wrong."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from models import Face, detect_faces, load_model, open_photo
from models.faces.photo import PhotoError, open_mask, read_photo
from models.faces.quality import assess

CASES = Path(__file__).parent / "cases"
EXAMPLES = Path(__file__).parents[2] / "ui" / "examples"
HOPPER = EXAMPLES / "hopper_1984.jpg"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def hopper() -> Face:
    return detect_faces(open_photo(HOPPER))[0]


def embedding(face: Face) -> torch.Tensor:
    model = load_model("dlib_resnet")
    with torch.inference_mode():
        return torch.nn.functional.normalize(model.encode(*_fed(face, model.spec))[0], dim=0)


def _fed(face: Face, spec: object) -> tuple[torch.Tensor, torch.Tensor]:
    batch = face.aligned(spec)
    return batch.image, batch.keypoints


def test_exif_numbers_that_cannot_be_rewritten_do_not_matter() -> None:
    photo = open_photo(CASES / "01_phone.jpg")
    with Image.open(CASES / "01_phone.jpg") as stored:
        turned = stored.convert("RGB").transpose(Image.Transpose.ROTATE_270)  # orientation 6
    assert photo.shape == (320, 256, 3) and np.array_equal(photo, np.asarray(turned))
    assert len(detect_faces(photo)) == 1


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_on_its_side_gives_the_face_of_the_upright_one(hopper: Face, quarters: int) -> None:
    photo = np.ascontiguousarray(np.rot90(hopper.photo, quarters))
    (face,) = detect_faces(photo)
    height, width = hopper.photo.shape[:2]
    x, y = hopper.keypoints.T
    wanted = {1: (y, width - 1 - x), 2: (width - 1 - x, height - 1 - y), 3: (height - 1 - y, x)}[quarters]
    assert np.allclose(face.keypoints, np.stack(wanted, 1), atol=0.01) and face.photo is photo
    assert float(embedding(face) @ embedding(hopper)) > 0.999
    words = assess(face).words
    assert f"turned by about {360 - 90 * quarters}°" in words


def test_a_portrait_upside_down_is_the_same_person(hopper: Face) -> None:
    (face,) = detect_faces(open_photo(CASES / "02_hopper_180.jpg"))
    assert float(embedding(face) @ embedding(hopper)) > 0.95
    assert assess(face).warnings[0] == "photo turned by about 180°"


def test_a_head_on_one_side_is_not_a_turned_photo(hopper: Face) -> None:
    for degrees in (-30, 30):
        leaning = Image.fromarray(hopper.photo).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(90, 90, 90))
        face = detect_faces(np.asarray(leaning))[0]
        assert abs(assess(face).roll_deg + degrees) < 8
        assert not any("photo turned by" in w for w in assess(face).warnings)


def test_a_crowd_is_found() -> None:
    faces = detect_faces(open_photo(CASES / "03_crowd.jpg"))
    assert 22 <= len(faces) <= 24
    centres = np.array([(f.box[:2] + f.box[2:]) / 2 for f in faces])
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2) + 1e6 * np.eye(len(faces))
    assert apart.min() > 60  # no face twice


def test_a_large_face_does_not_hide_the_small_ones(hopper: Face) -> None:
    scene = np.full((2000, 3000, 3), 150, np.uint8)
    scene[800:2000, 900:1924] = np.asarray(Image.fromarray(hopper.photo).resize((1024, 1200)))
    small = np.asarray(
        Image.fromarray(open_photo(EXAMPLES / "obama_2012.jpg")).resize((216, 270), Image.Resampling.BOX)
    )
    for i in range(8):
        scene[50:320, 50 + 350 * i : 266 + 350 * i] = small
    faces = detect_faces(scene)
    assert len(faces) == 9 and 900 < faces[0].keypoints[2, 0] < 1924


def test_a_face_in_a_tall_strip_is_found() -> None:
    (face,) = detect_faces(open_photo(CASES / "04_tall.jpg"))
    assert 75 < face.box[2] - face.box[0] < 130 and face.confidence > 0.99
    assert np.allclose(face.keypoints.mean(0), (480, 7090), atol=25)


def test_a_face_in_a_wide_strip_is_found() -> None:
    strip = np.full((1080, 9000, 3), 200, np.uint8)
    strip[:, 6000:7080] = open_photo(CASES / "04_tall.jpg")[6550:7630]
    (face,) = detect_faces(strip)
    assert np.allclose(face.keypoints.mean(0), (6480, 540), atol=25)


def test_nan_does_not_set_the_range() -> None:
    photo = open_photo(CASES / "05_nan.tif")
    assert photo.mean() == pytest.approx(79, abs=0.5) and photo[0, 0].tolist() == [0, 0, 0]
    assert len(detect_faces(photo)) == 1


@pytest.mark.parametrize("mark", [-9999, -3.4e38, 3.4e38, np.inf, -np.inf])
def test_marks_for_no_data_do_not_set_the_range(mark: float) -> None:
    grey = np.tile(np.linspace(0.0, 1.0, 52, dtype=np.float32), (40, 1))
    marked = grey.copy()
    marked[:9, :9] = mark
    assert np.array_equal(open_photo(marked)[9:], open_photo(grey)[9:])


def test_twelve_bits_are_scaled_by_twelve() -> None:
    with Image.open(CASES / "06_twelve.png") as stored:
        values = np.asarray(stored).astype(float)
    photo = open_photo(CASES / "06_twelve.png")
    assert np.array_equal(photo[..., 0], (values / 4095 * 255).round()) and len(detect_faces(photo)) == 1


@pytest.mark.parametrize(("bits", "brightest"), [(8, 200), (10, 1000), (12, 2048), (14, 9000), (16, 40000)])
def test_the_bits_in_use_are_the_scale(bits: int, brightest: int) -> None:
    values = np.full((20, 20), brightest, np.uint16)
    assert open_photo(encoded(Image.fromarray(values)))[0, 0, 0] == round(brightest / (2**bits - 1) * 255)


def test_a_black_and_white_16_bit_picture_stays_so() -> None:
    values = np.repeat([[0], [65535]], 20, 0).repeat(40, 1).astype(np.uint16)
    assert np.unique(open_photo(encoded(Image.fromarray(values)))).tolist() == [0, 255]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (CASES / "07_m132.png", "more than 120 million pixels"),
        (CASES, "is a folder"),
        ("data:image/jpeg;base64,/9j/4AAQ", "data URI"),
        ("https://example.org/a.jpg", "address"),
        ("x" * 5000, "is text"),
        ("a\0b", "is text"),
        ("/dev/zero", "not a regular file"),
        (CASES / "08_drawing.eps", r"PostScript \(EPS\)"),
        (CASES / "08_deflate64.zip", r"archive \(zip\), not a photo. Unpack it"),
        (CASES / "09_family.tar.gz", "or make a zip"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(40), "7z"),
        (b"Rar!\x1a\x07\x01" + bytes(40), "rar"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "HEIC"),
        (b"%PDF-1.7" + bytes(40), "PDF"),
        (b"", "empty"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "damaged"),
        (None, "not NoneType"),
        ([1, 2], "not list"),
        (torch.zeros(3, 20, 20), "not Tensor"),
        (np.zeros((20, 20), complex), "complex128"),
        (np.zeros((20, 20, 3)), "float64"),
    ],
)
def test_what_is_no_photo_is_named(source: object, words: str) -> None:
    with pytest.raises(PhotoError, match=words):
        open_photo(source)


def test_no_message_holds_a_folder() -> None:
    for source in (CASES, CASES / "nowhere.jpg"):
        with pytest.raises(PhotoError) as caught:
            open_photo(source)
        assert str(CASES.parent) not in str(caught.value)


def test_a_fault_of_the_decoder_is_the_cause() -> None:
    with pytest.raises(PhotoError) as caught:
        open_photo(CASES / "26_img-2-1.jpg")
    assert caught.value.__cause__ is not None


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("L", (2000, 1000)))
    monkeypatch.setattr(PngImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(PhotoError, match="more than 1 million"):
        read_photo(data, 1_000_000)


def test_other_decoders_are_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    asked = []
    for name in list(Image.OPEN):
        if name not in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF"):
            monkeypatch.setitem(Image.OPEN, name, (lambda *a, n=name: asked.append(n), None))
    for data in (b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(99), b"qoif" + bytes(99), b"BLP2" + bytes(99), b"P6 9 9 255\n"):
        with pytest.raises(PhotoError):
            open_photo(data)
    assert asked == []


def test_the_largest_page_is_used_and_said() -> None:
    photo = read_photo(CASES / "10_pages.tif")
    assert photo.pixels.shape == (320, 256, 3) and photo.note == "Page 2 of 2 is used: the largest."


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_used_and_said(kind: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ((250, 0, 0), (0, 0, 250))]
    photo = read_photo(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert photo.pixels[16, 16, 0] > 200 and photo.pixels[16, 16, 2] < 50 and "first frame" in photo.note
    assert read_photo(encoded(frames[0], kind)).note == ""


def test_transparency_in_a_mask_hides_nothing() -> None:
    mask = open_mask(CASES / "11_mask.png")
    assert mask.shape == (160, 160) and mask[:, :80].all() and not mask[:, 80:].any()
    assert not open_photo(CASES / "11_mask.png").min() < 255  # as a photo it is white


def test_a_mask_without_transparency_is_read_by_its_luma() -> None:
    grey = np.repeat([[127], [128]], 20, 0).repeat(40, 1).astype(np.uint8)
    assert np.array_equal(open_mask(encoded(Image.fromarray(grey))), grey >= 128)


@pytest.mark.parametrize(("name", "least"), [("12_no_forehead.jpg", 0.5), ("12_chin_off.jpg", 0.45)])
def test_a_face_cut_by_the_border_is_said(name: str, least: float) -> None:
    quality = assess(detect_faces(open_photo(CASES / name))[0])
    assert quality.cut > least and "face cut by the photo's border" in quality.warnings
    assert "cut by the border" in quality.words


def test_a_whole_face_is_not_cut(hopper: Face) -> None:
    assert assess(hopper).cut == 0 and assess(hopper).warnings == []


@pytest.mark.parametrize(
    "photo",
    [
        np.zeros((40, 40), np.uint8),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((40, 40, 3)),
        Image.new("RGB", (40, 40)),
        "a.jpg",
        None,
    ],
)
def test_detection_says_what_it_wants(photo: object) -> None:
    with pytest.raises(TypeError, match=r"wants an \(H, W, 3\) uint8 RGB array, not .*open_photo"):
        detect_faces(photo)
