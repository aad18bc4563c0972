"""Sections on the studies of expression say what their reports hold."""

from __future__ import annotations

from typing import Any

from training.studies.expression_sections import arms, curve, identity, likeness, occlusion, race


def cell(mean: float, half: float = 0.01) -> dict[str, Any]:
    return {"mean": mean, "ci95": [mean - half, mean + half]}


def fit(own: float, random: float, others: float, new: float) -> dict[str, Any]:
    return {
        "own_area": cell(own),
        "fixed_area": cell(0.2),
        "each_face": cell(0.15),
        "random_map": {"own_area": cell(random), "fixed_area": cell(random)},
        "other_maps": cell(others),
        "own_less_other_maps": cell(own - others),
        "randomised": {"mean": new, "each": [new]},
        "emotions": {"fear": {**cell(own), "faces": 3}},
    }


def test_likeness_says_what_the_maps_are_better_than():
    published = {"mean of 12 networks": 0.27, "best": 0.327, "worst": 0.207, "source": "arXiv 2401.11835, masks"}
    maps = {"grad_cam": fit(0.3, 0.1, 0.2, 0.15), "layer_cam": fit(0.1, 0.1, 0.1, 0.2)}
    text = likeness({"protocol": "p", "published": published, "weights": {"net": {"methods": maps}}})
    assert "net, grad_cam: better than random maps; an emotion's units are found better than by" in text
    assert "above the level" in text and "below the level" in text
    assert "layer_cam: within the range of random maps; an emotion's units are found as well as by" in text
    assert "| net, grad_cam | 0.300 (0.290 to 0.310) |" in text and "0.207 to 0.327 (arXiv 2401.11835)" in text


def test_occlusion_tables_conditions_and_the_claim():
    row = {
        "conditions": {"plain": {"accuracy": cell(0.8), "loss": cell(0.0)}},
        "differences": {"1/4": {"random less guided": cell(0.05)}},
        "claim": {"1/4": "confirmed"},
    }
    text = occlusion({"claim": "guided hurts more", "protocol": "p", "faces": 9, "weights": {"a": row, "b": row}})
    assert "- b, patches of 1/4 of the side: confirmed." in text
    assert "| plain | 80.0 (79.0 to 81.0) | +0.00 (-1.00 to +1.00) | 80.0" in text
    assert "| **random less guided, 1/4** |  | +5.00 (+4.00 to +6.00) |" in text


def test_identity_leaves_out_what_was_not_found():
    keys = ("network", "teachers: all", "teachers: nearest", "teachers: farthest")
    found = {
        "accuracy": {k: cell(0.7) for k in keys},
        "nearest_less_farthest": cell(0.02),
        "error": {"teachers": cell(0.55), "network": {"mean": None, "ci95": None, "wrong": 0}},
        "pairs": cell(0.1),
    }
    text = identity({"protocol": "p", "weights": {"net": {"ckplus": found, "jaffe": found}}})
    assert "| net, jaffe |" in text and "| 0.550 (0.540 to 0.560) |  | 0.100 (0.090 to 0.110) |" in text


def test_race_has_both_lists():
    found = {"accuracy": 0.6, "accuracy_ci95": [0.5, 0.7], "macro_f1": 0.5, "macro_f1_ci95": [0.4, 0.6], "ece": 0.1}
    found["without_contempt"] = {"accuracy": 0.61, "accuracy_ci95": [0.5, 0.7]}
    text = race({"network": "n", "protocol": "p", "ferplus": found, "fer2013": found})
    assert text.count("| 60.0 (50.0 to 70.0) | 50.0 (40.0 to 60.0) | 0.100 | 61.0 (50.0 to 70.0) |") == 2


def test_arms_show_each_seed_beside_the_mean():
    seeds = {str(i): {"accuracy": a, "macro_f1": 0.5, "kl": 0.7, "ece_votes": 0.01} for i, a in enumerate((0.71, 0.73))}
    mean = {"accuracy": 0.72, "macro_f1": 0.5, "kl": 0.7, "ece_votes": 0.01}
    text = arms({"protocol": "two epochs", "rows": [{"name": "IR-18", "seeds": seeds, "mean": mean}]})
    assert "| IR-18 | 72.0 | 71.0, 73.0 | 50.0 | 0.700 | 0.010 |" in text and "Two epochs" in text
    assert "python -m training.studies.expression_arms" in text


def test_the_curve_has_a_row_an_epoch_and_training_faces_before_and_after():
    rows = [{"labels": x, "majority": x + 0.2} for x in (0.66, 0.67, 0.68)]
    report = {"before": {"train": {"labels": 0.8, "majority": 0.9}, "valid": rows[0]}, "epochs": rows[1:]}
    report |= {"train_after": {"labels": 0.85, "majority": 0.95}, "faces": {"train": 9, "valid": 5}}
    lines = [line for line in curve(report).splitlines() if line.startswith("| ")]
    assert lines[1:] == [
        "| 0 | 66.0 | 86.0 | 80.0 | 90.0 |",
        "| 1 | 67.0 | 87.0 |  |  |",
        "| 2 | 68.0 | 88.0 | 85.0 | 95.0 |",
    ]
