"""What the models answer about the page's own examples: `python -m benchmarks.examples`.

Writes benchmarks/results/examples.json: of each example its weight, score, and whether the answer agrees with what is
known about the two people. The page's gallery reads it, so that no example is called right or wrong by hand. The
figures say nothing about accuracy: eight pairs, chosen for variety.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from ui.shared import answering
from ui.shared.examples import EXAMPLES, RECORDS, Example, Recorded


def record(example: Example) -> Recorded:
    """Ask the weight that answers an example.

    Raises:
        WeightError: there is none.
    """
    weight = str(example.weight())
    row = answering.sidecar(weight)
    score = answering.answer(*example.shots(), weight).score
    return Recorded(weight, row.sha256, score, (score >= row.rule.threshold) == example.truth[row.task])


def main() -> None:
    rows = []
    for example in EXAMPLES:
        found = record(example)
        rows.append({"pair": f"{example.a} {example.b}", **asdict(found)})
        print(f"{example.known:<22}{example.names:<36}{found.weight:<14}{found.score:.3f} {found.agrees}")
    RECORDS.write_text(json.dumps({"examples": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
