"""What the tab Partial face says besides its answers: names of the presets, how to edit, what it does not show."""

from __future__ import annotations

from models.faces.partial_crops import LANDMARKS, WHOLE

LABELS = {WHOLE: "Whole face", "sunglasses": "In sunglasses", "mask": "In a mask"}
LABELS |= {part: f"Around the {part}" for part in LANDMARKS}
"""The protocol's windows go around a point of the face: larger ones show more than its name."""
HOW = "**Photo 2, aligned.** Brush: hide. Eraser: take back. Image, then crop: hide all around."
LIMITS = """
- **Hidden is not absent.** Hidden pixels become the grey of the published protocol, which the method's two networks met
  in training. Another fill would give other scores.
- **An importance** says how strongly a part's map was weighed in the embedding, not whether it helped the answer; the
  method keeps importances close together, so small moves are what there is to see.{figures}
- **The reference encoder** was never trained on partial faces: it is here to show what that costs. In its own crop it
  sees a little more chin than the 160 px crop has; what lies beyond the edge is hidden when the edge is.
- **Sunglasses and mask** are drawn, and their soft shadow reaches the two networks of the method only.
- **One pair is no measurement.** How often parts of faces are recognised is measured on LFW: see the tab Models.
"""
