"""An app whose folder of uploads the tests look into; starting one takes seconds, so they share it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import running_app


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[str]:
    with running_app(tmp_path_factory, GRADIO_TEMP_DIR=str(folder)) as address:
        yield address
