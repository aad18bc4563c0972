"""The report holds every value, and says when a tab opens too slowly."""

from __future__ import annotations

from benchmarks.first_page import MOST_SWITCH, report


def test_medians_and_the_slowest_tab_decide() -> None:
    runs = [{"page": 9.0, "tab A": 0.2, "tab B": b} for b in (0.3, 9.0, MOST_SWITCH)]
    found = report(runs, [0.1, 0.2, 0.3])
    assert found["rows"]["tab B"] == {"median_s": MOST_SWITCH, "all_s": [0.3, 9.0, MOST_SWITCH]}
    assert found["tabs_hold"] is True
    assert report([{"page": 9.0, "tab A": 0.2, "tab B": MOST_SWITCH + 0.1}], [0.0])["tabs_hold"] is False
