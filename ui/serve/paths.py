"""Which files a client may name: those whose address it was given and that no other visitor uploaded.

An uploaded file lies in <uploads>/<64 random hexadecimal digits>/<name>. Only who uploaded it is told that address, and
nothing about it follows from the picture. Pictures made for the page lie beside it, under the sha256 of their content
and of a secret of this process. Whatever is wrong with a path, the words are the same: they do not tell what exists.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Any
from urllib.parse import unquote

from gradio.utils import get_upload_folder

from ui.serve.owners import OWNERS

REFUSED = "This file was not uploaded here, or is no longer kept. Please choose it again."
FILE_ROUTE = "/gradio_api/file="
_FOLDER = re.compile(r"[0-9a-f]{64}")
_OWN_ADDRESS = re.compile(r"https?://[^/?#]+(?:/[^?#]*)?" + re.escape(FILE_ROUTE) + r"([^?#]+)")


class NotUploadedError(Exception):
    """A path that this client was not given; the message is always REFUSED."""

    def __init__(self) -> None:
        super().__init__(REFUSED)


def uploaded(path: object, visitor: str = "") -> str:
    """The path of an uploaded file or of a picture made for the page, as it was given.

    The address that a reply carried for it (http://host/gradio_api/file=PATH) stands for its path.

    Args:
        path: what a client sent.
        visitor: who asks, see owners.visitor_of.

    Raises:
        NotUploadedError: another visitor's file, or none: another folder, a folder, a link, a pipe, a device, nothing.
    """
    if not isinstance(path, str) or "\0" in path:
        raise NotUploadedError
    address = _OWN_ADDRESS.fullmatch(path)
    path = unquote(address[1]) if address else path
    root, parts = os.path.realpath(get_upload_folder()), path.split(os.sep)
    name = parts[-1]
    inside = len(parts) > 2 and _FOLDER.fullmatch(parts[-2]) and name not in ("", ".", "..")
    if not inside or os.sep.join(parts[:-2]) not in (root, get_upload_folder()):
        raise NotUploadedError
    try:
        regular = stat.S_ISREG(os.lstat(path).st_mode) and stat.S_ISDIR(os.lstat(os.path.dirname(path)).st_mode)
    except (OSError, ValueError) as error:
        raise NotUploadedError from error
    if not regular or not OWNERS.allow(parts[-2], visitor):
        raise NotUploadedError
    return path


def checked(value: Any, visitor: str = "") -> Any:
    """What a client sent, with every path in it checked by `uploaded`.

    Raises:
        NotUploadedError: one of them is none that this client was given.
    """
    if isinstance(value, list):
        return [checked(v, visitor) for v in value]
    if isinstance(value, dict):
        named = {
            k: uploaded(v, visitor) if k == "path" and v is not None else checked(v, visitor) for k, v in value.items()
        }
        if named.get("path") is not None:
            named.pop("url", None)  # the path says it all
        return named
    return value
