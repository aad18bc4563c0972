"""Shared fixtures. Tests never touch the network: pytest-socket allows this machine only (pyproject.toml)."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import Any

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


BROWSER = (
    ("kinship", "search", "indexes", "tri", "api", "models"),
    ("first_screen", "addresses", "partial", "attention", "inside", "keypoints", "lost", "expression"),
)
"""Files of tests/browser that share a process, an app and a browser."""


def group_of(nodeid: str) -> str:
    """Tests of a group run in one process: those of a file, and those that drive one browser."""
    file = nodeid.split("::")[0]
    names = [f"tests/browser/test_{name}.py" for name in chain(*BROWSER)]
    if file not in names:
        return file
    return "browser 1" if names.index(file) < len(BROWSER[0]) else "browser 2"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deals groups out to the processes, in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests first, since they last longest; tests marked `data` run only where KINSIGHT_DATA names the data."""
    items.sort(key=lambda item: not group_of(item.nodeid).startswith("browser"))
    if os.environ.get("KINSIGHT_DATA"):
        return
    skip = pytest.mark.skip(reason="KINSIGHT_DATA does not name the research data")
    for item in items:
        if item.get_closest_marker("data"):  # keywords hold the names of folders too
            item.add_marker(skip)
