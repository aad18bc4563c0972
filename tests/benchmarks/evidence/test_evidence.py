"""The benchmark of evidence: what is measured, what is kept, and the figures made of it, by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.evidence.__main__ import RESULTS, missing, parse, pieces, write
from benchmarks.evidence.curves import RANDOM, Protocol, pair_records
from benchmarks.evidence.page import PAGE, tables
from benchmarks.evidence.pairs import alternating, in_turn
from benchmarks.evidence.sanity import sanity_records
from benchmarks.evidence.store import Store
from benchmarks.evidence.summary import accuracy_area, area, best_method, gains, summarise, wilson
from explain import explain
from explain.core.faithfulness import faithfulness
from explain.core.measured import measured
from explain.expression.live import METHOD
from explain.methods.grad_cam import CAMS
from models import FaceBatch, predict, read_sidecar
from tests.explain.tiny import COLUMNS, ROWS, Planted, noise_faces, planted_faces, ready
from tests.one_face.mood import Mood
from training.data.sets import Pair
from training.docs.text import put
from training.studies.evidence_table import evidence

QUICK = Protocol(steps=4, orders=3, fills=("blur", "grey"))


def test_the_curves_are_those_of_the_page() -> None:
    model = ready(Planted())
    faces = planted_faces(model)
    occlusion, random = pair_records(model, faces, ["occlusion"], QUICK)
    assert (occlusion["method"], random["method"], occlusion["target"]) == ("occlusion", RANDOM, "similarity")
    result = predict(model, *faces)
    for fill in QUICK.fills:
        heatmap = explain(result, "occlusion")[0]
        wanted = faithfulness(result, heatmap, steps=4, fill=fill, target="similarity", random_orders=3)
        np.testing.assert_allclose(
            occlusion["curves"][fill]["similarity"], [wanted.deletion, wanted.insertion], atol=2e-5
        )
        deletion, insertion = np.array(random["curves"][fill]["similarity"])  # the page takes them both ways
        np.testing.assert_allclose((deletion + insertion[::-1]) / 2, wanted.random_deletion, atol=2e-5)
        np.testing.assert_allclose((insertion + deletion[::-1]) / 2, wanted.random_insertion, atol=2e-5)


def test_a_class_is_measured_by_its_logit() -> None:
    torch.manual_seed(0)
    model = ready(Mood())
    face = FaceBatch(torch.rand(1, 3, 48, 48), torch.rand(1, 5, 2))
    cam, random = pair_records(model, [face], ["grad_cam"], QUICK)
    assert (cam["target"], random["method"]) == ("logit", RANDOM)
    result = predict(model, face, grad=True)
    leading = result.output.leading
    heatmap = explain(result, "grad_cam")[0]
    for name, target in (("logit", leading), ("score", f"P({leading})")):
        wanted = faithfulness(result, heatmap, steps=4, fill="blur", target=target, random_orders=3)
        np.testing.assert_allclose(cam["curves"]["blur"][name], [wanted.deletion, wanted.insertion], atol=2e-5)
    (sane,) = sanity_records(model, [face], None, ["occlusion"])
    assert "partner" not in sane and sane["again"] == 0 and abs(sane["randomised"]["1.0"]) <= 1
    found = summarise([{"pair": 0, "same": None, **r} for r in (cam, random)], None)["grad_cam"]
    assert set(found["beats_random"]) == {"pairs"} and "accuracy_area" not in found["blur"]


def test_faces_of_all_classes_take_turns() -> None:
    labels = [0] * 20 + [1] * 3 + [2] * 8
    few, many = in_turn(labels, 6), in_turn(labels, 20)
    assert sorted(labels[i] for i in few) == [0, 0, 1, 1, 2, 2] and many[:6] == few and len(set(many)) == 20
    assert sum(labels[i] == 1 for i in many) == 3 and in_turn(labels, 99) != list(range(31))


def test_random_orders_are_left_out_where_they_are_known() -> None:
    model = ready(Planted())
    records = pair_records(model, planted_faces(model), ["occlusion"], QUICK, noise_faces(model, 7), random=False)
    assert [r["method"] for r in records] == ["occlusion"] and {g["method"] for g in records[0]["game"]} <= {
        "occlusion"
    }


def record(pair: int, same: bool, deletion: list[float], insertion: list[float], method: str = "m") -> dict[str, Any]:
    curves = {"blur": {"similarity": [deletion, insertion], "score": [deletion, insertion]}}
    return {"pair": pair, "same": same, "method": method, "target": "similarity", "seconds": 0.5, "curves": curves}


def test_a_map_wins_where_it_is_better_on_both_curves() -> None:
    flat = [0.5, 0.5, 0.5]
    records = [
        record(0, True, [1, 0, 0], [0, 1, 1]),  # better on both
        record(1, False, [1, 0, 0], [0, 0, 1]),  # rises no sooner
        record(2, True, [1, 1, 0], [0, 1, 1]),  # falls no sooner
        *(record(n, same, flat, flat, RANDOM) for n, same in enumerate((True, False, True))),
    ]
    found = summarise(records, 0.4)["m"]
    shares = {k: v["share"] for k, v in found["beats_random"].items()}
    assert shares == {"pairs": pytest.approx(1 / 3), "same": 0.5, "different": 0}
    assert found["blur"]["deletion_gain"]["mean"] == pytest.approx((0.25 + 0.25 - 0.25) / 3)
    assert found["blur"]["insertion_gain"]["mean"] == pytest.approx((0.25 - 0.25 + 0.25) / 3)
    # right decisions, deletion: all but the second pair at 0; the second and the third at .5; the second at 1
    assert found["blur"]["accuracy_area"]["map"][0] == pytest.approx((2 / 3 + 2 * 2 / 3 + 1 / 3) / 4)


def test_the_game_is_counted_beside_a_random_map() -> None:
    model = ready(Planted())
    donor = noise_faces(model, 7)
    donor.image[:, :2, ROWS, COLUMNS], donor.image[:, 2, ROWS, COLUMNS] = 0, 0.9  # blue where both others share red
    records = pair_records(model, planted_faces(model), ["hires_cam"], QUICK, donor)
    found = summarise([{"pair": 0, "same": True, **r} for r in records], 0.5)["hires_cam"]["flips"]
    assert found["parts_played"] == 1 and found["map"]["0.05"] == 1 and found["random"]["0.05"] == 0


def test_both_fills_count() -> None:
    one, random = record(0, True, [1, 0, 0], [0, 1, 1]), record(0, True, [1, 0.5, 0], [0, 0.5, 1], RANDOM)
    for r in (one, random):
        r["curves"]["road"] = {k: [line[:] for line in v] for k, v in random["curves"]["blur"].items()}
    found = summarise([one, random], 0.5)["m"]
    assert found["blur"]["beats_random"]["pairs"]["share"] == 1 and found["road"]["beats_random"]["pairs"]["share"] == 0
    assert found["beats_random"]["pairs"]["share"] == 0


def test_figures_by_hand() -> None:
    assert area([1, 0, 0]) == pytest.approx(0.25)
    assert gains([[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]) == pytest.approx((0.5, 0.5))
    assert wilson(81, 263) == pytest.approx([0.2553, 0.3662], abs=2e-4)  # Newcombe 1998, table I
    assert accuracy_area([record(0, True, [0.9, 0.2], [0, 0])], "blur", 0, 0.5) == pytest.approx(0.5)


def test_the_best_method_is_the_quickest_of_those_that_do_as_well_as_the_surest() -> None:
    def row(low: float, seconds: float, share: float) -> dict[str, Any]:
        return {"beats_random": {"pairs": {"share": share, "ci95": [low, 1.0]}}, "seconds": seconds}

    assert best_method({"slow": row(0.9, 2, 1.0), "quick": row(0.9, 1, 1.0), "poor": row(0.4, 0.1, 0.6)}) == "quick"
    surest, as_well, worse = row(0.96, 3, 0.99), row(0.94, 1, 0.96), row(0.92, 0.1, 0.95)
    assert best_method({"surest": surest, "worse": worse, "as well": as_well}) == "as well"
    assert best_method({"surest": surest, "worse": worse}) == "surest"
    assert best_method({"surest": {**surest, "seconds": 0.5}, "as well": as_well}) == "surest"
    assert best_method({}) is None


def test_pairs_take_turns_and_a_larger_draw_begins_with_a_smaller_one() -> None:
    listed = [Pair(f"a{i}", f"b{i}", i % 3 == 0) for i in range(60)]
    few, many = alternating(listed, 5), alternating(listed, 12)
    assert [p.same for p in few] == [True, False] * 5 and many[:10] == few and len(set(many)) == 24


def test_what_is_stored_counts_once_and_only_under_its_key(tmp_path: Path) -> None:
    store = Store(tmp_path, "w", {"sha256": "x"})
    store.add([{"pair": 0, "method": "m"}, {"pair": 0, "method": RANDOM}])
    with store.path.open("a") as file:
        file.write('{"key": {"sha256": "x"}, "pair": 1, "met')  # cut by a stop
    again = Store(tmp_path, "w", {"sha256": "x"})
    assert again.known(0) == {"m", RANDOM} and again.known(1) == set()
    assert Store(tmp_path, "w", {"sha256": "y"}).known(0) == set()
    again.add([{"pair": 1, "method": "m"}])
    assert Store(tmp_path, "w", {"sha256": "x"}).known(1) == {"m"}


def test_first_pairs_of_every_weight_come_first_and_known_ones_never(tmp_path: Path) -> None:
    weights = {"v": ("m", "n"), "w": ("m",)}
    stores = {w: Store(tmp_path, w, {}) for w in weights}
    stores["v"].add({"pair": n, "method": m} for n in (0, 1) for m in ("m", RANDOM))
    work = list(pieces(weights, stores, 2, tmp_path, QUICK))
    assert [(w.weight, w.numbers, w.methods, w.random) for w in work] == [
        ("v", (0, 1), ("n",), False),
        ("w", (0, 1), ("m",), True),
        ("v", (2, 3), ("m", "n"), True),
        ("w", (2, 3), ("m",), True),
    ]
    assert missing(stores["v"], work[0]) is not None
    stores["v"].add({"pair": n, "method": "n"} for n in (0, 1))
    assert missing(stores["v"], work[0]) is None


def test_other_methods_of_the_same_weight_are_kept_under_the_same_protocol(tmp_path: Path) -> None:
    path, store = tmp_path / "x.json", Store(tmp_path, "expression", {})

    def written(method: str, drop: float, protocol: Protocol) -> dict[str, float]:
        random = record(0, True, [1, 1, 0], [0, 0, 1], RANDOM)
        store.records = [record(0, True, [1, drop, 0], [0, 1, 1], method), random]
        methods = write({"expression": store}, protocol, path)["expression"]["methods"]
        return {name: 1 - 2 * found["blur"]["deletion_gain"]["mean"] for name, found in methods.items()}

    assert written("a", 0.0, QUICK) == {"a": 0.0}
    assert written("b", 0.5, QUICK) == {"a": 0.0, "b": 0.5}
    assert written("a", 0.25, QUICK) == {"a": 0.25, "b": 0.5}
    assert written("b", 0.5, Protocol(steps=5, orders=3)) == {"b": 0.5}


@pytest.mark.parametrize("bad", [["--pairs", "0"], ["--fills", "nothing"], ["--models", "nobody"]])
def test_bad_requests_are_refused(bad: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(bad)
    assert bad[0] in capsys.readouterr().err


def report() -> dict[str, Any]:
    """What the command wrote; no weights where it was not run to its end yet."""
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"weights": {}}
    return found


def test_the_pages_are_of_the_file() -> None:
    page, found = PAGE.read_text(), report()
    assert put(page, "evidence", tables(found)) == page
    assert ("Which map may be believed" in (PAGE.parent / "results.md").read_text()) == bool(found["weights"])
    assert not found["weights"] or evidence(found) in (PAGE.parent / "results.md").read_text()


def test_the_file_is_of_the_weights_that_are_shipped() -> None:
    for name, row in report()["weights"].items():
        assert row["sha256"] == read_sidecar(name).sha256, f"{name} has changed: python -m benchmarks.evidence"
        assert row["best"] == best_method(row["methods"])


def test_the_camera_draws_the_best_measured_of_the_maps_that_a_frame_has_time_for() -> None:
    found = [method for method in measured("expression") if method in CAMS]
    assert found and found[0] == METHOD
