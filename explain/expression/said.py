"""What a network says of faces: shares of ten people's votes, in numbers and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from explain.core.words import capital
from explain.expression.circumplex import Affect, affect
from models.expressions import EXPRESSIONS
from models.faces.face import FaceBatch
from models.outputs import ClassOutput
from models.running import step
from models.weights import WeightError, load_model

if TYPE_CHECKING:  # a page is there before a network is: its imports take a second
    from models.nets.expression import Expression

TASK = "expression"
AGREED, SPREAD = 0.25, 0.6
"""Normalised entropy below which nearly all agree, and above which nobody does."""
SECOND, BOTH = 0.2, 0.75
"""Votes are split between two classes where the second has this share, and both together that."""
NEARLY_ALL = 0.95
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Said:
    """The answer about one face.

    Attributes:
        shares: of the votes, in the order of EXPRESSIONS; they add up to 1.
        majority: the probability that more people name this class than any other, in the same order.
    """

    shares: tuple[float, ...]
    majority: tuple[float, ...]

    @property
    def by_name(self) -> dict[str, float]:
        """Class -> share."""
        return dict(zip(EXPRESSIONS, self.shares, strict=True))

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """(class, share), the largest first."""
        return sorted(self.by_name.items(), key=lambda item: -item[1])

    @property
    def leading(self) -> str:
        """The class with the largest share."""
        return self.ranked[0][0]

    @property
    def split(self) -> float:
        """Entropy of the shares over that of equal ones: 0 where all agree, 1 where every class has as many."""
        return -sum(p * math.log(p) for p in self.shares if p > 0) / math.log(len(self.shares))

    @property
    def affect(self) -> Affect:
        """Valence and arousal, derived from the shares."""
        return affect(self.by_name)

    def wins(self, name: str) -> float:
        """The probability that more people name this class than any other. Raises ValueError: no such class."""
        return self.majority[EXPRESSIONS.index(name)]


def load_expression(name: str) -> Expression:
    """A weight that tells expressions. Raises WeightError: no such weight, or one that answers something else."""
    from models.nets.expression import Expression

    model = load_model(name)
    if not isinstance(model, Expression):
        raise WeightError(f"{name} does not tell expressions.")
    return model


def said_of(model: Expression, output: ClassOutput) -> list[Said]:
    """The B answers of an output."""
    logits = output.logits.detach()
    shares, majority = output.probabilities.detach(), model.majority(logits)
    return [Said(tuple(s), tuple(m)) for s, m in zip(shares.tolist(), majority.tolist(), strict=True)]


def ask(model: Expression, faces: Sequence[FaceBatch]) -> list[Said]:
    """Aligned faces, batches of one, in one forward pass -> an answer each.

    Raises:
        ValueError: no face.  BusyError, TooLongError: as models.running.step.
    """
    if not faces:
        raise ValueError("there is no face to ask about")
    step()
    together = FaceBatch.cat(faces).to(next(model.parameters()).device)
    with torch.no_grad():
        output = model(together)
    return said_of(model, output)


def sentence(said: Said) -> str:
    """The answer for people: "Most likely happiness. Of ten people, about eight would say so, one neutral."."""
    (first, share), *others = said.ranked
    rest = [f"{_of_ten(p)} {name}" for name, p in others[:2] if round(10 * p)]
    most = "nearly all" if share >= NEARLY_ALL else f"about {_of_ten(share)}"
    named = ", ".join([f"{most} would say so", *rest])
    return f"Most likely {first}. Of ten people, {named}."


def _of_ten(share: float) -> str:
    return NUMBERS[round(10 * share)]


def split_words(said: Said) -> str:
    """How far people agree: by the normalised entropy, and by the two largest shares."""
    (first, most), (second, next_most) = said.ranked[:2]
    if said.split < AGREED:
        return "nearly all agree"
    if next_most >= SECOND and most + next_most >= BOTH:
        return f"split between {first} and {second}"
    return "most agree" if said.split <= SPREAD and most >= 0.5 else "no agreement"


def change_sentence(bare: Said, covered: Said, what: str) -> str:
    """What covering did to the answer.

    Args:
        what: that is covered, in words: "the mouth".
    """
    name = bare.leading
    before, after = (f"{10 * s.by_name[name]:.1f}" for s in (bare, covered))
    moved = f"{capital(name)} goes from {before} to {after} of ten votes with {what} covered"
    if covered.leading == name:
        return f"{moved}; it still leads."
    return f"{moved}; now {covered.leading} leads with {10 * covered.ranked[0][1]:.1f}."
