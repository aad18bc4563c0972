"""The study of how far thresholds travel, as far as it goes without data, and its section."""

from __future__ import annotations

from tests.training.test_calibrate_own import domain
from training.calibrate import compared
from training.studies.calibration_table import calibration


def test_the_section_gives_every_figure_with_its_interval() -> None:
    found = compared(domain(2.0), 0.5)
    held = {k: found[k] for k in ("pairs", "families", "shipped", "cross_fitted")}
    text = calibration({"weights": {"w": {"held_out": held, "other_photos": {"list": "mine.csv", **found}}}})
    for how in ("shipped", "cross_fitted"):
        for key in ("accuracy", "ece"):
            low, high = found[how][f"{key}_ci95"]
            assert text.count(f"{found[how][key]:.3f} ({low:.3f}-{high:.3f})") >= 2
    assert "Other photos: mine.csv; 60 families." in text and "Held-out training families: 120 image pairs" in text


def test_a_table_without_rows_is_left_out() -> None:
    found = compared(domain(0.0), 0.5)
    assert "Other photos" not in calibration({"weights": {"w": {"held_out": found}}})
