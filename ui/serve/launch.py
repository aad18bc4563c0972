"""Start and end of the server: its address, Gradio's options, what stands before Gradio, the signals."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import gradio as gr
from gradio import networking
from starlette.middleware import Middleware

from models.running import AT_ONCE, at_once
from ui.serve.allowance import MB
from ui.serve.folder import PrivateFolder, sweep
from ui.serve.guard import Guard
from ui.serve.heap import Holes, share_heaps
from ui.serve.limits import Limits
from ui.serve.owners import OWNERS, Visitors
from ui.serve.pictures import write_pictures_whole
from ui.serve.queueing import mend_queue
from ui.serve.sessions import forget_ended
from ui.serve.steps import lighten_steps
from ui.serve.uploads import guard_uploads
from ui.shared.theme import HEAD, STYLES, theme
from ui.shared.widgets import SESSION_SECONDS

SESSION_BYTES = 5 * MB
"""What a session holds at most, both large tabs used (tests/ui/test_session_size.py)."""
STATE_BYTES = 1000 * MB
"""Memory for all sessions; the least recent one goes when there are more."""
SWEEP_SECONDS, HOLES_SECONDS = 60.0, 5.0
"""How often uploads are swept, and free memory is looked at."""
LOGIN_NOTE = "After ten wrong passwords, no more are taken from your address for some minutes."


def address() -> tuple[str, int]:
    """Where to serve: GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, else this machine only, port 7860.

    Raises:
        SystemExit: the port is no number or is taken; the message says what to do.
    """
    name, port = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), os.environ.get("GRADIO_SERVER_PORT", "7860")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise SystemExit(f"GRADIO_SERVER_PORT must be a number from 1 to 65535, not {port!r}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((name, int(port)))
        except OSError as error:
            raise SystemExit(
                f"Port {port} on {name} cannot be used ({error.strerror}). Stop the program that holds it, or choose "
                f"another port: GRADIO_SERVER_PORT={int(port) + 1} python {sys.argv[0]}"
            ) from error
    return name, int(port)


def options(folder: PrivateFolder) -> dict[str, Any]:
    """What launch() is told besides the address."""
    login = users()
    return {
        "theme": theme(),
        "css_paths": STYLES,
        "head": HEAD,
        "footer_links": ["api", "settings"],
        "mcp_server": not login,  # Gradio asks nobody for a password there
        "auth": login or None,
        "auth_message": LOGIN_NOTE,
        "run_history": False,
        "enable_monitoring": False,
        "strict_cors": True,
        "max_file_size": "256mb",
        "state_session_capacity": STATE_BYTES // SESSION_BYTES,
        "ssr_mode": False,
        "pwa": False,
        "share": False,
        "app_kwargs": {"middleware": before_gradio(folder)},
    }


def before_gradio(folder: PrivateFolder) -> list[Middleware]:
    """The checks of every request, the first one first."""
    name = os.environ.get("GRADIO_SERVER_NAME", "")
    hosts = [h for h in [name, os.environ.get("SPACE_HOST", ""), *_listed("KINSIGHT_HOSTS")] if h]
    frames = _listed("KINSIGHT_FRAMES")
    return [
        Middleware(Guard, hosts=hosts, frames=frames),
        Middleware(Limits, uploads=folder.uploads),
        Middleware(Visitors, framed=bool(frames)),
    ]


def users() -> list[tuple[str, str]]:
    """Names and passwords of KINSIGHT_USERS ("name:password,name:password"); empty when it is not set.

    Raises:
        SystemExit: it is set, and not like that.
    """
    pairs = [tuple(user.split(":", 1)) for user in _listed("KINSIGHT_USERS")]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise SystemExit("KINSIGHT_USERS must be name:password, several of them with commas between.")
    return [(name, password) for name, password in pairs]


def parallel() -> int:
    """KINSIGHT_PARALLEL: how many tasks run networks at the same time.

    Raises:
        SystemExit: it is no such number.
    """
    number = os.environ.get("KINSIGHT_PARALLEL", str(AT_ONCE))
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 1000):
        raise SystemExit(f"KINSIGHT_PARALLEL must be a number from 1 to 999, not {number!r}.")
    return int(number)


def _listed(variable: str) -> list[str]:
    return [part.strip() for part in os.environ.get(variable, "").split(",") if part.strip()]


def serve(build: Callable[[], gr.Blocks], folder: PrivateFolder, meanwhile: Callable[[], Any]) -> NoReturn:
    """Build the page and serve it until SIGTERM or SIGINT; then the folder goes and the process ends with code 0.

    Args:
        build: makes the page.
        folder: of this process; its end_on_signals was called.
        meanwhile: runs in a thread while the first page loads.

    Raises:
        SystemExit: the address or a setting is wrong; the message says what to do.
    """
    share_heaps()
    at_once(parallel())
    os.environ["FORWARDED_ALLOW_IPS"] = os.environ.get("KINSIGHT_PROXY", "")  # uvicorn's word for it
    folder.take_scratch()
    guard_uploads()
    write_pictures_whole()
    lighten_steps()
    name, port = address()
    wanted = options(folder)
    page = build()
    folder.end_on_signals(lambda: _close(page))
    # Gradio asks itself for the page, and ends a server that is too busy to answer within 3 s.
    networking.url_ok = lambda _: True  # type: ignore[assignment]
    page.launch(server_name=name, server_port=port, prevent_thread_lock=True, **wanted)
    mend_queue(page)
    threading.Thread(target=meanwhile, daemon=True).start()
    holes = Holes()
    while True:
        tend(page, folder, holes)


def tend(page: gr.Blocks, folder: PrivateFolder, holes: Holes) -> None:
    """For SWEEP_SECONDS return free memory, then drop what nobody asks for any more: evidence, uploads, records."""
    for _ in range(round(SWEEP_SECONDS / HOLES_SECONDS)):
        time.sleep(HOLES_SECONDS)
        holes.give_back()
    forget_ended(page)
    with contextlib.suppress(OSError):
        sweep(folder.uploads, 2 * SESSION_SECONDS)
        OWNERS.forget_gone(folder.uploads)


def _close(page: gr.Blocks) -> None:
    """Take no more requests and cut those in progress: pages keep connections open for as long as they live."""
    logging.disable()  # what is cut would log a traceback each
    server = getattr(page, "server", None)
    if server is not None:
        server.should_exit = server.force_exit = True
        server.thread.join(3)
