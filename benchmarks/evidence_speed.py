"""How long evidence takes: `python -m benchmarks.evidence_speed` (part of `make bench`).

For every weight that compares two faces: the map that is shown first, its verdict and the first words, each after the
score, and the exact words, which come later.
On the page's own weight every method by itself, and occlusion beside Captum's Occlusion with the same patches, one
at a time (its default) and as many at once as here. Captum asks for an older numpy than the app, so it is no
requirement: without it (`pip install --no-deps captum`) its rows of the last run stay. All medians, after a warm-up, on
the two public-domain portraits of the tests. Writes benchmarks/results/evidence_speed.json and a table of
docs/evidence.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.evidence.page import PAGE
from benchmarks.speed import PORTRAITS, ROOT, machine, median_seconds, medians_by_turns, model, row
from explain import EXPLAINERS, explain, explain_step_by_step, methods_for
from explain.core.covering import CHUNK
from explain.core.faithfulness import faithfulness
from explain.core.fill import filled
from explain.methods.occlusion import sides_of
from explain.methods.part_shapley import part_values, part_values_step_by_step
from explain.report.first_method import first_method
from models import Face, Result, detect_faces, open_photo, predict
from models.pair import PairModel
from training.docs.text import put, table
from ui.shared.answering import default_weight, pair_weights

RESULTS = ROOT / "benchmarks" / "results" / "evidence_speed.json"
LIMITS = {"fggb": 0.6, "corr_rise": 5.0, "part_shapley": 2.5}
"""Seconds for both faces."""
FIRST = 1.0
"""Seconds for the first, coarse map of a method that samples."""
SHOWN = 1.2
"""Seconds for the first map with its verdict and the first words."""
FASTER = {"one at a time": 4.0, "as many at once": 1.5}
"""How many times as long Captum's Occlusion should take."""


def shown_rows(faces: tuple[Face, Face], weights: Sequence[str], runs: int) -> list[dict[str, Any]]:
    """What the page shows of an answer of each weight: seconds of its parts, all but the exact words within a limit."""
    rows = []
    for weight in weights:
        network = model(weight)
        method = first_method(weight, network)
        result = predict(network, *faces, grad=EXPLAINERS[method].grad)
        maps = explain(result, method)
        parts: dict[str, Callable[[], object]] = {
            "map": lambda result=result, method=method: explain(result, method),
            "verdict": lambda result=result, maps=maps: [faithfulness(result, heatmap) for heatmap in maps],
            "first_words": lambda result=result: next(part_values_step_by_step(result)),
            "words": lambda result=result: part_values(result),
        }
        seconds = {what: round(median_seconds(run, runs), 3) for what, run in parts.items()}
        shown = sum(seconds[what] for what in ("map", "verdict", "first_words"))
        rows.append({"method": method, **row(weight, shown, SHOWN, "s"), **seconds})
    return rows


def method_rows(faces: tuple[Face, Face], weight: str, runs: int) -> list[dict[str, Any]]:
    """Every method on one weight; those of LIMITS within theirs."""
    rows = []
    for method in methods_for(model(weight)):
        result = predict(model(weight), *faces, grad=EXPLAINERS[method].grad)
        seconds = median_seconds(lambda result=result, method=method: explain(result, method), runs)
        limit = LIMITS.get(method)
        holds = limit is None or seconds <= limit
        rows.append({"what": method, "value": round(seconds, 3), "unit": "s", "limit": limit, "holds": holds})
        if EXPLAINERS[method].refine is not None:
            first = median_seconds(
                lambda result=result, method=method: next(explain_step_by_step(result, method)), runs
            )
            told = {"what": f"{method}, first map", "value": round(first, 3), "unit": "s"}
            rows.append({**told, "limit": FIRST, "holds": first <= FIRST})
    return rows


def captum_rows(faces: tuple[Face, Face], weight: str, runs: int) -> list[dict[str, Any]]:
    """Occlusion of both faces here and by Captum, by turns, the other face's code kept in both."""
    result = predict(model(weight), *faces)
    theirs = [captum_occlusion(result, batch) for batch in (1, CHUNK)]
    own, *captum = medians_by_turns([lambda: explain(result, "occlusion"), *theirs], runs)
    rows = [{"what": "here", "value": round(own, 3), "unit": "s"}]
    for (what, times), seconds in zip(FASTER.items(), captum, strict=True):
        holds = seconds >= times * own
        found = {"times": round(seconds / own, 2), "limit": times, "holds": holds}
        rows.append({"what": f"Captum, {what}", "value": round(seconds, 3), "unit": "s", **found})
    return rows


