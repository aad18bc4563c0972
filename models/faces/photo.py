"""From whatever a user brings to an (H, W, 3) uint8 RGB photo, or a PhotoError in the user's words."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import UserError

MIN_SIDE = 16
MAX_PIXELS = 120_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class PhotoError(UserError, ValueError):
    """A photo that cannot be used; the message is written for the person who chose it."""


def open_photo(source: str | Path | bytes | Image.Image | np.ndarray) -> np.ndarray:
    """Read a photo of any PIL mode as RGB, EXIF orientation applied.

    16-bit and floating-point grey are scaled to 8 bit; transparency is laid over white; CMYK, palette
    and grey become RGB.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        PhotoError: not an image, truncated, too small or too large.
    """
    if isinstance(source, np.ndarray):
        source = _from_array(source)
    image = source if isinstance(source, Image.Image) else _decode(source)
    try:
        image = ImageOps.exif_transpose(image)
        rgb = _to_rgb(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise PhotoError("This image file is damaged or cut short. Please choose another copy of it.") from error
    if min(rgb.size) < MIN_SIDE:
        raise PhotoError(
            f"This image is only {rgb.width} x {rgb.height} pixels. A face needs at least {MIN_SIDE} pixels a side."
        )
    return np.array(rgb, dtype=np.uint8)  # a copy: PIL's own buffer is read-only


def _decode(source: str | Path | bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(
            f"This image has more than {MAX_PIXELS // 1_000_000} million pixels. Please shrink it."
        ) from error
    except UnidentifiedImageError as error:
        raise PhotoError("This file is not an image that can be read. JPEG, PNG, WebP, BMP or TIFF will do.") from error
    except FileNotFoundError as error:
        raise PhotoError(f"There is no file {source!s}.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise PhotoError("This image file is damaged or cut short. Please choose another copy of it.") from error
    return image


def _from_array(array: np.ndarray) -> Image.Image:
    if array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) and array.size:
        return Image.fromarray(array)
    if array.ndim == 2 and array.size:
        return Image.fromarray(array.astype(np.float32))
    raise PhotoError(f"An image array is (H, W) or (H, W, 3 or 4) of 8-bit values, not {array.shape} {array.dtype}.")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        return _grey_to_8bit(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _grey_to_8bit(image: Image.Image) -> Image.Image:
    """16-bit integers divide by 257; floats and wider integers are stretched from their own range."""
    values = np.asarray(image).astype(np.float64)
    if image.mode.startswith("I;16") or (image.mode == "I" and 255 < values.max() <= 65535):
        return Image.fromarray((values / 257).round().astype(np.uint8))
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 255 and (high > 1 or image.mode == "I"):
        return Image.fromarray(values.round().astype(np.uint8))
    return Image.fromarray(((values - low) / max(high - low, 1e-12) * 255).round().astype(np.uint8))
