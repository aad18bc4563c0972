"""An app whose folder of uploads the tests look into; starting one takes seconds, so it is the one with indexes."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folder(served: Path) -> Path:
    return served


@pytest.fixture(scope="session")
def url(app_with_indexes: str) -> str:
    return app_with_indexes
