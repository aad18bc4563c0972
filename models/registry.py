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
    """

    cls: str
    config: str
    task: str
    title: str
    summary: str
    values: dict[str, Any] = field(default_factory=dict)


MODELS: dict[str, Entry] = {
    "dlib_resnet": Entry(
        "models.dlib_resnet:DlibResnet",
        "models.dlib_resnet:DlibResnetConfig",
        "verification",
        "Reference encoder",
        "dlib's public-domain face descriptor network, ported exactly: is it the same person?",
    ),
    "dlib_kin": Entry(
        "models.dlib_kin:DlibKin",
        "models.dlib_kin:DlibKinConfig",
        "kinship",
        "Kinship head on the reference encoder",
        "A small network on the frozen reference encoder, trained on Families In the Wild: are they blood relatives?",
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
