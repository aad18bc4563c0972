"""Untrained networks for the tab Partial face, and what they answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from explain.partial.edit import Edit
from tests.ui.partial.untrained import write_partial_weights
from ui.partial import callbacks as do
from ui.shared import answering
from ui.shared.photos import Shot


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    def forget() -> None:
        answering.sidecar.cache_clear()
        answering.NETWORKS.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINSIGHT_WEIGHTS", str(write_partial_weights(tmp_path_factory.mktemp("weights"))))
        forget()
        yield
    forget()


@pytest.fixture(scope="module")
def ran(weights: None, obama: Shot, biden: Shot):
    """What `run` returned for a window around the left eye of the second photo."""
    return do.run(obama, biden, Edit("left eye", 0.3), None)
