"""Losses of unaligned faces, paired by fold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.evaluate.metrics import fold_ci
from training.studies.position_study import main, study
from training.studies.summary import STUDIES

ALIGNED = [0.95, 0.93, 0.97]


def report(weight: str, unaligned: list[float], **other: Any) -> dict[str, Any]:
    breakdown = {"unaligned": {"per_fold": unaligned}}
    if weight == "kprpe":
        breakdown["unaligned, jittered"] = {"per_fold": [0.85, 0.83, 0.87]}
        breakdown["aligned, jittered"] = {"per_fold": [0.94, 0.92, 0.96]}
    facts = {"task": "affine_lfw", "protocol": "p", "weight": weight, "weight_sha256": weight * 2}
    return facts | {"per_fold": ALIGNED, "breakdown": breakdown} | other


def test_losses_shares_and_the_distance_to_half() -> None:
    found = study([report("abs", [0.85, 0.85, 0.85]), report("kprpe", [0.92, 0.91, 0.93])])
    plain, other = found["rows"]
    loss, base = np.array([0.03, 0.02, 0.04]), np.array([0.10, 0.08, 0.12])
    assert plain["losses"]["unaligned"]["mean"] == pytest.approx(0.10)
    assert "shares" not in plain and list(other["shares"]) == ["unaligned", "unaligned, jittered"]
    assert other["shares"]["unaligned"]["mean"] == pytest.approx(0.3)
    low, high = other["shares"]["unaligned"]["ci95"]
    assert 0.25 <= low <= 0.3 <= high <= 1 / 3 + 1e-9
    assert other["shares"]["unaligned, jittered"]["mean"] == pytest.approx(1.0)  # beside the plain one's "unaligned"
    assert other["below_half"]["unaligned"]["mean"] == pytest.approx(float((base / 2 - loss).mean()))
    assert other["below_half"]["unaligned"]["ci95"] == pytest.approx(fold_ci(base / 2 - loss))


def test_other_protocols_are_not_compared() -> None:
    with pytest.raises(ValueError, match="one protocol"):
        study([report("abs", ALIGNED), report("kprpe", ALIGNED, protocol="q")])
    with pytest.raises(ValueError, match="affine_lfw"):
        study([report("abs", ALIGNED, task="lfw")])


def test_from_files_to_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for name, values in {"abs": [0.85, 0.85, 0.85], "kprpe": [0.92, 0.91, 0.93]}.items():
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(report(name, values)))
    out = tmp_path / "study.json"
    main([*map(str, files), "--json", str(out)])
    assert "loses 3.00  0.30 of the plain one's" in capsys.readouterr().out
    section = STUDIES["position_study"](json.loads(out.read_text()))
    assert "| abs |" in section and "0.30 (" in section
    assert "| kprpe, jittered |  | 10.0 (" in section
    with pytest.raises(SystemExit, match="error"):
        main([str(tmp_path / "none.json")])
