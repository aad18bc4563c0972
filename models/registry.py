"""The literal table of models: name -> where the class is, how it is configured, what it is for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from models.entry import Entry
from models.face_model import FaceModel
from models.pair import PairModel
from models.published import PUBLISHED

# The first single network of a task is the default everywhere (models/weights.default_model). Kinship, AUC on held-out
# training families: edgeface_kin .8742, facor .8698, svit .8666, dlib_kin .8495.
MODELS: dict[str, Entry] = {
    "dlib_resnet": Entry(
        "models.nets.dlib_resnet:DlibResnet",
        "models.nets.dlib_resnet:DlibResnetConfig",
        "verification",
        "Reference encoder",
        "dlib's public-domain face descriptor network, ported exactly: is it the same person?",
    ),
    "edgeface": Entry(
        "models.nets.edgeface:EdgeFace",
        "models.nets.edgeface:EdgeFaceConfig",
        "verification",
        "EdgeFace XS",
        "A small encoder trained on millions of web faces, converted from its public weights: is it the same person?",
    ),
    "edgeface_kin": Entry(
        "models.nets.edgeface:EdgeFace",
        "models.nets.edgeface:EdgeFaceConfig",
        "kinship",
        "EdgeFace XS, fine-tuned",
        "EdgeFace, fine-tuned end to end on Families In the Wild: are they blood relatives?",
    ),
    "dlib_kin": Entry(
        "models.nets.dlib_kin:DlibKin",
        "models.nets.dlib_kin:DlibKinConfig",
        "kinship",
        "Kinship head on the reference encoder",
        "A small network on the frozen reference encoder, trained on Families In the Wild: are they blood relatives?",
    ),
    "edgeface_none": Entry(
        "models.nets.edgeface:EdgeFace",
        "models.nets.edgeface:EdgeFaceConfig",
        "verification",
        "EdgeFace, masks, no gate",
        "The plain arm of the attention comparison, EdgeFace trained on covered faces: is it the same person?",
    ),
    "edgeface_se": Entry(
        "models.nets.edgeface:EdgeFace",
        "models.nets.edgeface:EdgeFaceConfig",
        "verification",
        "EdgeFace, masks, SE",
        "The same network with a squeeze-and-excitation gate in every convolution block of stages 1 to 3: channels are "
        "weighed.",
        {"gate": "se"},
    ),
    "edgeface_cbam": Entry(
        "models.nets.edgeface:EdgeFace",
        "models.nets.edgeface:EdgeFaceConfig",
        "verification",
        "EdgeFace, masks, CBAM",
        "The same network with a CBAM gate in every convolution block of stages 1 to 3: channels and then places are "
        "weighed.",
        {"gate": "cbam"},
    ),
    "svit": Entry(
        "models.nets.svit:Svit",
        "models.nets.svit:SvitConfig",
        "kinship",
        "S-ViT",
        "A Siamese vision transformer whose two feature maps are fused; the shipped one is guided by "
        "EdgeFace's maps at every stage, which is ours.",
    ),
    "facor": Entry(
        "models.nets.facor:FaCoR",
        "models.nets.facor:FaCoRConfig",
        "kinship",
        "FaCoRNet",
        "Cross-attention between the parts of two faces weighs what makes them kin; the shipped one stands on EdgeFace "
        "and pools the largest value over places, which is ours, so that its links count.",
    ),
    "kin_joined": Entry(
        "models.nets.kin_joined:KinJoined",
        "models.nets.kin_joined:KinJoinedConfig",
        "kinship",
        "EdgeFace, fine-tuned and as published, and kinship heads, joined",
        "Three networks trained on different data answer together, and what both faces share with everybody is taken "
        "off: are they blood relatives?",
        joins=("edgeface_kin", "edgeface", "dlib_kin"),
    ),
    "partial_face": Entry(
        "models.nets.partial_face:PartialFace",
        "models.nets.partial_face:PartialFaceConfig",
        "verification",
        "Partial faces, attention",
        "Twelve attention maps pool the parts of a face that can be seen: is it the same person, cropped or occluded?",
        {"trunk": "reference"},
    ),
    "partial_average": Entry(
        "models.nets.partial_face:PartialAverage",
        "models.nets.partial_face:PartialAverageConfig",
        "verification",
        "Partial faces, average pooling",
        "The same trunk averaged over the whole image: the baseline of the partial-face comparison.",
        {"trunk": "reference"},
    ),
    "vit_abs": Entry(
        "models.nets.vit_kprpe:VitKprpe",
        "models.nets.vit_kprpe:VitConfig",
        "verification",
        "ViT, absolute positions",
        "A vision transformer with learned absolute positions only: the baseline of the keypoint "
        "experiment; as in the two others, patches are read from the reference encoder's first stages.",
        {"position": "abs", "heads": 6, "embed_dim": 256, "stem": "reference"},
    ),
    "vit_irpe": Entry(
        "models.nets.vit_kprpe:VitKprpe",
        "models.nets.vit_kprpe:VitConfig",
        "verification",
        "ViT, iRPE",
        "The same vision transformer with relative positions that do not know the face: the second baseline.",
        {"position": "irpe", "heads": 6, "embed_dim": 256, "stem": "reference"},
    ),
    "vit_kprpe": Entry(
        "models.nets.vit_kprpe:VitKprpe",
        "models.nets.vit_kprpe:VitConfig",
        "verification",
        "ViT, KP-RPE",
        "The same vision transformer with attention offsets that follow the five keypoints; they start as windows on "
        "places of the face, which is ours.",
        {"position": "kprpe", "heads": 6, "embed_dim": 256, "stem": "reference"},
    ),
    "expression": Entry(
        "models.nets.expression:Expression",
        "models.nets.expression:ExpressionConfig",
        "expression",
        "Expression, EdgeFace XS",
        "EdgeFace, fine-tuned on ten people's votes a face: which expression does it show, and how split are they?",
    ),
    **PUBLISHED,
}


def list_models(task: str | None = None) -> list[str]:
    """Registered names in the table's order, all or those of one task."""
    return [name for name, entry in MODELS.items() if task is None or entry.task == task]


