"""The command line of a benchmark that measures one weight after another and keeps those of others in its file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from training.data.sets import data_root


@dataclass(frozen=True)
class Benchmark:
    """One such command.

    Attributes:
        module: what stands after `python -m`.
        about: for --help.
        models: weights that are measured unless others are named.
        pairs: of either kind, unless another number is given.
        results: the file.
        write: puts the file's report on its page.
        facts: what the report says beside the weights.
    """

    module: str
    about: str
    models: Sequence[str]
    pairs: int
    results: Path
    write: Callable[[Mapping[str, Any]], None]
    facts: Mapping[str, Any]

    def parser(self) -> argparse.ArgumentParser:
        """Its arguments; a command may add its own."""
        parser = argparse.ArgumentParser(
            prog=f"python -m {self.module}",
            description=self.about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--models", nargs="+", default=self.models, metavar="NAME")
        parser.add_argument("--pairs", type=int, default=self.pairs, help="of either kind; twice as many single faces")
        parser.add_argument("--data", type=Path, help="folder of the research data; KINSIGHT_DATA unless given")
        parser.add_argument("--out", type=Path, default=self.results)
        return parser

    def parse(self, arguments: Sequence[str] | None, parser: argparse.ArgumentParser | None = None) -> Any:
        """What was asked. Ends the program where it cannot be done."""
        parser = parser or self.parser()
        asked = parser.parse_args(arguments)
        if asked.pairs < 2:
            parser.error("--pairs must be at least 2")
        return asked

    def run(self, asked: argparse.Namespace, measured: Callable[[str, int, Path], dict[str, Any]]) -> None:
        """Measure each weight (its name, pairs of either kind, the data), write after each, and the page at the end."""
        weights = json.loads(asked.out.read_text())["weights"] if asked.out.exists() else {}
        for weight in asked.models:
            weights[weight] = measured(weight, asked.pairs, data_root(asked.data))
            report = {"command": f"python -m {self.module}", "date": date.today().isoformat(), **self.facts}
            asked.out.write_text(json.dumps({**report, "weights": dict(sorted(weights.items()))}, indent=1) + "\n")
        if asked.out == self.results:
            self.write(json.loads(self.results.read_text()))
