"""Findings in words. Every figure is one of the finding's, rounded to two digits behind the point."""

from __future__ import annotations

from collections.abc import Sequence

from explain.core.findings import letter
from explain.core.first_parts import FIRST_SETS, FirstParts
from explain.core.parts import PartValues

SMALL = 0.005
"""Below this a figure would be written as 0.00."""
TARGETS = {"similarity": "similarity", "logit": "log-odds", "score": "score"}
NAMES = {"outside": "what lies outside the face"}
PLURAL = ("cheeks",)
FIRST = f"First figures, from {len(FIRST_SETS)} of the 256 sets of parts: the exact ones follow."


def part_paragraph(findings: Sequence[PartValues]) -> str:
    """What the parts of every face are worth to the answer, as one paragraph.

    Args:
        findings: one a face (explain.methods.part_shapley.part_values).
    """
    return " ".join(part_sentences(found, f"face {letter(found.face).upper()}") for found in findings)


def part_sentences(found: FirstParts | PartValues, face: str) -> str:
    """What the parts of one face are worth: the answer without any, who carries it, who lowers it, what covering does.

    Args:
        face: what the face is called.
    """
    target = TARGETS.get(found.target, f"logit of {found.target}")
    said = [f"Of the {target} of {figure(found.whole)}, {figure(found.empty)} is there without any part of {face}."]
    order = [(found.parts[i], float(found.phi[i])) for i in (-abs(found.phi)).argsort(kind="stable")]
    raising = [(part, phi) for part, phi in order if phi >= SMALL]
    lowering = [(part, phi) for part, phi in order if phi <= -SMALL]
    little = [part for part, phi in order if abs(phi) < SMALL]
    if raising:
        first, *rest = raising
        listed = [f"{named(first[0])} {verb(first[0])} {first[1]:+.2f}", *(f"{named(p)} {v:+.2f}" for p, v in rest)]
        said.append(f"{capital(joined(listed))}.")
    if lowering:
        alone = len(lowering) == 1 and lowering[0][0] not in PLURAL
        against = joined([f"{named(p)} {v:+.2f}" for p, v in lowering])
        said.append(f"Against it {'counts' if alone else 'count'} {against}.")
    if little:
        said.append(f"Less than {SMALL} either way: {joined([named(p) for p in little])}.")
    return " ".join([*said, *_raised(found)])


def _raised(found: FirstParts | PartValues) -> list[str]:
    """A sentence about the part whose covering alone raises the answer most; none when no part's does."""
    best = max(found.parts, key=found.without)
    gain = found.without(best) - found.whole
    return [f"Covering {named(best)} alone raises it by {gain:.2f}."] if gain >= SMALL else []


def flip_sentence(found: PartValues, threshold: float | None = None) -> str:
    """The smallest set of parts whose covering turns the decision.

    Args:
        threshold: on the number that decides; by default the model's own.
    """
    flip = found.smallest_flip(threshold)
    if flip is None:
        return "No set of parts turns the decision when it is covered."
    parts = joined([named(part) for part in flip.parts])
    smaller = " No smaller set does." if len(flip.parts) > 1 else ""
    change = f"the {found.decided_by} goes from {figure(flip.before)} to {figure(flip.after)}"
    return f"Covering {parts} turns the decision: {change}.{smaller}"


def named(part: str) -> str:
    """A part with its article."""
    return NAMES.get(part, f"the {part}")


def figure(value: float) -> str:
    """Two digits behind the point; what rounds to nothing has no sign."""
    return f"{round(value, 2) or 0.0:.2f}"


def verb(part: str) -> str:
    """What a part does to the answer."""
    return "carry" if part in PLURAL else "carries"


def joined(words: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
