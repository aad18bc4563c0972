"""Kinsight: what did the face model look at? Builds the page and serves it on this machine.

python app.py                                     http://127.0.0.1:7860
GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=8080 python app.py
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

# Before gradio is imported: no telemetry, and a private folder for uploads that ends with the process.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if "GRADIO_TEMP_DIR" not in os.environ:
    os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="kinsight-")
    atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)

import gradio as gr

from ui.attention import api as attention_api
from ui.attention import page as attention
from ui.keypoints import api as keypoints_api
from ui.keypoints import page as keypoints
from ui.kinship import api as kinship_api
from ui.kinship import modes as kinship
from ui.models import page as models
from ui.partial import api as partial_api
from ui.partial import page as partial
from ui.shared.answering import trained
from ui.shared.examples import first_example
from ui.shared.photos import forget
from ui.shared.theme import HEAD, STYLES, theme
from ui.shared.tools import Page
from ui.shared.widgets import SESSION_SECONDS


class TabEntry(NamedTuple):
    """A use: what lays its tab out, the models it cannot do without, what its first opening starts, its endpoints.

    Without a weight for each of `needs` there is no such tab. `opened` gets the tab and what `build` returned.
    """

    build: Callable[[], Any]
    needs: tuple[str, ...] = ()
    opened: Callable[[gr.Tab, Any], None] | None = None
    api: Callable[[], None] | None = None


TABS = {
    "Kinship": TabEntry(kinship.build, api=kinship_api.build),
    "Partial face": TabEntry(partial.build, partial.NEEDS, partial.opened, partial_api.build),
    "Attention": TabEntry(attention.build, attention.NEEDS, attention.opened, attention_api.build),
    "Keypoints": TabEntry(keypoints.build, keypoints.NEEDS, keypoints.opened, keypoints_api.build),
    "Models": TabEntry(models.build),
}
TITLE = """<header class='ks-title'><h1>Kinsight</h1>
<p>Two faces in, an answer out, and what the model looked at to give it.</p></header>"""


def build() -> gr.Blocks:
    """The page: a tab a use, and the endpoints for programs."""
    with Page(title="Kinsight", analytics_enabled=False, delete_cache=(600, SESSION_SECONDS)) as page:
        gr.HTML(TITLE)
        for name, entry in TABS.items():
            if trained(entry.needs):
                with gr.Tab(name, id=name.lower()) as tab:
                    laid_out = entry.build()
                if entry.opened:
                    entry.opened(tab, laid_out)
        with gr.Column(visible=False):
            for entry in TABS.values():
                if entry.api:
                    entry.api()
        page.unload(forget)
    page.queue(max_size=64)
    return page


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


def options() -> dict[str, Any]:
    """What launch() is told besides the address."""
    return {
        "theme": theme(),
        "css_paths": STYLES,
        "head": HEAD,
        "footer_links": ["api", "settings"],
        "mcp_server": True,
        "run_history": False,
        "enable_monitoring": False,
        "strict_cors": True,
        "max_file_size": "256mb",
        "state_session_capacity": 200,
        "ssr_mode": False,
        "pwa": False,
        "share": False,
    }


def share_heaps() -> None:
    """Let glibc's threads share two heaps: a heap for each kept 250 MB of freed memory. Elsewhere nothing happens."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # musl has neither the library nor the call
            ctypes.CDLL("libc.so.6").mallopt(-8, 2)  # M_ARENA_MAX


def main() -> None:
    """Serve until stopped. The first example is computed while the first page loads."""
    share_heaps()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that uploads go when the process is told to go
    name, port = address()
    page = build()
    threading.Thread(target=first_example, daemon=True).start()
    page.launch(server_name=name, server_port=port, **options())


if __name__ == "__main__":
    main()
