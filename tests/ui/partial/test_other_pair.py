"""What is held of a pair on the tab Partial face is shown and reported of that pair alone."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from explain.partial.find import APART
from ui.partial import answers as parting
from ui.partial import callbacks as do
from ui.shared.photos import Shot


def test_what_was_found_of_another_pair_is_not_shown_or_reported(
    obama: Shot, biden: Shot, ran, monkeypatch: pytest.MonkeyPatch
):
    look, held = ran[:2]
    other = do.run(biden, obama, look.edit, None)[1]
    assert do.curves(look, other, "nose") == [gr.skip(), None] and do.orders(look, other) == [gr.skip(), ""]
    told = []

    def write(path, found, *_, curve, **__):
        told.append((found.whole, curve))
        path.write_bytes(b"made")
        return path

    monkeypatch.setattr(do, "write_partial", write)
    monkeypatch.setattr(parting, "order", lambda held: held)
    monkeypatch.setattr(parting, "curve", lambda part, centred, held: replace(held, curve=held.canvases))
    crop = held.canvases[1].crop
    for first, second, kept in ((obama, biden, held), (obama, biden, other), (biden, obama, held)):
        assert do.make_report(first, second, look.edit, look, kept, APART, 0.5)[0] is not None
    same = [whole is look.whole for whole, _ in told]
    assert same == [True, False, False]
    assert [np.array_equal(canvases[1].crop, crop) for _, canvases in told] == [True, True, False]
