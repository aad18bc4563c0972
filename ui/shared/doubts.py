"""What the faces of an answer leave to doubt: warnings beside it, and no decision where a face is too poor for one."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from models import PhotoError
from models.faces.quality import LIMITS, Quality
from ui.shared.photos import Shot


@dataclass(frozen=True)
class Doubts:
    """About all faces of an answer.

    Attributes:
        warnings: what may spoil it: "photo A: small face".
        spoilt: why nothing is decided: "blurred face in photo A"; empty where something is.
    """

    warnings: tuple[str, ...] = ()
    spoilt: tuple[str, ...] = ()

    def big(self, text: str) -> str:
        """A number, loud only where something is decided by it."""
        return f"<div class='ks-big{' ks-quiet' if self.spoilt else ''}'>{text}</div>"

    def decision(self, text: str, what: str = "Decision") -> str:
        """The bold line of an answer, or why there is none.

        Args:
            text: HTML.
            what: is withheld.
        """
        if not self.spoilt:
            return f"<div class='ks-decision'>{text}</div>"
        return f"<div class='ks-withheld'>{escape(what)} withheld: {escape(', '.join(self.spoilt))}.</div>"

    @property
    def listed(self) -> str:
        """The warnings, and by which rule nothing was decided; "" without any."""
        if not self.warnings:
            return ""
        items = "".join(f"<li>{escape(words)}</li>" for words in self.warnings)
        rule = f"<p class='ks-protocol'>Nothing is decided by a face with {escape(LIMITS)}.</p>" if self.spoilt else ""
        return f"<ul class='ks-warnings' aria-label='warnings about the faces'>{items}</ul>{rule}"


NONE = Doubts()


def about(*faces: tuple[str, Shot | None], partial: bool = False) -> Doubts:
    """The doubts about the chosen faces of photos.

    Args:
        faces: what each photo is called, and the photo; one that is no longer there is passed over.
        partial: a face may be cut by the border: that is what is asked about.
    """
    measured = []
    for name, shot in faces:
        try:
            measured += [(name, shot.quality())] if shot else []
        except PhotoError:  # what asks about it next says so
            continue
    return of(*measured, partial=partial)


def of(*faces: tuple[str, Quality], partial: bool = False) -> Doubts:
    """As about, for faces that were measured."""
    warned: dict[str, list[str]] = {}
    spoilt = []
    for name, quality in faces:
        for words in quality.warnings:
            if not _cut(words, partial):
                warned.setdefault(_short(words), []).append(name)
        poor = [words for words in quality.spoilt if not _cut(words, partial)]
        spoilt += [f"{', '.join(poor)} in {name}"] if poor else []
    return Doubts(tuple(f"{' and '.join(names)}: {words}" for words, names in warned.items()), tuple(spoilt))


def _short(words: str) -> str:
    """Without what follows from it, which the note under the photo says."""
    return words if words.startswith("uncertain") else words.partition(":")[0]


def _cut(words: str, partial: bool) -> bool:
    return partial and "border" in words


def join(*parts: Doubts) -> Doubts:
    """All of them as one."""
    return Doubts(tuple(w for p in parts for w in p.warnings), tuple(s for p in parts for s in p.spoilt))
