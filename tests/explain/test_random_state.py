"""Explaining draws no random number from the global generators: what a user seeded stays seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from explain import EXPLAINERS, explain
from explain.core.faithfulness import faithfulness
from explain.methods.occlusion import occlude_regions
from explain.report.pair import write_report
from models import Face
from tests.explain.report.test_pair import SIDECAR
from tests.explain.tiny import rectified_result, seeded_result


def states() -> tuple[object, ...]:
    kind, keys, *rest = np.random.get_state()
    return torch.get_rng_state().numpy().tobytes(), kind, np.asarray(keys).tobytes(), *rest, random.getstate()


@contextmanager
def unchanged() -> Iterator[None]:
    before = states()
    yield
    assert states() == before


@pytest.mark.parametrize("method", list(EXPLAINERS))
def test_no_explainer_draws(method: str) -> None:
    result = rectified_result() if "rectified" in EXPLAINERS[method].needs else seeded_result()
    with unchanged():
        explain(result, method)


def test_neither_faithfulness_nor_regions_nor_a_report_draws(tmp_path: Path) -> None:
    result = seeded_result()
    photo = np.full((120, 100, 3), 90, np.uint8)
    keypoints = np.array([[35, 50], [65, 50], [50, 65], [40, 80], [60, 80]], np.float32)
    face = Face(photo, keypoints, np.array([20, 20, 80, 100], np.float32), 1.0)
    with unchanged():
        faithfulness(result, explain(result, "grad_cam")[0])
        occlude_regions(result)
        write_report(tmp_path, result, (face, face), ["grad_cam"], sidecar=SIDECAR)
