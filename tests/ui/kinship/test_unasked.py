"""Whether a map is drawn before a method is chosen: where even the best method often says little, none is."""

from __future__ import annotations

import pytest

from explain.core.measured import Measured
from ui.kinship import callbacks as do
from ui.kinship import tri_answers as triplet
from ui.kinship import tri_callbacks
from ui.shared import answering, evidence, offering
from ui.shared.photos import Shot

KIN = "dlib_kin"


def rows(share: float) -> dict[str, Measured]:
    return {
        "occlusion": Measured("occlusion", share, (0.84, 0.99), 200, 1.0),
        "grad_cam": Measured("grad_cam", 0.3, (0.2, 0.4), 200, 0.1),
    }


def measure(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    for module in (do, offering):
        monkeypatch.setattr(module, "measured", lambda _: rows(share))
    monkeypatch.setattr(offering, "first_method", lambda _weight, _model: "occlusion")


@pytest.mark.parametrize(
    ("share", "method", "ends"), [(0.94, None, offering.UNSURE), (0.95, "occlusion", offering.MEASURED)]
)
def test_the_first_method_is_chosen_where_it_seldom_says_little(
    monkeypatch: pytest.MonkeyPatch, share: float, method: str | None, ends: str
) -> None:
    measure(monkeypatch, share)
    picker, layer = do.offer_methods(KIN, "occlusion")
    assert picker["value"] == method and picker["info"].endswith(ends) and layer["visible"] is False
    assert {"occlusion", "grad_cam"} <= {label for _, label in picker["choices"]}


def test_else_the_page_says_so_and_draws_none(monkeypatch: pytest.MonkeyPatch, obama: Shot, biden: Shot) -> None:
    measure(monkeypatch, 0.9)
    answer = answering.answer(obama, biden, KIN)
    ((made, drawn, stop),) = do.explain_pair(obama, biden, answer, None, None, 0.5)
    assert made is None and stop == do.NO_STOP
    assert "Occlusion (signed), beats a random order on 90 % of 200 pairs on this model" in drawn["value"]
    assert do.check_maps(obama, biden, answer, None) == ("", None)
    given = triplet.answer(triplet.Family(obama, biden, obama), KIN)
    assert tri_callbacks.explain_family(obama, biden, obama, given, None, None, 0.5) == (
        None,
        do.cards.no_maps(offering.no_map(KIN)),
    )


def test_what_was_chosen_on_this_model_stays(monkeypatch: pytest.MonkeyPatch, obama: Shot, biden: Shot) -> None:
    measure(monkeypatch, 0.9)
    maps = evidence.make_maps(obama, biden, KIN, "grad_cam", "stage3.features")
    assert do.offer_methods(KIN, "grad_cam")[0]["value"] is None  # it came along from another model
    picker, layer = do.offer_methods(KIN, "grad_cam", None, maps)
    assert picker["value"] == "grad_cam" and layer["visible"]


def test_a_report_holds_the_best_maps(monkeypatch: pytest.MonkeyPatch, obama: Shot, biden: Shot) -> None:
    measure(monkeypatch, 0.9)
    answer = answering.answer(obama, biden, KIN)
    path, said = do.make_report(obama, biden, answer, None, None, None, 0.5, 0.5)
    assert path is not None and said == ""
