"""Attacks and load on the running app, in the long form: `python -m benchmarks.hostile [--only NAME ...] [--short]`.

Each check starts the app in a process of its own. Its figures go into benchmarks/results/hostile.json, with machine,
commit, date and seeds, and from there into the table of docs/security.md; those of the other checks stay. The short
form shows that a check works: it is printed, and written only where --json says.
Memory is the resident memory of the app and its children.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.hostile.crowd import clients, joins
from benchmarks.hostile.figures import origin
from benchmarks.hostile.files import files
from benchmarks.hostile.large import large
from benchmarks.hostile.page import PAGE, RESULTS, page
from benchmarks.hostile.soak import soak

CHECKS: dict[str, Callable[[bool], dict[str, Any]]] = {
    "joins": joins,
    "large": large,
    "clients": clients,
    "files": files,
    "soak": soak,
}


def measure(name: str, short: bool) -> dict[str, Any]:
    """One check -> what stands in the JSON about it."""
    about = origin()
    found = CHECKS[name](short)
    return {**found, "figures": [figure.row() for figure in found["figures"]], **about}


def enter(name: str, found: dict[str, Any], results: Path) -> None:
    """Put one check's figures into the JSON, in the order of CHECKS."""
    known = json.loads(results.read_text()) if results.exists() else {}
    known[name] = found
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps({n: known[n] for n in CHECKS if n in known}, indent=1) + "\n")


def main() -> int:
    """Run; 0 when every figure is within its limit, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS), metavar="NAME")
    parser.add_argument("--short", action="store_true", help="a minute in all, to see that the checks work")
    parser.add_argument("--json", type=Path, help=f"default: {RESULTS.relative_to(PAGE.parents[1])}, none with --short")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the app too
    target, over = args.json or (None if args.short else RESULTS), 0
    for name in args.only:
        found = measure(name, args.short)
        show(name, found)
        over += sum(not row["holds"] for row in found["figures"])
        if target:
            enter(name, found, target)
        if target == RESULTS:
            PAGE.write_text(page())
    return int(over > 0)


def show(name: str, found: dict[str, Any]) -> None:
    """Print a check's figures."""
    print(f"{name}: {found['what']}")
    for row in found["figures"]:
        limit = "" if row["limit"] is None else f"  (limit {row['limit']:g}) {'ok' if row['holds'] else 'OVER'}"
        print(f"  {row['what']:<48}{row['value']:>10g} {row['unit']}{limit}")
    for said, number in found["words"].items():
        print(f"  {number:>6} x {said}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
