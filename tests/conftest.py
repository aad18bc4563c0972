"""Shared fixtures. Tests never touch the network: pytest-socket allows this machine only (pyproject.toml)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if WORKERS > 1:  # read when torch is imported, here and in the processes that tests start: no core is asked for twice
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // WORKERS)))

PHOTOS = Path(__file__).parent / "photos"


@pytest.fixture(scope="session")
def photos() -> Path:
    """Folder of public-domain portraits (see SOURCES.txt in it)."""
    return PHOTOS


FIRST = ("test_kinship", "test_search", "test_tri", "test_api"), ("test_partial", "test_attention", "test_inside")
"""Files of tests/browser that share a process, an app and a browser; the rest of them go with the last ones."""


def group_of(item: pytest.Item) -> str:
    """Tests of a group run in one process of pytest-xdist: those of a file, and those that drive one browser."""
    if not item.get_closest_marker("browser"):
        return item.nodeid.split("::")[0]
    return f"browser{next((i for i, names in enumerate(FIRST) if item.path.stem in names), len(FIRST) - 1)}"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests first, since they last longest; tests marked `data` run only where KINSIGHT_DATA names the data."""
    items.sort(key=lambda item: not item.get_closest_marker("browser"))
    skip = pytest.mark.skip(reason="KINSIGHT_DATA does not name the research data")
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
        if item.get_closest_marker("data") and not os.environ.get("KINSIGHT_DATA"):  # keywords hold folders' names too
            item.add_marker(skip)
