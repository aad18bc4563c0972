"""Example pairs, and the finished example a first visit shows: computed once by the code that serves everybody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from explain import Curve
from explain.core.measured import measured
from ui.shared import answering, evidence, offering
from ui.shared.answering import Answer
from ui.shared.evidence import Maps, Seen
from ui.shared.photos import FOLDER, Shot, example_shot

RECORDS = FOLDER.parents[1] / "benchmarks" / "results" / "examples.json"
_COMPUTING = Lock()


@dataclass(frozen=True)
class Example:
    """Two photos, who is on them, and what is known about the two.

    Attributes:
        known: what they are, in words: "sisters".
        names: of both people.
        a, b: file names in FOLDER.
        truth: task -> whether the right answer to its question is yes; a task that is not there has no right answer.
        task: of the weight that answers, where one is there.
    """

    known: str
    names: str
    a: str
    b: str
    truth: Mapping[str, bool]
    task: str = "kinship"

    def shots(self) -> tuple[Shot, Shot]:
        """Both photos with their faces."""
        return example_shot(self.a), example_shot(self.b)

    def weight(self) -> str | None:
        """The default weight where it fits the example's task; else the first that does, those first on which a method
        was measured as offering.SURE; without any the default; None when there is none at all."""
        default = answering.default_weight()
        fitting = [n for n in answering.pair_weights() if answering.sidecar(n).task == self.task]
        if default in fitting or not fitting:
            return default
        sure = (n for n in fitting if any(m.share >= offering.SURE for m in measured(n).values()))  # loads no network
        return next(sure, fitting[0])


RELATIVES = {"kinship": True, "verification": False}
STRANGERS = {"kinship": False, "verification": False}
ONE_PERSON = {"verification": True}
EXAMPLES = (
    Example("sisters", "Linda Sánchez and Loretta Sanchez", "sanchez_linda.jpg", "sanchez_loretta.jpg", RELATIVES),
    Example("father and daughter", "Dick and Liz Cheney", "cheney_dick.jpg", "cheney_liz.jpg", RELATIVES),
    Example("brothers", "Carl and Sander Levin", "levin_carl.jpg", "levin_sander.jpg", RELATIVES),
    Example("mother and son", "Carrie and Kendrick Meek", "meek_carrie.jpg", "meek_kendrick.jpg", RELATIVES),
    Example("father and son", "Birch and Evan Bayh", "bayh_birch.jpg", "bayh_evan.jpg", RELATIVES),
    Example("unrelated", "Grace Hopper and Loretta Sanchez", "hopper_1984.jpg", "sanchez_loretta.jpg", STRANGERS),
    Example("unrelated", "Barack Obama and Joe Biden", "obama_2012.jpg", "biden_2010.jpg", STRANGERS),
    Example(
        "the same person", "Barack Obama, 2012 and 2009", "obama_2012.jpg", "obama_2009.jpg", ONE_PERSON, "verification"
    ),
)
"""What the page offers; the first one is shown to every visitor."""


def example_of(a: Shot | None, b: Shot | None) -> Example | None:
    """The example that two photos are, in either order; None for all others, and where a face was placed by hand."""
    if a is None or b is None or a.chosen or b.chosen or not (a.marks[0].confidence and b.marks[0].confidence):
        return None
    asked = {a.path, b.path}
    return next((e for e in EXAMPLES if asked == {str(FOLDER / e.a), str(FOLDER / e.b)}), None)


@dataclass(frozen=True)
class Recorded:
    """What a weight answered about an example when `python -m benchmarks.examples` asked it.

    Attributes:
        weight, sha256: which weight, and the very file.
        score: its answer.
        agrees: is that the known truth?
    """

    weight: str
    sha256: str
    score: float
    agrees: bool


def recorded(example: Example) -> Recorded | None:
    """The recorded answer of the weight that answers an example; None where that very file was not asked."""
    found, weight = _records().get(f"{example.a} {example.b}"), example.weight()
    if found is None or weight is None or (found.weight, found.sha256) != (weight, answering.sidecar(weight).sha256):
        return None
    return found


@lru_cache(maxsize=1)
def _records() -> dict[str, Recorded]:
    """ "a b" -> what was recorded; empty without the file."""
    rows = json.loads(RECORDS.read_text())["examples"] if RECORDS.exists() else []
    return {row.pop("pair"): Recorded(**row) for row in rows}


@dataclass(frozen=True)
class Finished:
    """Everything the page shows about one pair before a folded part is opened."""

    a: Shot
    b: Shot
    answer: Answer
    seen: Seen
    maps: Maps
    curves: tuple[Curve, ...]


def finish(example: Example, weight: str) -> Finished:
    """Run an example through everything that is shown at once."""
    a, b = example.shots()
    answer, seen = evidence.answer_and_look(a, b, weight)
    method = offering.default_method(weight)
    maps = evidence.make_maps(a, b, weight, method, offering.default_layer(weight, method))
    return Finished(a, b, answer, seen, maps, evidence.curves(a, b, maps))


def first_example() -> Finished | None:
    """The finished first example; computed once, None when no weight can answer it."""
    with _COMPUTING:
        return _first_example()


@lru_cache(maxsize=1)
def _first_example() -> Finished | None:
    weight = EXAMPLES[0].weight()
    return finish(EXAMPLES[0], weight) if weight else None
