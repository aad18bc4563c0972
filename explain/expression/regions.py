"""What each region of a face is worth to every class: one region after another taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from explain.core.covering import covered_readings
from explain.core.findings import RegionDrops, check, check_array
from explain.core.words import capital, joined
from models.expressions import EXPRESSIONS
from models.faces.regions import REGIONS, region_masks
from models.outputs import ClassOutput, Output
from models.predict import Result

APART = " - "
"""Between two classes in the name of a scalar: their difference."""
SMALL = 0.01
"""Moves of a share below this are not told one by one."""


@dataclass(frozen=True)
class RegionShares:
    """Shares of the votes with each region covered.

    Attributes:
        regions: R names.
        shares: (R, 8) float32, rows add up to 1, columns in the order of EXPRESSIONS.
        whole: (8,) float32, nothing covered.
        fill: what stands where pixels are taken away.

    Raises:
        ValueError: shapes that do not agree.
    """

    regions: tuple[str, ...]
    shares: np.ndarray
    whole: np.ndarray
    fill: str

    def __post_init__(self) -> None:
        check_array("shares", self.shares, 2)
        check_array("whole", self.whole, 1)
        check(self.shares.shape == (len(self.regions), len(self.whole)), "a row a region, a column a class")

    def of(self, target: str) -> tuple[float, np.ndarray]:
        """A target's number with nothing covered, and (R,) with each region covered; see `read`."""
        return float(read(self.whole[None], target)[0]), read(self.shares, target)

    def drops(self, target: str) -> RegionDrops:
        """What covering each region takes from a target's number."""
        whole, left = self.of(target)
        return RegionDrops(self.regions, (whole - left).astype(np.float32), 0, self.fill, whole, number_words(target))


def read(shares: np.ndarray, target: str) -> np.ndarray:
    """(N, 8) shares -> (N,): the share of a class, or for "X - Y" the share of X among both.

    Raises:
        ValueError: an unknown class.
    """
    first, _, second = target.partition(APART)
    named = [name for name in (first, second) if name]
    unknown = [name for name in named if name not in EXPRESSIONS]
    if unknown or not named:
        raise ValueError(f"no class {(unknown or [target])[0]!r}; there are: {', '.join(EXPRESSIONS)}")
    columns = [EXPRESSIONS.index(name) for name in named]
    if len(columns) == 1:
        return shares[:, columns[0]]
    both = shares[:, columns]
    return both[:, 0] / np.maximum(both.sum(1), 1e-12)


def number_words(target: str) -> str:
    """What `read` reads, in words."""
    first, _, second = target.partition(APART)
    return f"share of {first} among {first} and {second}" if second else f"share of {first}"


def region_shares(result: Result, fill: str = "blur") -> RegionShares:
    """Every class's share with one region after another covered.

    Raises:
        ValueError: an unknown fill.  TypeError: the model does not answer with classes.
    """
    own = result.faces[0]
    masks = region_masks(own.keypoints[0].detach().cpu().numpy(), own.image.shape[-1])
    stack = torch.from_numpy(np.stack([masks[name] for name in REGIONS]))
    shares = covered_readings(result, 0, stack, fill=fill, read=_probabilities).numpy()
    whole = np.array(list(result.probabilities.values()), np.float32)
    return RegionShares(REGIONS, shares, whole, fill)


def _probabilities(output: Output) -> torch.Tensor:
    if not isinstance(output, ClassOutput):
        raise TypeError("a model that answers with classes is wanted")
    return output.probabilities


def region_sentences(found: RegionShares, target: str) -> str:
    """One paragraph: the target's number, what covering each region leaves of it, and what would lead then."""
    whole, left = found.of(target)
    said = [f"{capital(_the_number(target))} is {_percent(whole)} with nothing covered."]
    order = sorted(range(len(left)), key=lambda i: -abs(whole - float(left[i])))
    told = [i for i in order if abs(whole - float(left[i])) >= SMALL]
    if told:
        first, *rest = [(f"the {found.regions[i]}", _percent(float(left[i]))) for i in told]
        parts = [f"{first[0]} makes it {first[1]}", *(f"{region} {share}" for region, share in rest)]
        said.append(f"Covering {joined(parts)}.")
    if len(told) < len(left):
        few = [f"the {found.regions[i]}" for i in order if i not in told]
        said.append(f"Less than one percentage point either way: {joined(few)}.")
    return " ".join([*said, *_leaders(found)])


def _the_number(target: str) -> str:
    return f"the {number_words(target)}"


def _leaders(found: RegionShares) -> list[str]:
    """A sentence for each region without which another class would lead."""
    first = int(found.whole.argmax())
    turned = [(r, int(row.argmax()), float(row.max())) for r, row in zip(found.regions, found.shares, strict=True)]
    return [
        f"Without the {region} {EXPRESSIONS[i]} would lead with {_percent(share)}."
        for region, i, share in turned
        if i != first
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if 0.005 <= share <= 0.995 else f"{100 * share:.1f} %"
