"""Explaining some of the faces only."""

from __future__ import annotations

import numpy as np
import pytest

from explain import EXPLAINERS, explain
from models.predict import Result
from tests.explain.tiny import rectified_result, seeded_result

ONE_BY_ONE = [label for label, row in EXPLAINERS.items() if "faces" in row.options]


def test_covering_methods_take_one_face_after_another() -> None:
    assert ONE_BY_ONE == ["dise", "occlusion", "covering_gradients", "corr_rise", "part_shapley"]


def answered(method: str) -> Result:
    return rectified_result() if "rectified" in EXPLAINERS[method].needs else seeded_result(grad=False)


@pytest.mark.parametrize("method", ONE_BY_ONE)
def test_the_map_of_one_face_is_the_one_among_all(method: str) -> None:
    result = answered(method)
    every = explain(result, method)
    (second,) = explain(result, method, faces=(1,))
    assert second.face == 1 and np.array_equal(second.values, every[1].values)


@pytest.mark.parametrize("method", ONE_BY_ONE)
def test_a_face_that_is_not_there_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="numbered 0 to 1"):
        explain(answered(method), method, faces=(2,))