def entry(name: str) -> Entry:
    """The table's row.

    Raises:
        KeyError: unknown name; the message lists the known ones.
    """
    if name not in MODELS:
        raise KeyError(f"no model {name!r}; there are: {', '.join(MODELS)}")
    return MODELS[name]


def _resolve(path: str) -> Any:
    module, name = path.split(":")
    return getattr(import_module(module), name)


def config_of(name: str, **overrides: Any) -> Any:
    """The config dataclass of a registered model.

    Args:
        overrides: values that differ from the registered ones.

    Raises:
        KeyError: unknown name.  TypeError: unknown config value.
    """
    row = entry(name)
    return _resolve(row.config)(**{**row.values, **overrides})


def create_model(name: str, **overrides: Any) -> FaceModel:
    """An untrained network; load_model gives the trained one.

    Args:
        overrides: config values that differ from the registered ones.

    Raises:
        KeyError: unknown name.  TypeError: unknown config value.
    """
    model: FaceModel = _resolve(entry(name).cls)(config_of(name, **overrides))
    model.name = name
    return model


def create_pair(name: str, **overrides: Any) -> PairModel:
    """create_model for networks that compare two faces.

    Raises:
        KeyError, TypeError: as create_model.  TypeError: the network answers about another number of faces.
    """
    return as_pair(create_model(name, **overrides))


def as_pair(model: FaceModel) -> PairModel:
    """The model, known to compare two faces. Raises TypeError where it does not."""
    if not isinstance(model, PairModel):
        raise TypeError(f"{model.name or type(model).__name__} does not compare two faces")
    return model
