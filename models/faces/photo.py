"""From whatever a user brings to an (H, W, 3) uint8 RGB photo, or a PhotoError in the user's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from models.faces.decoding import MAX_PIXELS, MIN_SIDE, PhotoError, decode, guarded, load, opened, upright
from models.faces.tones import to_rgb

__all__ = ["MAX_PIXELS", "MIN_SIDE", "Photo", "PhotoError", "open_mask", "open_photo", "read_photo"]
STRIP = 256
"""Rows copied at once: Pillow hands out pixels as bytes, and two whole copies of a large photo are not needed."""


@dataclass(frozen=True)
class Photo:
    """A photo as it was read.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, or (H, W, 4) RGBA of a drawing; EXIF orientation applied, writeable.
        note: which page or frame it is, when the file holds several; '' otherwise.
    """

    pixels: np.ndarray
    note: str = ""


def open_photo(source: object, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a photo of any PIL mode as RGB, EXIF orientation applied.

    Of a TIFF with several pages the largest is read, of an animation the first frame (read_photo says so). Grey of more
    than 8 bits is scaled to 8 (models.faces.tones); transparency is laid over white; CMYK, palette and grey become RGB.

    Args:
        source: path, bytes of a file, PIL image, or array (H, W) or (H, W, 3 or 4).
        max_pixels: a larger photo is refused from its header.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        PhotoError: anything else, not an image, damaged, too small or too large.
    """
    return read_photo(source, max_pixels).pixels


def uint8(shape: tuple[int, int, int]) -> np.ndarray:
    """An array to be filled, uint8."""
    return np.empty(shape, np.uint8)


def read_photo(
    source: object,
    max_pixels: int = MAX_PIXELS,
    empty: Callable[[tuple[int, int, int]], np.ndarray] = uint8,
    alpha: bool = False,
) -> Photo:
    """As open_photo, with a note about frames.

    Args:
        source, max_pixels: as open_photo.
        empty: makes the array of a shape that the pixels are written to.
        alpha: of a drawing, (H, W, 4) RGBA: nothing is laid over white.

    Raises:
        PhotoError: as open_photo.
    """
    image, note = _image(source, max_pixels)
    if alpha:
        return Photo(guarded(lambda: _pixels(upright(image).convert("RGBA"), empty)), note)
    return Photo(guarded(lambda: _pixels(_rgb(upright(image)), empty)), note)


def open_mask(source: object, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a drawn mask: what is painted light is hidden, black and transparent stay.

    Returns:
        (H, W) bool, True where luma times opacity is at least one half.

    Raises:
        PhotoError: as open_photo.
    """
    image = upright(_image(source, max_pixels)[0])
    return guarded(lambda: np.asarray(_over_black(image)) >= 128)


def _over_black(image: Image.Image) -> Image.Image:
    """Luma with transparency laid over black, mode L."""
    if not image.has_transparency_data:
        return _rgb(image).convert("L")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("L")


def _image(source: object, max_pixels: int) -> tuple[Image.Image, str]:
    if isinstance(source, np.ndarray):
        source = _from_array(source)
    if isinstance(source, Image.Image):
        load(source, max_pixels)
        return source, ""
    with opened(source) as file:
        return decode(file, max_pixels)


def _from_array(array: np.ndarray) -> Image.Image:
    if array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) and array.size:
        return Image.fromarray(array)
    if array.ndim == 2 and array.size and array.dtype.kind in "biuf":
        return Image.fromarray(array.astype(np.float32))
    raise PhotoError(f"An image array is (H, W) or (H, W, 3 or 4) of 8-bit values, not {array.shape} {array.dtype}.")


def _rgb(image: Image.Image) -> Image.Image:
    try:
        return to_rgb(image)
    except ValueError as error:
        raise PhotoError(f"Colours of this kind ({image.mode}) are not read here. Save the photo as RGB.") from error


def _pixels(image: Image.Image, empty: Callable[[tuple[int, int, int]], np.ndarray]) -> np.ndarray:
    pixels = empty((image.height, image.width, len(image.getbands())))
    for top in range(0, image.height, STRIP):
        bottom = min(top + STRIP, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels
