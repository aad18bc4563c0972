"""What the command lines share: errors for the person at the keyboard, and faces from photos."""

from __future__ import annotations

from pathlib import Path

from models.faces.detect import detect_faces
from models.faces.face import Face
from models.faces.photo import PhotoError, open_photo


class UserError(ValueError):
    """Something only the person at the keyboard can put right; the message says what."""


def face_of(path: Path, flag: str, index: int) -> Face:
    """The face of a photo that a flag asks for.

    Raises:
        UserError: no such photo, or no such face in it.
    """
    try:
        faces = detect_faces(open_photo(path))
    except PhotoError as error:
        raise UserError(f"{path}: {error}") from error
    if not faces:
        raise UserError(
            f"{path}: no face was found in this photo. Choose one in which a face is larger or less turned."
        )
    if not 0 <= index < len(faces):
        known = "0" if len(faces) == 1 else f"0 to {len(faces) - 1}"
        raise UserError(f"{path}: {flag} {index} does not exist; {len(faces)} found, numbered {known}.")
    return faces[index]