def captum_occlusion(result: Result, batch: int) -> Callable[[], object]:
    """Captum's Occlusion of the similarity for both faces, `batch` patches at once."""
    from captum.attr import Occlusion

    network = result.model
    assert isinstance(network, PairModel)
    patch, stride = sides_of(result)

    def similarity(face: int) -> Callable[..., Any]:
        own, other = result.faces[face], result.faces[1 - face]
        code = network.encode(other.image, other.keypoints)

        def run(image: Any) -> Any:
            mine = network.encode(image, own.keypoints.expand(len(image), -1, -1))
            return network.answer(mine, code.expand_as(mine)).scalar("similarity")

        return run

    def once() -> list[object]:
        return [
            Occlusion(similarity(face)).attribute(
                shown.image,
                sliding_window_shapes=(3, patch, patch),
                strides=(3, stride, stride),
                baselines=filled(shown.image, "blur"),
                perturbations_per_eval=batch,
            )
            for face, shown in enumerate(result.faces)
        ]

    return once


def measure(weights: Sequence[str], runs: int, former: dict[str, Any]) -> dict[str, Any]:
    """Everything in the JSON; other weights' rows are the former ones, and Captum's where it is not installed."""
    a, b = (detect_faces(open_photo(ROOT / "tests" / "photos" / name))[0] for name in PORTRAITS)
    weight = default_weight()
    assert weight is not None
    captum = captum_rows((a, b), weight, runs) if find_spec("captum") else former.get("captum", [])
    kept = [r for r in former.get("shown", []) if r["what"] not in weights]
    shown, methods = [*kept, *shown_rows((a, b), weights, runs)], method_rows((a, b), weight, runs)
    return {"machine": machine(), "runs": runs, "weight": weight, "shown": shown, "methods": methods, "captum": captum}


def tables(found: dict[str, Any]) -> str:
    """Markdown: three tables, seconds."""
    shown = [["weight", "first map", "map", "verdict", "first words", "together", f"within {SHOWN} s", "exact words"]]
    for r in found["shown"]:
        seconds = [f"{r[k]:.2f}" for k in ("map", "verdict", "first_words", "value")]
        shown.append([r["what"], EXPLAINERS[r["method"]].title, *seconds, _yes(r["holds"]), f"{r['words']:.2f}"])
    methods = [["method", "s", "limit", "holds"]]
    for r in found["methods"]:
        limit = [f"{r['limit']:g}", _yes(r["holds"])] if r["limit"] is not None else ["", ""]
        methods.append([f"`{r['what']}`", f"{r['value']:.2f}", *limit])
    captum = [["occlusion", "s", "times as long as here", "wanted", "holds"]]
    for r in found["captum"]:
        more = [f"{r['times']:g}", f"{r['limit']:g}", _yes(r["holds"])] if "times" in r else ["", "", ""]
        captum.append([r["what"], f"{r['value']:.2f}", *more])
    said = "{cpu_count} CPUs, {threads} threads, torch {torch}; ".format(**found["machine"])
    said += f"runs after a warm-up, of which this is the median: {found['runs']}."
    words = f"The methods, and occlusion beside Captum's with the same patches, on {found['weight']}:"
    return "\n\n".join([said, table(shown), words, table(methods), table(captum)])


def _yes(holds: bool) -> str:
    return "yes" if holds else "**no**"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = pair_weights()
    parser.add_argument(
        "--models", nargs="+", choices=names, default=names, metavar="NAME", help="weights; all of them"
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, default=RESULTS)
    args = parser.parse_args()
    found = measure(args.models, args.runs, json.loads(args.json.read_text()) if args.json.exists() else {})
    args.json.write_text(json.dumps(found, indent=1) + "\n")
    if args.json == RESULTS:
        PAGE.write_text(put(PAGE.read_text(), "evidence speed", tables(found)))
    print(tables(found))


if __name__ == "__main__":
    main()
