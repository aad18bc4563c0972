"""A map that is sampled is shown while it grows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from explain import EXPLAINERS, explain
from ui.kinship import callbacks as do
from ui.shared import answering
from ui.shared.photos import Shot

KIN = "edgeface_kin"


def test_a_map_that_is_sampled_grows_finer_and_is_made_once(
    obama: Shot, biden: Shot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = answering.answer(obama, biden, KIN)
    row, few = EXPLAINERS["corr_rise"], {"masks": 70}
    quick = replace(row, run=partial(row.run, **few), refine=partial(row.refine, **few))  # type: ignore[arg-type]
    monkeypatch.setitem(EXPLAINERS, "corr_rise", quick)
    every = list(do.explain_pair(obama, biden, answer, "corr_rise", None, 0.5))
    assert len(every) == 3 and all(drawn["elem_classes"] == [] for _, drawn in every)
    for count, (made, drawn) in zip((20, 60, 70), every, strict=True):
        assert made is not None and f"{count} masks of" in drawn["value"]
    (direct,) = [m for m in explain(answering.ask(obama, biden, KIN), "corr_rise") if m.face == 1]
    last = every[-1][0]
    assert last is not None and np.array_equal(last.maps[1].values, direct.values)
    ((again, _),) = do.explain_pair(obama, biden, answer, "corr_rise", None, 0.5)
    assert again is not None and again.maps is last.maps
