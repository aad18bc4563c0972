"""Which files a client may name: those whose address it was given.

An uploaded file lies in <uploads>/<64 random hexadecimal digits>/<name>. Only who uploaded it is told that address, and
nothing about it follows from the picture: the address is the right to read it. Pictures made for the page lie beside
it, under the sha256 of their content and of a secret of this process. Every path in every call is checked here before
any component or callback sees it, and whatever is wrong with one, the words are the same: they do not tell what exists.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from typing import Any
from urllib.parse import unquote

import gradio as gr
from gradio import processing_utils, route_utils
from gradio.utils import get_upload_folder

from ui.shared.tools import Page

REFUSED = "This file was not uploaded here, or is no longer kept. Please choose it again."
FILE_ROUTE = "/gradio_api/file="
_FOLDER = re.compile(r"[0-9a-f]{64}")
_OWN_ADDRESS = re.compile(r"https?://[^/?#]+(?:/[^?#]*)?" + re.escape(FILE_ROUTE) + r"([^?#]+)")


class NotUploadedError(Exception):
    """A path that no client was given; the message is always REFUSED."""

    def __init__(self) -> None:
        super().__init__(REFUSED)


def uploaded(path: object) -> str:
    """The path of an uploaded file or of a picture made for the page, as it was given.

    The address that a reply carried for it (http://host/gradio_api/file=PATH) stands for its path.

    Raises:
        NotUploadedError: anything else: another folder, a folder, a link, a pipe, a device, nothing at all.
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
    if not regular:
        raise NotUploadedError
    return path


def checked(value: Any) -> Any:
    """What a client sent, with every path in it checked by `uploaded`.

    Raises:
        NotUploadedError: one of them is none that a client was given.
    """
    if isinstance(value, list):
        return [checked(v) for v in value]
    if isinstance(value, dict):
        named = {k: uploaded(v) if k == "path" and v is not None else checked(v) for k, v in value.items()}
        if named.get("path") is not None:
            named.pop("url", None)  # the path says it all
        return named
    return value


class GuardedBlocks(Page):
    """A page whose events, endpoints and tools get uploaded files only, and whose endpoints leave no session behind."""

    async def process_api(self, block_fn: Any, *args: Any, **kwargs: Any) -> Any:
        """As Gradio's. It makes a session for each call of an endpoint: those would push out the visitors'."""
        try:
            return await super().process_api(block_fn, *args, **kwargs)
        finally:
            session_hash = kwargs.get("session_hash")
            if session_hash and getattr(block_fn, "api_visibility", "private") != "private":
                self._forget_empty(session_hash)

    def _forget_empty(self, session: str) -> None:
        holder = self.state_holder
        with holder.lock:
            state = holder.session_data.get(session)
            if state is not None and not state.state_data:
                holder.session_data.pop(session)
                holder.time_last_used.pop(session, None)

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any) -> Any:
        """As Gradio's, after all paths were checked."""
        try:
            inputs = checked(inputs)
        except NotUploadedError as error:
            raise gr.Error(REFUSED, print_exception=False) from error
        return await super().preprocess_data(block_fn, inputs, *args, **kwargs)


class _Upload(route_utils.GradioUploadFile):
    """A file on its way in; Gradio names its folder after this hash, which is of random bytes too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sha.update(secrets.token_bytes(32))


def hide_addresses() -> None:
    """Make the addresses of this process's files impossible to guess."""
    route_utils.GradioUploadFile = _Upload  # type: ignore[misc]
    processing_utils.hash_seed = secrets.token_bytes(32)
