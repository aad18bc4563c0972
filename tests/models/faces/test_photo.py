"""Whatever a user brings becomes upright RGB, or a PhotoError in plain words."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.faces.photo import MAX_PIXELS, PhotoError, open_photo


def gradient(height: int = 40, width: int = 60) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 6, x + y], -1).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_rgb_comes_through_untouched():
    assert np.array_equal(open_photo(encoded(Image.fromarray(gradient()))), gradient())


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "image", "array"])
def test_every_kind_of_source(kind: str, tmp_path: Path):
    path = tmp_path / "a.png"
    Image.fromarray(gradient()).save(path)
    sources = {
        "path": path,
        "str": str(path),
        "bytes": path.read_bytes(),
        "image": Image.open(path),
        "array": gradient(),
    }
    assert np.array_equal(open_photo(sources[kind]), gradient())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation: int):
    upright = gradient()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    assert np.array_equal(open_photo(data), upright)


def test_grey_has_three_equal_channels():
    grey = gradient()[..., 0]
    assert np.array_equal(open_photo(encoded(Image.fromarray(grey))), np.repeat(grey[..., None], 3, 2))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_cut(kind: str):
    grey = gradient()[..., 0]
    photo = open_photo(encoded(Image.fromarray(grey.astype(np.uint16) * 257), kind))
    assert np.array_equal(photo[..., 1], grey)


def test_float_grey_is_scaled():
    photo = open_photo(gradient()[..., 0].astype(np.float32) / 255)
    assert photo.min() == 0 and photo.max() == 255


def test_transparency_is_laid_over_white():
    rgba = np.dstack([gradient(), np.full((40, 60), 255, np.uint8)])
    rgba[:10, :, 3] = 0
    photo = open_photo(encoded(Image.fromarray(rgba)))
    assert (photo[:10] == 255).all() and np.array_equal(photo[10:], gradient()[10:])


def test_cmyk_becomes_rgb():
    photo = open_photo(encoded(Image.fromarray(gradient()).convert("CMYK"), "JPEG", quality=100, subsampling=0))
    assert np.abs(photo.astype(int) - gradient()).mean() < 3


@pytest.mark.parametrize("transparent", [False, True])
def test_palette_becomes_rgb(transparent: bool):
    image = Image.fromarray(gradient()).quantize(32)
    options = {"transparency": image.getpixel((0, 0))} if transparent else {}
    photo = open_photo(encoded(image, **options))
    assert np.array_equal(photo[20, 30], np.asarray(image.convert("RGB"))[20, 30])
    assert (photo[0, 0] == 255).all() == transparent


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_a_truncated_jpeg_is_refused(keep: float):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG")
    with pytest.raises(PhotoError, match=r"damaged|not an image"):
        open_photo(data[: int(len(data) * keep)])


def test_text_renamed_to_jpg_is_refused(tmp_path: Path):
    (tmp_path / "letter.jpg").write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(PhotoError, match="not an image"):
        open_photo(tmp_path / "letter.jpg")


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"])
def test_rubbish_is_refused(data: bytes):
    with pytest.raises(PhotoError):
        open_photo(data)


def test_a_missing_file_is_named():
    with pytest.raises(PhotoError, match=r"nowhere\.png"):
        open_photo("nowhere.png")


def test_twenty_pixels_are_enough_and_fifteen_are_not():
    assert open_photo(gradient(20, 20)).shape == (20, 20, 3)
    with pytest.raises(PhotoError, match="15 x 20"):
        open_photo(gradient(20, 15))


def test_thirty_megapixels_are_read_and_a_bomb_is_not():
    big = Image.new("L", (6000, 5000), 90)
    assert open_photo(encoded(big)).shape == (5000, 6000, 3)
    side = int((2 * MAX_PIXELS) ** 0.5) + 2
    with pytest.raises(PhotoError, match="million pixels"):
        open_photo(encoded(Image.new("1", (side, side))))


@pytest.mark.parametrize("array", [np.zeros((5, 5, 2), np.uint8), np.zeros((4,), np.uint8), np.zeros((30, 30, 3))])
def test_odd_arrays_are_refused(array: np.ndarray):
    with pytest.raises(PhotoError):
        open_photo(array)


def test_the_photo_can_be_written_to():
    assert open_photo(Image.fromarray(gradient())).flags.writeable
