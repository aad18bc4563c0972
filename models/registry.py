"""The literal table of models: name -> where the class is, how it is configured, what it is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from models.pair import PairModel


@dataclass(frozen=True)
class Entry:
    """One registered model.

    Attributes:
        cls, config: "module:Class" of the network and of its config dataclass.
        task: "verification" (same person?) or "kinship" (blood relatives?).
        title, summary: for people; the summary is one sentence.
        values: keyword arguments for the config that differ from its defaults.
        joins: the models it is made of, if it is several in one; it then costs as much as they do together.
    """

    cls: str
    config: str
    task: str
    title: str
    summary: str
    values: dict[str, Any] = field(default_factory=dict)
    joins: tuple[str, ...] = ()


MODELS: dict[str, Entry] = {
    "dlib_resnet": Entry(
        "models.dlib_resnet:DlibResnet",
        "models.dlib_resnet:DlibResnetConfig",
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
        "models.dlib_kin:DlibKin",
        "models.dlib_kin:DlibKinConfig",
        "kinship",
        "Kinship head on the reference encoder",
        "A small network on the frozen reference encoder, trained on Families In the Wild: are they blood relatives?",
    ),
    "dlib_tuned": Entry(
        "models.dlib_resnet:DlibResnet",
        "models.dlib_resnet:DlibResnetConfig",
        "kinship",
        "Reference encoder, fine-tuned",
        "The reference encoder itself, fine-tuned end to end on Families In the Wild: are they blood relatives?",
    ),
    "ir18_none": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-18, no gate",
        "The plain arm of the attention comparison: is it the same person?",
        {"dim": 256},
    ),
    "ir18_se": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-18, SE",
        "The same network with a squeeze-and-excitation gate in every block: channels are weighed.",
        {"dim": 256, "gate": "se"},
    ),
    "ir18_cbam": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-18, CBAM",
        "The same network with a CBAM gate in every block: channels and then places are weighed.",
        {"dim": 256, "gate": "cbam"},
    ),
    "siamese_ir": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "kinship",
        "Siamese IR-18",
        "A plain Siamese ResNet trained on kin, what attention models are compared with.",
        {"dim": 256},
    ),
    "svit": Entry(
        "models.svit:Svit",
        "models.svit:SvitConfig",
        "kinship",
        "S-ViT",
        "A Siamese vision transformer whose two feature maps are fused; the shipped one is guided by the reference "
        "encoder's maps at every stage, which is ours.",
    ),
    "facor": Entry(
        "models.facor:FaCoR",
        "models.facor:FaCoRConfig",
        "kinship",
        "FaCoRNet",
        "Cross-attention between the parts of two faces weighs what makes them kin.",
    ),
    "kin_trio": Entry(
        "models.kin_trio:KinTrio",
        "models.kin_trio:KinTrioConfig",
        "kinship",
        "Reference encoder, fine-tuned encoder and S-ViT, joined",
        "Three networks that know different things answer together: are they blood relatives?",
        joins=("dlib_kin", "dlib_tuned", "svit"),
    ),
    "kin_joined": Entry(
        "models.nets.kin_joined:KinJoined",
        "models.nets.kin_joined:KinJoinedConfig",
        "kinship",
        "EdgeFace, kinship heads and fine-tuned encoder, joined",
        "Three networks trained on different data answer together: are they blood relatives?",
        joins=("edgeface_kin", "dlib_kin", "dlib_tuned"),
    ),
    "partial_face": Entry(
        "models.partial_face:PartialFace",
        "models.partial_face:PartialFaceConfig",
        "verification",
        "Partial faces, attention",
        "Twelve attention maps pool the parts of a face that can be seen: is it the same person, cropped or occluded?",
        {"trunk": "reference"},
    ),
    "partial_average": Entry(
        "models.partial_face:PartialAverage",
        "models.partial_face:PartialAverageConfig",
        "verification",
        "Partial faces, average pooling",
        "The same trunk averaged over the whole image: the baseline of the partial-face comparison.",
        {"trunk": "reference"},
    ),
    "vit_abs": Entry(
        "models.vit_kprpe:VitKprpe",
        "models.vit_kprpe:VitConfig",
        "verification",
        "ViT, absolute positions",
        "A vision transformer with learned absolute positions only: the baseline of the keypoint "
        "experiment; as in the two others, patches are read from the reference encoder's first stages.",
        {"position": "abs", "heads": 6, "embed_dim": 256, "stem": "reference"},
    ),
    "vit_irpe": Entry(
        "models.vit_kprpe:VitKprpe",
        "models.vit_kprpe:VitConfig",
        "verification",
        "ViT, iRPE",
        "The same vision transformer with relative positions that do not know the face: the second baseline.",
        {"position": "irpe", "heads": 6, "embed_dim": 256, "stem": "reference"},
    ),
    "vit_kprpe": Entry(
        "models.vit_kprpe:VitKprpe",
        "models.vit_kprpe:VitConfig",
        "verification",
        "ViT, KP-RPE",
        "The same vision transformer with attention offsets that follow the five keypoints; they start as windows on "
        "places of the face, which is ours.",
        {"position": "kprpe", "heads": 6, "embed_dim": 256, "stem": "reference"},
    ),
    "partial_face.paper": Entry(
        "models.partial_face:PartialFace",
        "models.partial_face:PartialFaceConfig",
        "verification",
        "Partial faces, attention, as published",
        "Extract, attend, aggregate with the published 1024 channels, for weights of your own.",
        {"trunk": "bottleneck", "width": 64, "fork_depth": 6},
    ),
    "ir18_none.paper": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-18 (width 64), no gate",
        "The plain arm of the attention comparison: is it the same person?",
        {"width": 64, "dim": 512, "gate": "none"},
    ),
    "ir18_se.paper": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-18 (width 64), SE",
        "The same network with a squeeze-and-excitation gate in every block: channels are weighed.",
        {"width": 64, "dim": 512, "gate": "se"},
    ),
    "ir18_cbam.paper": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-18 (width 64), CBAM",
        "The same network with a CBAM gate in every block: channels and then places are weighed.",
        {"width": 64, "dim": 512, "gate": "cbam"},
    ),
    "ir18.paper": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-18 as published",
        "The layout of InsightFace's and CVLface's backbones, for checkpoints of your own.",
        {"depth": 18, "width": 64, "dim": 512, "final_prelu": False},
    ),
    "ir50.paper": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-50 as published",
        "The layout of InsightFace's and CVLface's backbones, for checkpoints of your own.",
        {"depth": 50, "width": 64, "dim": 512, "final_prelu": False},
    ),
    "ir100.paper": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "verification",
        "IR-100 as published",
        "The layout of InsightFace's and CVLface's backbones, for checkpoints of your own.",
        {"depth": 100, "width": 64, "dim": 512, "final_prelu": False},
    ),
    "siamese_ir.paper": Entry(
        "models.ir_resnet:IRResNet",
        "models.ir_resnet:IRConfig",
        "kinship",
        "Siamese IR-50",
        "A plain Siamese ResNet at the published size.",
        {"depth": 50, "width": 64, "dim": 512, "final_prelu": False},
    ),
    "svit.paper": Entry(
        "models.svit:Svit",
        "models.svit:SvitConfig",
        "kinship",
        "S-ViT as published",
        "The published depths at 224 px.",
        {"input_size": 224, "depths": (3, 3, 6, 3)},
    ),
    "facor.paper": Entry(
        "models.facor:FaCoR",
        "models.facor:FaCoRConfig",
        "kinship",
        "FaCoRNet on IR-100",
        "FaCoRNet at the published size.",
        {"depth": 100, "width": 64, "final_prelu": False},
    ),
    "vit_abs.paper": Entry(
        "models.vit_kprpe:VitKprpe",
        "models.vit_kprpe:VitConfig",
        "verification",
        "ViT-B as published",
        "The plain vision transformer at the published base size.",
        {"position": "abs", "dim": 512, "depth": 24, "heads": 16, "mlp_ratio": 3, "drop_path": 0.1},
    ),
    "vit_irpe.paper": Entry(
        "models.vit_kprpe:VitKprpe",
        "models.vit_kprpe:VitConfig",
        "verification",
        "ViT-B + iRPE",
        "The published base size with iRPE on queries.",
        {"position": "irpe", "dim": 512, "depth": 24, "heads": 16, "mlp_ratio": 3, "drop_path": 0.1},
    ),
    "vit_kprpe.paper": Entry(
        "models.vit_kprpe:VitKprpe",
        "models.vit_kprpe:VitConfig",
        "verification",
        "ViT-B + KP-RPE",
        "The published base size, which public CVLface checkpoints fit.",
        {"position": "kprpe", "dim": 512, "depth": 24, "heads": 16, "mlp_ratio": 3, "drop_path": 0.1},
    ),
    "vit_kprpe.small.paper": Entry(
        "models.vit_kprpe:VitKprpe",
        "models.vit_kprpe:VitConfig",
        "verification",
        "ViT-S + KP-RPE",
        "The published small size.",
        {"position": "kprpe", "dim": 512, "depth": 12, "heads": 8, "mlp_ratio": 5, "drop_path": 0.1},
    ),
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


def create_model(name: str, **overrides: Any) -> PairModel:
    """An untrained network; load_model gives the trained one.

    Args:
        overrides: config values that differ from the registered ones.

    Raises:
        KeyError: unknown name.  TypeError: unknown config value.
    """
    row = entry(name)
    config = _resolve(row.config)(**{**row.values, **overrides})
    model: PairModel = _resolve(row.cls)(config)
    model.name = name
    return model
