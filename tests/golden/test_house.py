"""Every shipped weight still answers and explains as it did when house.npz was written (tests/golden/house.py).

The slow methods, occlusion and FGGB, are checked on one weight here; `python -m tests.golden.house --exact` checks all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models import available_weights
from models.weights import SHIPPED
from tests.golden.house import coarse, found

WANTED = np.load(Path(__file__).with_name("house.npz"))
SLOW, IN_FULL = ("fggb", "occlusion"), "ir18_none"


@pytest.mark.parametrize("weight", [n for n in available_weights() if (SHIPPED / f"{n}.safetensors").exists()])
def test_answers_and_maps(weight: str) -> None:
    skip = () if weight == IN_FULL else SLOW
    values = dict(found(weight, pairs=("same",), skip=skip))
    assert f"{weight}/same/answer" in values and len(values) > 5
    for key, value in values.items():
        wanted = WANTED[key]
        scale = 1.0 if key.endswith("/answer") else float(np.abs(wanted).max()) or 1.0
        np.testing.assert_allclose(coarse(value) / scale, wanted / scale, rtol=1e-3, atol=2e-3, err_msg=key)
