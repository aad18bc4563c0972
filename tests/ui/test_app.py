"""How the app is served: on this machine, offline, without records."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

import app
from tests.ui.public import public_endpoints
from ui.serve import launch
from ui.shared.theme import theme

ROOT = Path(app.__file__).parent


def test_launch_options_keep_photos_private() -> None:
    options = launch.options(app.FOLDER)
    assert options["run_history"] is False and options["enable_monitoring"] is False
    assert options["strict_cors"] is True and options["share"] is False
    assert not options.get("allowed_paths") and options["max_file_size"]
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_fonts_and_styles_are_local() -> None:
    assert theme()._stylesheets == [] or not any("http" in s for s in theme()._stylesheets)
    styles = list((ROOT / "ui").rglob("*.css"))
    assert styles
    for style in styles:
        assert "http" not in style.read_text() and "@import" not in style.read_text()


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return app.build()


def test_only_scoring_is_public(page: gr.Blocks) -> None:
    visible = {fn.api_name: fn.api_visibility for fn in page.fns.values()}
    assert {n for n, v in visible.items() if v == "public"} == set(public_endpoints())
    assert visible["detect"] == "undocumented"


def test_events_that_run_networks_share_one_limit(page: gr.Blocks) -> None:
    runs = [fn for fn in page.fns.values() if fn.concurrency_id == "model"]
    assert len(runs) > 10 and {fn.concurrency_limit for fn in runs} == {2}


def test_cache_is_emptied(page: gr.Blocks) -> None:
    assert page.delete_cache is not None and page.delete_cache[1] <= 4 * 3600


def test_address_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", "127.0.0.1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(taken.getsockname()[1]))
        with pytest.raises(SystemExit, match=r"cannot be used.*GRADIO_SERVER_PORT="):
            launch.address()
    monkeypatch.setenv("GRADIO_SERVER_PORT", "seven")
    with pytest.raises(SystemExit, match="must be a number"):
        launch.address()


def test_importing_the_app_reads_no_weight() -> None:
    """Start-up stays short: networks are loaded behind the first page."""
    code = "import app, ui.shared.answering as a; assert len(a.NETWORKS) == 0; print('ok')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().endswith("ok"), done.stderr
