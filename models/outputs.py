"""What models answer about faces: a decision about two, or classes of one. Both give numbers that can be explained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor


class Output(ABC):
    """An answer about B groups of faces.

    Attributes:
        embeddings: one (B, D) tensor of unit vectors a face.
    """

    embeddings: tuple[Tensor, ...]

    @property
    @abstractmethod
    def scalars(self) -> tuple[str, ...]:
        """Names of the numbers that explainers may be asked about."""

    @abstractmethod
    def scalar(self, name: str) -> Tensor:
        """(B,) one of `scalars`, with its graph.

        Raises:
            ValueError: another name; the message lists the known ones.
        """

    @abstractmethod
    def watching(self, name: str) -> str:
        """The scalar, a probability, that tells how far the answer `name` holds: it is watched while pixels go.

        Raises:
            ValueError: as scalar.
        """

    def unknown(self, name: str) -> ValueError:
        """The error for a name that is no scalar."""
        return ValueError(f"no answer {name!r}; there are: {', '.join(self.scalars)}")


@dataclass(frozen=True)
class PairOutput(Output):
    """What a model answers about B pairs.

    Attributes:
        logit: (B, 2) calibrated log-odds, column 0 for (first, second) and column 1 for (second, first).
        similarity: (B,) cosine of the two embeddings, in [-1, 1].
        embeddings: (B, D) unit vectors of the first and of the second face.
    """

    logit: Tensor
    similarity: Tensor
    embeddings: tuple[Tensor, ...]

    @property
    def score(self) -> Tensor:
        """(B,) calibrated probability: the mean over both orders of the pair."""
        return self.logit.sigmoid().mean(1)

    @property
    def scalars(self) -> tuple[str, ...]:
        return "similarity", "logit", "score"

    def scalar(self, name: str) -> Tensor:
        """(B,): the cosine, the log-odds (mean over both orders), or the score."""
        if name == "logit":
            return self.logit.mean(1)
        if name not in self.scalars:
            raise self.unknown(name)
        found: Tensor = getattr(self, name)
        return found

    def watching(self, name: str) -> str:
        """The score, whatever is explained."""
        if name not in self.scalars:
            raise self.unknown(name)
        return "score"


@dataclass(frozen=True)
class ClassOutput(Output):
    """What a model answers about B faces: a probability a class.

    Attributes:
        logits: (B, K) calibrated logits.
        classes: their K names.
        embeddings: (B, D) unit vectors of the face.
    """

    logits: Tensor
    classes: tuple[str, ...]
    embeddings: tuple[Tensor, ...]

    @property
    def probabilities(self) -> Tensor:
        """(B, K), rows add up to 1."""
        return self.logits.softmax(1)

    @property
    def leading(self) -> str:
        """The most probable class of the first row."""
        return self.classes[int(self.logits[0].detach().argmax())]

    @property
    def scalars(self) -> tuple[str, ...]:
        return self.classes

    def scalar(self, name: str) -> Tensor:
        """(B,): the logit of a class; "X - Y", the difference of two; "P(X)", the probability of one; "P(X - Y)", that
        of X if only X and Y were left."""
        if name.startswith("P(") and name.endswith(")"):
            inner = name[2:-1]
            if inner in self.classes:
                return self.probabilities[:, self.classes.index(inner)]
            return self._logit(inner).sigmoid()
        return self._logit(name)

    def _logit(self, name: str) -> Tensor:
        if name in self.classes:
            return self.logits[:, self.classes.index(name)]
        first, minus, second = name.partition(" - ")
        if not (minus and {first, second} <= set(self.classes)):
            raise self.unknown(name)
        return self._logit(first) - self._logit(second)

    def watching(self, name: str) -> str:
        """ "P(X)" for class X, "P(X - Y)" for a difference."""
        watched = name if name.startswith("P(") else f"P({name})"
        self.scalar(watched)
        return watched
