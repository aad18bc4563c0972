"""A network for the tests of expressions, with its weight in a folder of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from explain.expression.said import load_expression
from models import Face, detect_faces, open_photo
from models.nets.expression import Expression
from tests.ui.expression.untrained import write_expression_weight


@pytest.fixture(scope="package", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = write_expression_weight(tmp_path_factory.mktemp("weights"))
        patch.setenv("KINSIGHT_WEIGHTS", str(folder))
        yield folder


@pytest.fixture(scope="package")
def model(weights: Path) -> Expression:
    return load_expression("expression")


@pytest.fixture(scope="package")
def face(photos: Path) -> Face:
    return detect_faces(open_photo(photos / "obama.jpg"))[0]
