"""What the offsets cost: forward time of the ViT with iRPE and KP-RPE against the plain one of the same size.

    python -m benchmarks.vit_cost [--sizes demo small base] [--rounds 60] [--json FILE]

Paired: in every round the three networks run one after the other on the same faces, in an order that changes, and the
ratio is taken within the round; the figure is the median ratio with a 95 % bootstrap interval. Weights are untrained
(time does not depend on them). GFLOP of one face stand beside the time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed import machine
from models.nets.vit_kprpe import BASE, POSITIONS, SMALL, ViT, VitConfig
from models.registry import entry

RESULTS = Path(__file__).resolve().parent / "results" / "vit_cost.json"
SIZES: dict[str, dict[str, Any]] = {"demo": entry("vit_abs").values, "small": SMALL, "base": BASE}
LIMIT = 1.10
"""KP-RPE's forward may take this much of the plain ViT's."""
PUBLISHED = {"base": {"abs": 24.83, "irpe": 26.25, "kprpe": 24.90}}
"""GFLOP of one face in the paper; its count leaves out q.k and attn.v, and its iRPE is on queries, keys and values."""


def networks(size: str) -> dict[str, ViT]:
    return {position: ViT(VitConfig(**SIZES[size] | {"position": position})).eval() for position in POSITIONS}


def gflop(net: ViT, faces: tuple[torch.Tensor, torch.Tensor]) -> float:
    """10^9 floating-point operations a face, counted on every matrix product that ran (a multiply-add is two)."""
    with FlopCounterMode(display=False) as counter:
        net(*faces)
    return counter.get_total_flops() / 1e9 / len(faces[0])


def round_times(nets: dict[str, ViT], faces: tuple[torch.Tensor, torch.Tensor], rounds: int) -> dict[str, np.ndarray]:
    """(rounds,) seconds of each network; three rounds before the first are not counted."""
    times: dict[str, list[float]] = {position: [] for position in nets}
    orders = itertools.cycle(itertools.permutations(nets))
    for order in itertools.islice(orders, rounds + 3):
        for position in order:
            start = time.perf_counter()
            nets[position](*faces)
            times[position].append(time.perf_counter() - start)
    return {position: np.array(t[3:]) for position, t in times.items()}


def median_interval(values: np.ndarray) -> list[float]:
    """95 % percentile bootstrap of the median."""
    draws = np.random.default_rng(0).choice(values, (2000, len(values)))
    return np.percentile(np.median(draws, 1), [2.5, 97.5]).round(4).tolist()


def measure(size: str, batch: int, rounds: int) -> list[dict]:
    """One row a position encoding."""
    generator = torch.Generator().manual_seed(0)
    faces = torch.rand(batch, 3, 112, 112, generator=generator), torch.rand(batch, 5, 2, generator=generator)
    nets = networks(size)
    with torch.inference_mode():
        times = round_times(nets, faces, rounds)
        counts = {position: gflop(net, faces) for position, net in nets.items()}
    rows = []
    for position in POSITIONS:
        ratio = times[position] / times["abs"]
        rows.append(
            {
                "size": size,
                "position": position,
                "batch": batch,
                "milliseconds": round(float(np.median(times[position])) * 1e3, 2),
                "ratio": round(float(np.median(ratio)), 4),
                "ratio_ci95": median_interval(ratio),
                "gflop": round(counts[position], 3),
                "gflop_published": PUBLISHED.get(size, {}).get(position),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--batch", type=int, default=2, help="faces in one forward: a pair is two")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    load = os.getloadavg()[0]
    rows = [row for size in args.sizes for row in measure(size, args.batch, args.rounds)]
    for r in rows:
        low, high = r["ratio_ci95"]
        verdict = "" if r["position"] != "kprpe" else "ok" if r["ratio"] <= LIMIT else f"OVER {LIMIT}"
        print(
            f"{r['size']:<6}{r['position']:<6}{r['milliseconds']:>9.2f} ms  x{r['ratio']:.3f} [{low:.3f}, {high:.3f}]"
            f"  {r['gflop']:.2f} GFLOP {verdict}"
        )
    args.json.parent.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine(), "load_before": load, "rounds": args.rounds, "limit": LIMIT, "rows": rows}
    args.json.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
