"""What every evaluation task gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from models.face_model import FaceModel
from models.faces.partial_crops import FACTORS
from models.nets.expression import Expression
from models.pair import PairModel
from models.registry import as_pair, create_model, entry
from models.weights import Decision, OperatingPoints, Sidecar, WeightError, file_sha256

CHOICE = "of several faces the one nearest the image centre is taken"
RAW = (
    f"raw photos, detection and alignment included ({CHOICE}; without a detectable face the largest central square is "
    "taken for an ArcFace-framed crop)"
)


@dataclass(frozen=True)
class Setup:
    """What a task gets.

    Attributes:
        network, sidecar: the trained model and what is known of it.
        data: --data as given, None to look for it.
        pairs: --pairs, for the task "pairs".  triplets: --triplets, for "tri".  images: --images, for either list.
        factors, limit, maps: of the task "partial_lfw": sizes of the parts, how many of the pairs (0: all), whether
            to look at the part maps.
    """

    network: FaceModel
    sidecar: Sidecar
    data: Path | None = None
    pairs: Path | None = None
    triplets: Path | None = None
    images: Path | None = None
    factors: tuple[float, ...] = FACTORS
    limit: int = 0
    maps: bool = False

    @property
    def model(self) -> PairModel:
        """The network of a task about two faces. Raises TypeError where it answers about another number."""
        return as_pair(self.network)

    @property
    def expression(self) -> Expression:
        """The network of a task about expressions. Raises ValueError where it answers about something else."""
        if not isinstance(self.network, Expression):
            raise ValueError(f"{self.sidecar.name} does not answer about expressions")
        return self.network


def from_run(name: str, state: Path) -> tuple[FaceModel, Sidecar]:
    """A network of a run that was not exported, such as a distilled backbone: its embedding is all that is trained.

    Its config is that of model.json beside the file, where the recipe wrote one.

    Raises:
        WeightError: the file is missing or does not fit the network.
    """
    facts = state.with_suffix(".json")
    config = json.loads(json.loads(facts.read_text()).get("config", "{}")) if facts.exists() else {}
    model = create_model(name, **config)
    try:
        model.load_state_dict(load_file(state))
    except (OSError, RuntimeError) as error:
        raise WeightError(f"{state} cannot be used as {name}: {error}") from error
    sidecar = Sidecar(
        name=f"{state.parent.name}/{state.stem}",
        model=name,
        config=config,
        sha256=file_sha256(state),
        task=entry(name).task if model.faces == 1 else "embedding",
        licence="",
        command="",
        git_commit="",
        seed=None,
        data=[],
        decision=None if model.faces == 1 else Decision(0.5, "none", OperatingPoints([], [], [], "none")),
        versions={"torch": torch.__version__},
    )
    return model.eval().requires_grad_(False), sidecar
