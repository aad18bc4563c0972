"""Calls with uploaded files: every path in every call is checked before any component or callback sees it."""

from __future__ import annotations

import contextlib
import errno
import secrets
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils, route_utils
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException

from models.errors import UserError
from models.running import task
from ui.serve.allowance import FULL
from ui.serve.owners import visitor_behind
from ui.serve.paths import REFUSED, NotUploadedError, checked
from ui.serve.sessions import check_session, forget_ended, keep_sessions_small, wait_for_opening
from ui.shared.held import SESSION
from ui.shared.tools import Page
from ui.shared.widgets import GALLERIES, GALLERY_SECONDS, TASK_SECONDS

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Of an OSError: the disk, the user's share of it, or the largest file that the system allows, is full."""
QUEUE_FULL = "The app is busy: too many tasks are waiting. Please try again in a minute."


class GuardedBlocks(Page):
    """A page whose events, endpoints and tools get uploaded files only, and whose endpoints leave no session behind."""

    def launch(self, *args: Any, **options: Any) -> Any:
        """As Gradio's, with sessions that stay small."""
        keep_sessions_small()
        return super().launch(*args, **options)

    async def process_api(self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any) -> Any:
        """As Gradio's, after all paths were checked; networks run in their turn and for their time.

        Gradio makes a session for each call of an endpoint: those would push out the visitors'.
        """
        before = SESSION.set(kwargs.get("session_hash") or "")
        try:
            if kwargs.get("iterator") is None:  # else a call that goes on
                inputs = _of_visitor(inputs, kwargs.get("request"))
                asked = (self, block_fn, kwargs.get("state"), SESSION.get())
                await wait_for_opening(*asked)
                check_session(*asked)
            with task(_seconds(block_fn)):
                return await super().process_api(block_fn, inputs, *args, **kwargs)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise gr.Error(FULL, print_exception=False) from error
        finally:
            session_hash = SESSION.get()
            SESSION.reset(before)
            if session_hash and getattr(block_fn, "api_visibility", "private") != "private":
                self._forget_empty(session_hash)
            forget_ended(self)

    def queue(self, *args: Any, **options: Any) -> Any:
        """As Gradio's, whose words for a full queue are its numbers."""
        page = super().queue(*args, **options)
        push = self._queue.push

        async def pushing(*values: Any, **named: Any) -> Any:
            done, said, state = await push(*values, **named)
            return done, QUEUE_FULL if state == "queue_full" else said, state

        self._queue.push = pushing  # type: ignore[method-assign]
        return page

    def _forget_empty(self, session: str) -> None:
        holder = self.state_holder
        with holder.lock:
            state = holder.session_data.get(session)
            if state is not None and not state.state_data:
                holder.session_data.pop(session)
                holder.time_last_used.pop(session, None)


def _seconds(block_fn: Any) -> float:
    """How long an event may run networks."""
    own = getattr(block_fn, "concurrency_id", None)
    return GALLERY_SECONDS if own == GALLERIES["concurrency_id"] else TASK_SECONDS


def _of_visitor(inputs: list[Any], request: Any) -> list[Any]:
    try:
        return list(checked(inputs, visitor_behind(request)))
    except NotUploadedError as error:
        raise gr.Error(REFUSED, print_exception=False) from error


class _Upload(route_utils.GradioUploadFile):
    """A file on its way in; Gradio names its folder after this hash, which is of random bytes too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sha.update(secrets.token_bytes(32))


class _Body(route_utils.GradioMultiPartParser):
    """The body of an upload. Gradio's parser leaves the files that it had begun when one cannot be written."""

    async def parse(self) -> FormData:
        """As Gradio's.

        Raises:
            MultiPartException: FULL, which the client is told.
        """
        try:
            return await super().parse()
        except OSError as error:
            for file in self._files_to_close_on_error:
                with contextlib.suppress(OSError):
                    file.close()  # writes what is left, and fails again
                Path(file.name).unlink(missing_ok=True)
            if self.upload_progress is not None:
                self.upload_progress.set_done(self.upload_id)  # type: ignore[arg-type]
            if error.errno not in NO_ROOM:
                raise
            raise MultiPartException(FULL) from error


def guard_uploads() -> None:
    """Make the addresses of this process's files impossible to guess, and have none stay that is half written."""
    route_utils.GradioUploadFile = _Upload  # type: ignore[misc]
    route_utils.GradioMultiPartParser = _Body  # type: ignore[misc]
    processing_utils.hash_seed = secrets.token_bytes(32)
