"""What the app offers to programs, given the weights that are there."""

from __future__ import annotations

from ui.attention import answers as arms
from ui.keypoints import answers as following
from ui.partial import answers as parting
from ui.shared.answering import trained

ENDPOINTS: dict[str, tuple[str, ...]] = {
    "kin_score": (),
    "kin_parts": (),
    "tri_score": (),
    "kin_search": (),
    "compare_attention": arms.NEEDS,
    "moved_face": following.MODELS,
    "partial_face": parting.NEEDS,
    "face_expression": ("expression",),
}
"""Endpoint -> models that it cannot do without."""


def public_endpoints() -> list[str]:
    """Names, in the order in which the app registers them."""
    return [name for name, needs in ENDPOINTS.items() if trained(needs)]
