"""Faces in, one answer out, with the evidence it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.face_model import FaceModel
from models.faces.face import Face, FaceBatch
from models.outputs import ClassOutput, Output, PairOutput
from models.taps import record


@dataclass(frozen=True)
class Result:
    """One answer with the evidence it was made of.

    Attributes:
        model: the network that answered (in eval mode).
        faces: the aligned faces it saw, batches of one, in the order they were given.
        output: of B = 1; carries the autograd graph when predict(grad=True).
        evidence: tap name -> tensor as it flowed. Rows of per-face taps are the faces in order; rows of per-pair
            taps are (first -> second, second -> first).
    """

    model: FaceModel
    faces: tuple[FaceBatch, ...]
    output: Output
    evidence: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def explained(self) -> str:
        """The scalar of the answer that explainers differentiate unless told otherwise."""
        return self.model.explained(self.output)

    @property
    def watched(self) -> str:
        """The scalar of the answer, a probability, that is watched while pixels are taken away."""
        return self.model.watched(self.output)

    def scalar(self, name: str) -> float:
        """A scalar of the answer as a number. Raises ValueError: an unknown name."""
        return float(self.output.scalar(name).detach()[0])

    @property
    def pair(self) -> PairOutput:
        """The answer about two faces. Raises TypeError where the model answers about another number of faces."""
        if not isinstance(self.output, PairOutput):
            raise TypeError(f"{self.model.name or type(self.model).__name__} does not compare two faces")
        return self.output

    @property
    def probabilities(self) -> dict[str, float]:
        """Class -> probability. Raises TypeError where the model answers with a decision."""
        if not isinstance(self.output, ClassOutput):
            raise TypeError(f"{self.model.name or type(self.model).__name__} does not answer with classes")
        return dict(zip(self.output.classes, self.output.probabilities.detach()[0].tolist(), strict=True))

    @property
    def score(self) -> float:
        """The probability that is watched: of a pair, calibrated, mean over both orders; else of the leading class."""
        return self.scalar(self.watched)

    @property
    def score_ab(self) -> float:
        """Calibrated probability with the first face first."""
        return float(self.pair.logit.detach().sigmoid()[0, 0])

    @property
    def score_ba(self) -> float:
        """Calibrated probability with the second face first."""
        return float(self.pair.logit.detach().sigmoid()[0, 1])

    @property
    def similarity(self) -> float:
        """Cosine of the two embeddings, in [-1, 1]."""
        return float(self.pair.similarity.detach()[0])


def aligned_for(model: FaceModel, face: Face | FaceBatch) -> FaceBatch:
    """A face as this model takes it, on the model's device.

    Raises:
        TypeError: neither a Face nor a FaceBatch.
    """
    if not isinstance(face, (Face, FaceBatch)):
        raise TypeError(
            f"a face is wanted (detect_faces(open_photo(path))[0], or an aligned FaceBatch), got {type(face).__name__}"
        )
    batch = face.aligned(model.spec) if isinstance(face, Face) else face
    return batch.to(next(model.parameters()).device)


def predict(model: FaceModel, *faces: Face | FaceBatch, grad: bool = False) -> Result:
    """Answer about the faces and keep the evidence the answer was made of.

    Args:
        model: from load_model, in eval mode.
        faces: as many as the model answers about; faces, or aligned batches of one.
        grad: keep the autograd graph, so that explainers can differentiate the answer with respect to the
            evidence and to the input pixels.

    Returns:
        Result. The answer is the same bit for bit with and without `grad`.

    Raises:
        TypeError: something that is no model, or no face.
        ValueError: another number of faces, or a batch that is not of one.
    """
    if not isinstance(model, FaceModel):
        raise TypeError(f"a model is wanted first (load_model(name)), got {type(model).__name__}")
    if len(faces) != model.faces:
        raise ValueError(f"{model.name or 'this model'} answers about {model.faces} face(s), got {len(faces)}")
    aligned = [aligned_for(model, face) for face in faces]
    if any(len(batch) != 1 for batch in aligned):
        raise ValueError(f"predict gives one answer, got batches of {', '.join(str(len(b)) for b in aligned)}")
    if grad:  # parameters are frozen: the graph starts at the pixels
        aligned = [f.with_image(f.image.detach().clone().requires_grad_(True)) for f in aligned]
    with record() as evidence, torch.set_grad_enabled(grad):
        output = model(*aligned)
    return Result(model, tuple(aligned), output, evidence)
