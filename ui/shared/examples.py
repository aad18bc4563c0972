"""Example pairs, and the finished example a first visit shows: computed once by the code that serves everybody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from explain import Curve, RegionDrops
from ui.shared import answering, evidence
from ui.shared.answering import Answer
from ui.shared.evidence import Maps, Seen
from ui.shared.photos import Shot, take

FOLDER = Path(__file__).resolve().parent.parent / "examples"
_COMPUTING = Lock()


@dataclass(frozen=True)
class Example:
    """Two photos and the task they show.

    Attributes:
        label: for its button.
        a, b: file names in FOLDER.
        task: of the weight that answers, where one is there.
    """

    label: str
    a: str
    b: str
    task: str

    def shots(self) -> tuple[Shot, Shot]:
        """Both photos with their faces."""
        return take(str(FOLDER / self.a)), take(str(FOLDER / self.b))

    def weight(self) -> str | None:
        """The first weight of the example's task, else the default one; None when there is none at all."""
        names = answering.pair_weights()
        fitting = [n for n in names if answering.sidecar(n).task == self.task]
        default = answering.default_weight()
        return default if default in fitting else next(iter(fitting), default)


EXAMPLES = (
    Example("Two unrelated people", "obama_2012.jpg", "biden_2010.jpg", "kinship"),
    Example("Same person, two photos", "obama_2012.jpg", "obama_2009.jpg", "verification"),
)


@dataclass(frozen=True)
class Finished:
    """Everything the page shows about one pair."""

    a: Shot
    b: Shot
    answer: Answer
    seen: Seen
    maps: Maps
    drops: tuple[RegionDrops, ...]
    curves: tuple[Curve, ...]


def finish(example: Example, weight: str) -> Finished:
    """Run an example through everything."""
    a, b = example.shots()
    answer, seen = evidence.answer_and_look(a, b, weight)
    method = evidence.default_method(weight)
    maps = evidence.make_maps(a, b, weight, method, evidence.default_layer(weight, method))
    drops = evidence.occlude_regions(a, b, weight)
    return Finished(a, b, answer, seen, maps, drops, evidence.curves(a, b, maps))


def first_example() -> Finished | None:
    """The finished first example; computed once, None when no weight can answer it."""
    with _COMPUTING:
        return _first_example()


@lru_cache(maxsize=1)
def _first_example() -> Finished | None:
    weight = EXAMPLES[0].weight()
    return finish(EXAMPLES[0], weight) if weight else None
