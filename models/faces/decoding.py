"""Files and bytes -> decoded pictures, or a PhotoError in the user's words.

Only the formats of FORMATS are tried, so that no other decoder of Pillow (nor Ghostscript behind one) ever sees the
bytes. The size is taken from the header; no pixel of a picture that is too large is decoded. A decoder on damaged bytes
may raise anything (struct.error, KeyError, ZeroDivisionError, MemoryError...): all of it becomes PhotoError.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import Image, UnidentifiedImageError, features
from PIL.Image import Transpose

from models.errors import UserError
from models.faces.signatures import HEAD, archive_of, other_of, picture_of

MIN_SIDE = 16
MAX_PIXELS = 120_000_000
MAX_PAGES = 64
"""Pages of a TIFF that are looked at in search of the largest."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", *(("AVIF",) if features.check("avif") else ()))
"""Pillow's names; its reader of JPEG also reads MPO, the JPEG with a second picture behind it that phones write."""
READABLE = ", ".join(FORMATS).replace("WEBP", "WebP")
DAMAGED = "This image file is damaged or cut short. Please choose another copy of it."
ORIENTATION = 0x0112
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes the picture upright (CIPA DC-008, "Orientation")."""
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
Made = TypeVar("Made")


class PhotoError(UserError, ValueError):
    """A photo that cannot be used; the message is written for the person who chose it."""


@contextmanager
def opened(source: object) -> Iterator[BinaryIO]:
    """The bytes of a path, a bytes object or a file opened for reading as an open file, at its start.

    Raises:
        PhotoError: another type, no such file, a folder, a device, text in place of a path, empty.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        yield _not_empty(io.BytesIO(source))
        return
    if isinstance(source, io.BufferedReader | io.BytesIO):
        yield _not_empty(source)
        return
    if not isinstance(source, str | os.PathLike):
        raise PhotoError(
            "A photo is a path, the bytes of a file, a PIL image or an (H, W, 3) uint8 array, "
            f"not {type(source).__name__}."
        )
    with _file(os.fsdecode(source)) as file:
        yield _not_empty(file)


def _file(text: str) -> BinaryIO:
    if text.startswith("data:"):
        raise PhotoError("This is a data URI, not a path. Decode it first, and pass the bytes.")
    if text.startswith(("http://", "https://")):
        raise PhotoError("This is an address, not a path. Download the photo first.")
    name = Path(text).name
    try:
        mode = os.stat(text).st_mode
        if stat.S_ISDIR(mode):
            raise PhotoError(f"{name or text} is a folder, not a photo.")
        if not stat.S_ISREG(mode):
            raise PhotoError(f"{name} is not a regular file.")
        return open(text, "rb")
    except FileNotFoundError as error:
        raise PhotoError(f"There is no file {name}.") from error
    except PermissionError as error:
        raise PhotoError(f"There is no permission to read {name}.") from error
    except PhotoError:
        raise
    except (OSError, ValueError) as error:  # too long for a path, a NUL inside
        raise PhotoError("This is text, not the path of a photo.") from error


def _not_empty(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    if not file.read(1):
        raise PhotoError("This file is empty.")
    file.seek(0)
    return file


def decode(file: BinaryIO, max_pixels: int) -> tuple[Image.Image, str]:
    """The picture in an open file with its pixels loaded, and a note about frames that are not used ('' without).

    Raises:
        PhotoError: see the module.
    """
    head = file.read(HEAD)
    file.seek(0)
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise PhotoError(_unknown(head)) from error
    except Exception as error:
        raise _as_photo_error(error, max_pixels) from error
    note = guarded(lambda: _choose_frame(image, max_pixels), max_pixels)
    load(image, max_pixels)
    return image, note


def _unknown(head: bytes) -> str:
    if kind := archive_of(head):
        return f"This is an archive ({kind}), not a photo. " + (
            "Unpack it, and choose a photo." if kind == "zip" else "Unpack it, or make a zip of its photos."
        )
    if picture_of(head):
        return DAMAGED
    kind = other_of(head)
    if kind in FORMATS:  # AVIF: its own decoder did not take it
        return DAMAGED
    if kind:
        return f"This is a file of another kind ({kind}), which is not read here. Use {READABLE}."
    return f"This file is not an image that can be read. Use {READABLE}."


def load(image: Image.Image, max_pixels: int) -> None:
    """Decode the pixels of a picture whose header is read.

    Raises:
        PhotoError: too large, too small, damaged.
    """
    if image.width * image.height > max_pixels:
        raise PhotoError(_too_large(max_pixels))
    if min(image.size) < MIN_SIDE:
        raise PhotoError(
            f"This image is only {image.width} x {image.height} pixels. A face needs at least {MIN_SIDE} pixels a side."
        )
    guarded(image.load, max_pixels)


def guarded(work: Callable[[], Made], max_pixels: int = MAX_PIXELS) -> Made:
    """What `work` returns; whatever it raises becomes PhotoError, with its cause."""
    try:
        return work()
    except Exception as error:
        raise _as_photo_error(error, max_pixels) from error


def _as_photo_error(error: Exception, max_pixels: int) -> PhotoError:
    if isinstance(error, PhotoError):
        return error
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return PhotoError(_too_large(max_pixels))
    if isinstance(error, MemoryError):
        return PhotoError("This image needs more memory than there is. Please shrink it.")
    return PhotoError(DAMAGED)


def _too_large(max_pixels: int) -> str:
    return f"This image has more than {max_pixels // 1_000_000} million pixels. Please shrink it."


def _choose_frame(image: Image.Image, max_pixels: int) -> str:
    """Go to the largest page of a TIFF that is not too large; the first frame of anything else is used."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ""
    if image.format != "TIFF":
        return "This is an animation: its first frame is used."
    sizes = _page_sizes(image)
    fitting = [n for n, (width, height) in enumerate(sizes) if width * height <= max_pixels] or [0]
    page = max(fitting, key=lambda n: sizes[n][0] * sizes[n][1])
    image.seek(page)
    return (
        f"Page {page + 1} of {len(sizes)} is used: the largest." if len(set(sizes)) > 1 else "The first page is used."
    )


def _page_sizes(image: Image.Image) -> list[tuple[int, int]]:
    """(width, height) of each page that can be reached; a damaged page ends the list."""
    sizes = [image.size]
    for page in range(1, MAX_PAGES):
        try:
            image.seek(page)
        except Exception:
            break
        sizes.append(image.size)
    return sizes


def upright(image: Image.Image) -> Image.Image:
    """Turned as EXIF says. Its other entries are not looked at: what cannot be read there says nothing of the picture.

    Pillow's exif_transpose would also rewrite the metadata for the turned picture, and fails on entries that it cannot
    write back.
    """
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:
        return image
    return image if turn is None else image.transpose(turn)
