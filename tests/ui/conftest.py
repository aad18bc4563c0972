"""Photos for the page's callbacks: the app's own examples, and files nobody can use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.faces.quality import Quality
from tests.ui.photos import EXAMPLES, montage
from ui.shared.photos import Shot, take


@pytest.fixture(scope="session")
def obama() -> Shot:
    return take(str(EXAMPLES / "obama_2012.jpg"))


@pytest.fixture(scope="session")
def biden() -> Shot:
    return take(str(EXAMPLES / "biden_2010.jpg"))


@pytest.fixture(scope="session")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo with six faces."""
    path = tmp_path_factory.mktemp("six") / "six.jpg"
    montage().save(path, quality=92)
    return path


@pytest.fixture
def no_model_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any network that is called fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network ran")

    monkeypatch.setattr(torch.nn.Module, "__call__", refuse)


@pytest.fixture
def poor_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every face of a session's photos measures as tiny and blurred."""
    monkeypatch.setattr(Shot, "quality", lambda _: Quality((18, 24), 8, 0.01, 2))
