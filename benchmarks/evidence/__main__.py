"""Measure every explainer on every shipped weight.

    python -m benchmarks.evidence [--models NAME ...] [--methods NAME ...] [--pairs 200] [--processes 2]

For each pair (first face, the second as it is), or face of a class: deletion and insertion of the answer in the order
of the method's map and in random orders, with every fill; for pairs of the same person (or of kin) the inpainting game
too. What was measured is kept under --work and not measured again, so a stopped run goes on. Writes
benchmarks/results/evidence.json, from which the app takes each model's default method, the tables of docs/evidence.md,
and docs/evidence.png.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.evidence.curves import RANDOM, Protocol, pair_records
from benchmarks.evidence.glance import draw
from benchmarks.evidence.page import write_page
from benchmarks.evidence.pairs import drawn
from benchmarks.evidence.sanity import sanity_records
from benchmarks.evidence.store import Store
from benchmarks.evidence.summary import best_method, summarise
from explain import EXPLAINERS, methods_for
from explain.core.fill import FILLS
from models import available_weights, load_model, read_sidecar
from models.face_model import FaceModel
from models.tasks import TASKS
from training.data.sets import data_root

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "evidence.json"
SANITY_PAIRS = 3
"""Pairs of the same person (or of kin) on which weights and partner are changed."""
BLOCK = 2
"""Pairs that one piece of work measures: one of either kind."""


@dataclass(frozen=True)
class Work:
    """Some pairs of one weight, the methods that are still wanted, and whether the random orders are."""

    weight: str
    numbers: tuple[int, ...]
    methods: tuple[str, ...]
    random: bool
    each: int
    data: Path
    protocol: Protocol


@lru_cache(maxsize=3)
def network(weight: str) -> FaceModel:
    torch.set_num_threads(1)  # a process a core is quicker than a core's share of every layer
    return load_model(weight, "cpu")


def measure(work: Work) -> list[dict[str, Any]]:
    """Records of one piece of work."""
    model = network(work.weight)
    pairs = drawn(read_sidecar(work.weight).task, work.data, model.spec, work.each)
    records = []
    for n in work.numbers:
        faces, donor = pairs.faces(n), pairs.donor(n)
        found = pair_records(model, faces, work.methods, work.protocol, donor, work.random)
        if (donor is not None or pairs.same(n) is None) and n < 2 * SANITY_PAIRS:
            for record, sane in zip(found, sanity_records(model, faces, donor, work.methods), strict=False):
                record["sanity"] = sane
        records += [{"pair": n, "same": pairs.same(n), **record} for record in found]
    return records


def missing(store: Store, work: Work) -> Work | None:
    """The work without what is known; None when nothing is left."""
    known = set.intersection(*(store.known(n) for n in work.numbers))
    left = tuple(m for m in work.methods if m not in known)
    return replace(work, methods=left, random=RANDOM not in known) if left else None


def pieces(
    weights: dict[str, tuple[str, ...]], stores: dict[str, Store], each: int, data: Path, protocol: Protocol
) -> Iterator[Work]:
    """All work that is left: the first pairs of every weight, then the next ones."""
    for start in range(0, 2 * each, BLOCK):
        for weight, methods in weights.items():
            work = Work(weight, tuple(range(start, start + BLOCK)), methods, True, each, data, protocol)
            if (left := missing(stores[weight], work)) is not None:
                yield left


def write(stores: dict[str, Store], protocol: Protocol, path: Path) -> dict[str, Any]:
    """The figures of all weights; those in the file of other weights, and of a weight's other methods, are kept."""
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"weights": {}}
    written, alike = found["weights"], found.get("protocol") == protocol.to_json()
    for weight, store in stores.items():
        sidecar = read_sidecar(weight)
        rule = sidecar.decision
        methods = summarise(store.records, rule.threshold if rule else None)
        if methods:
            facts = {"sha256": sidecar.sha256, "task": sidecar.task, "source": source_of(sidecar.task)}
            facts["unit"] = "faces" if TASKS[sidecar.task].faces == 1 else "pairs"
            former = written.get(weight, {})
            if alike and former.get("sha256") == sidecar.sha256:
                methods = {m: methods.get(m, figures) for m, figures in former["methods"].items()} | methods
            written[weight] = {**facts, "best": best_method(methods), "methods": methods}
    report = {
        "command": "python -m benchmarks.evidence",
        "date": date.today().isoformat(),
        "protocol": protocol.to_json(),
    }
    path.write_text(json.dumps({**report, "weights": dict(sorted(written.items()))}, indent=1) + "\n")
    return written


def source_of(task: str) -> str:
    return {"kinship": "FIW val", "expression": "FER+'s validation part"}.get(task, "LFW view 2")


def wanted_methods(weights: Sequence[str], methods: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Weight -> the methods that fit it."""
    return {w: tuple(m for m in methods_for(load_model(w, "cpu")) if m in methods) for w in weights}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    pairs = [w for w in available_weights() if TASKS[read_sidecar(w).task].faces <= 2]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--models", nargs="+", choices=pairs, default=pairs, metavar="NAME", help="weights; all of them"
    )
    parser.add_argument("--methods", nargs="+", choices=list(EXPLAINERS), default=list(EXPLAINERS), metavar="NAME")
    parser.add_argument("--pairs", type=int, default=200, help="of either kind; twice as many single faces")
    parser.add_argument("--orders", type=int, default=20, help="random orders")
    parser.add_argument("--steps", type=int, default=5, help="parts the pixels are taken away in")
    parser.add_argument("--fills", nargs="+", choices=list(FILLS), default=["blur", "road"])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", type=Path, help="folder of the research data; KINSIGHT_DATA unless given")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "evidence", help="where records are kept")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    for name in ("pairs", "orders", "steps", "processes"):
        if getattr(asked, name) < 1:
            parser.error(f"--{name} must be at least 1")
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, measure what is missing, write."""
    asked = parse(arguments)
    protocol, data = Protocol(asked.steps, asked.orders, tuple(asked.fills)), data_root(asked.data)
    weights = wanted_methods(asked.models, asked.methods)
    stores = {
        w: Store(asked.work, w, {"sha256": read_sidecar(w).sha256, "protocol": protocol.to_json()}) for w in weights
    }
    work = list(pieces(weights, stores, asked.pairs, data, protocol))
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(asked.processes) as pool, tqdm(total=len(work), unit="piece") as bar:
        futures: dict[Future[list[dict[str, Any]]], Work] = {pool.submit(measure, w): w for w in work}
        for done, future in enumerate(as_completed(futures), 1):
            store = stores[futures[future].weight]
            store.add(future.result())
            bar.update()
            if done % 50 == 0:
                write(stores, protocol, asked.out)
    written = write(stores, protocol, asked.out)
    if asked.out == RESULTS:
        report = json.loads(RESULTS.read_text())
        write_page(report)
        draw(report)
    for weight in weights:
        print(f"{weight}: {written.get(weight, {}).get('best')}")


if __name__ == "__main__":
    main()
