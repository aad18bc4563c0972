"""FaceModel: what every network here has in common, however many faces it answers about.

A network is cut where one face ends and the answer begins: `encode` sees one face, `answer` sees the codes.
That cut lets occlusion maps re-encode only the face that changed, and search encode a gallery once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from models.faces.face import FaceBatch, InputSpec
from models.outputs import ClassOutput, Output

Lenders = Mapping[str, tuple[str, str]]


class FaceModel(nn.Module):
    """A network that answers a question about one face or several.

    Attributes:
        name: registry name, set by create_model.
        spec: the aligned crop it wants.
        faces: how many faces one answer is about.
        threshold: on the score, the one its weight was shipped with, set by load_model; None for an untrained
            network, or one that answers with classes.
        cam_tap: name of the `features` tap that CAM methods use unless told otherwise.
        lenders: beginning of parameter names -> (weight, beginning of the names there) that may be the very same
            tensors: what is equal is not stored twice.
        rectified: `encode` is made of convolutions, affine maps, ReLU, pooling and sums, with a linear layer at its
            end: excitation backpropagation is defined on it.
    """

    name: str = ""
    spec: InputSpec
    faces: ClassVar[int]
    threshold: float | None = None
    cam_tap: str
    lenders: ClassVar[Lenders] = {}
    rectified: ClassVar[bool] = False

    @abstractmethod
    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """One face -> its code: (B, D) or (B, C, h, w).

        Args:
            image: (B, 3, size, size) RGB in [0, 1].
            keypoints: (B, 5, 2) in [0, 1] of the crop.
        """

    @abstractmethod
    def answer(self, *codes: Tensor) -> Output:
        """Codes of B groups of faces, one batch of codes a face -> the answer."""

    @abstractmethod
    def explained(self, output: Output) -> str:
        """The scalar of an answer that explainers differentiate unless told otherwise."""

    def watched(self, output: Output) -> str:
        """The scalar of an answer, a probability, that is watched while pixels are taken away."""
        return output.watching(self.explained(output))

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        """(B, h, w) numbers over the map of a tap -> the same over the aligned crop; any resolution.

        Nothing to do where the network sees the crop as it is.
        """
        return values

    def forward(self, *faces: FaceBatch) -> Output:
        """B groups of aligned faces, a batch a face -> the answer; all faces are encoded as one batch."""
        together = FaceBatch.cat(faces)
        return self.answer(*self.encode(together.image, together.keypoints).chunk(len(faces)))


class ClassModel(FaceModel):
    """A network that answers "which of these classes does this face show?".

    Attributes:
        classes: their names, in the order of the logits.
    """

    faces = 1
    classes: tuple[str, ...]

    @abstractmethod
    def classify(self, code: Tensor) -> Tensor:
        """Code -> (B, K) calibrated logits."""

    def embedding(self, code: Tensor) -> Tensor:
        """Code -> (B, D) unit vector."""
        return nn.functional.normalize(code.flatten(1), dim=1)

    def answer(self, *codes: Tensor) -> ClassOutput:
        (code,) = codes
        return ClassOutput(self.classify(code), self.classes, (self.embedding(code),))

    def explained(self, output: Output) -> str:
        """The logit of the leading class."""
        if not isinstance(output, ClassOutput):
            raise TypeError(f"an answer with classes is wanted, got {type(output).__name__}")
        return output.leading
