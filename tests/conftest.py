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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `data` run only where KINSIGHT_DATA names the research data."""
    if os.environ.get("KINSIGHT_DATA"):
        return
    skip = pytest.mark.skip(reason="KINSIGHT_DATA does not name the research data")
    for item in items:
        if item.get_closest_marker("data"):  # keywords hold the names of folders too
            item.add_marker(skip)
