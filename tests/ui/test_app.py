"""How the app is served: on this machine, offline, without records."""

from __future__ import annotations

import ast
import os
import re
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


def test_no_statistics_of_events_are_kept(page: gr.Blocks) -> None:
    queue = page._queue
    queue.events_recorded = 10
    assert queue.compute_analytics_summary([{"function": "kin_score"}]) == {"functions": {}}
    assert queue.ANALYTICS_MAX_EVENTS == 1


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


def words(path: Path) -> list[str]:
    """Texts in a file of code that are no docstrings."""
    tree = ast.parse(path.read_text())
    told = [n.value for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    every = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and n not in told]
    return [n.value for n in every if isinstance(n.value, str)]


def test_no_caption_points_to_a_file_that_a_visitor_does_not_have() -> None:
    files = [f for room in ("ui", "explain") for f in (ROOT / room).rglob("*.py")]
    texts = [text for file in files for text in words(file)]
    assert len(texts) > 3000 and "docs/x.md" in words(Path(__file__))
    assert not [text for text in texts if re.search(r"\b(docs|benchmarks|training)/\w|\w\.md\b", text)]


def test_the_header_says_what_the_page_is_for() -> None:
    assert "face recognition models" in app.TITLE and "which parts of the face" in app.TITLE
    assert launch.options(app.FOLDER)["footer_links"] == ["api", "settings"]


def test_a_page_is_there_before_any_network() -> None:
    """Start-up stays short: weights are loaded, and what only networks need is imported, behind the first page."""
    slow = {"timm", "torchvision", "pytorch_grad_cam", "facenet_pytorch", "scipy.stats"}
    code = f"""import sys, app, ui.shared.answering as a
app.build()
assert len(a.NETWORKS) == 0 and not {slow} & set(sys.modules), {slow} & set(sys.modules)
print("ok")"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().endswith("ok"), done.stderr
