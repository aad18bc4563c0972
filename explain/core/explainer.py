"""A row of the table of explainers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from explain.core.findings import Heatmap
from models.predict import Result

ANY = ("*",)
"""As targets: every scalar the answer has."""
EMPTY = "This map holds nothing: no value reaches the noise floor."
AT_MAXIMUM = 1 - 1e-5
"""A cosine above this is at its maximum, but for rounding."""


@dataclass(frozen=True)
class Explainer:
    """One way to explain an answer.

    Attributes:
        label: what people type; the key in EXPLAINERS.
        title: for pickers.
        run: (result, **options) -> a heatmap a face.
        needs: what the model must give, all of it: kinds of taps (models/taps.py), "pair" where it compares two faces,
            "places" where it can tell log-odds by place (models.pair.Placed), "rectified" where excitation is defined
            on it (models.face_model.FaceModel).
        grad: the result must come from predict(grad=True).
        signed: values below zero mean something.
        caption: what the map is, and what it does not show.
        reads: what of the model's run it is made of, in a few words.
        targets: scalars of the answer that it can explain; ANY for all, empty when it looks at none.
        layers: tap kind that the option `layer` chooses from; empty when it has no such option.
        options: names of its further options.
        refine: the same call, from coarse maps to fine ones, of a method that samples; the last are those of `run`.
    """

    label: str
    title: str
    run: Callable[..., tuple[Heatmap, ...]]
    needs: frozenset[str]
    grad: bool
    signed: bool
    caption: str
    reads: str
    targets: tuple[str, ...] = ANY
    layers: str = ""
    options: tuple[str, ...] = ()
    refine: Callable[..., Iterator[tuple[Heatmap, ...]]] | None = None

    def told(self, heatmap: Heatmap, result: Result) -> Heatmap:
        """The heatmap; one that holds nothing says so in its caption, and why where that is known."""
        if not heatmap.empty:
            return heatmap
        why = ""
        if self.grad and len(result.faces) == 2 and result.similarity > AT_MAXIMUM:
            why = " The cosine of the two faces is at its maximum, where its gradient is zero."
        return replace(heatmap, caption=f"{EMPTY}{why} {heatmap.caption}")
