"""Shared fixtures. Tests never touch the network: pytest-socket allows this machine only (pyproject.toml)."""

from __future__ import annotations

import os
from collections.abc import Iterator
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


EXAMPLES = Path(__file__).parents[1] / "ui" / "examples"


@pytest.fixture(scope="session")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of indexes: "portraits", three photos, two of them of one man, and "archive" with two more."""
    from models.search.build import build

    root = tmp_path_factory.mktemp("indexes")
    three = [EXAMPLES / f"{name}.jpg" for name in ("obama_2012", "obama_2009", "biden_2010")]
    build(three, root / "portraits", "edgeface_kin")
    more = [EXAMPLES / f"{name}.jpg" for name in ("meek_kendrick", "hopper_1984", "meek_carrie")]
    build([*three[:2], *more], root / "archive", "edgeface_kin")
    return root


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app with indexes keeps its uploads."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def app_with_indexes(tmp_path_factory: pytest.TempPathFactory, indexes: Path, served: Path) -> Iterator[str]:
    """Address of an app whose visitors may search those."""
    from tests.browser.conftest import running_app

    with running_app(tmp_path_factory, KINSIGHT_INDEXES=str(indexes), GRADIO_TEMP_DIR=str(served)) as address:
        yield address


@pytest.fixture
def three_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A face has three parts instead of eight: 8 answers a face instead of 256, for tests of what is made of them."""
    from explain.methods import part_shapley

    monkeypatch.setattr(part_shapley, "PARTS", part_shapley.PARTS[:3])


SHARED = {
    "one": ("browser/test_kinship", "browser/test_search", "browser/test_tri", "browser/test_api",
            "browser/test_models"),
    "two": ("browser/test_first_screen", "browser/test_addresses", "browser/test_partial", "browser/test_attention",
            "browser/test_inside", "browser/test_keypoints", "browser/test_lost", "browser/test_expression"),
    "three": ("browser/test_indexes", "hostile/test_access", "hostile/test_load", "hostile/test_programs"),
    "four": ("training/test_kinship", "training/test_recognition", "training/test_partial",
             "training/tools/test_heads", "training/tools/test_partial_fc", "training/tools/test_resume"),
}  # fmt: skip
"""Files that share a process: those of a browser, of an app and of forked trainings, which take seconds to start."""


def group_of(nodeid: str) -> str:
    """Tests of a group run in one process: those of a file, and those of files that share."""
    file = nodeid.split("::")[0]
    name = file.removeprefix("tests/").removesuffix(".py")
    return next((group for group, names in SHARED.items() if name in names), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deals groups out to the processes, in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares a process first, since it lasts longest; tests marked `data` only where KINSIGHT_DATA names data."""
    items.sort(key=lambda item: group_of(item.nodeid) not in SHARED)
    if os.environ.get("KINSIGHT_DATA"):
        return
    skip = pytest.mark.skip(reason="KINSIGHT_DATA does not name the research data")
    for item in items:
        if item.get_closest_marker("data"):  # keywords hold the names of folders too
            item.add_marker(skip)
