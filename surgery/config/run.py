"""The configuration as typed values: what Hydra composed, checked once, at the door.

Hydra guards the names of keys; the values are guarded here, so that the stages behind can rely on
them. Every refusal is an :class:`~postprocess.errors.InputError` of one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postprocess.errors import InputError
from postprocess.fields import Field
from postprocess.preprocess import Preprocess

from .surgery import SurgeryConfig, path_of, read_surgery

# The keys that there are. Hydra lets others through where a "+" stands before them.
ROOT: tuple[str, ...] = (
    *("task", "model", "input", "surgery", "target", "data", "checkpoint", "weights", "image"),
    *("out", "bundle", "seed", "threads"),
)
OF_TASK = {  # what only one task knows, from configs/task
    "audit": ("json", "load", "try"),
    "benchmark": ("runs", "against"),
    "graph": ("graph",),
    "scenes": ("count", "size", "domain"),
}


@dataclass(frozen=True)
class InputConfig:
    """What the operated graph is fed with.

    Attributes:
        batch: images a run, or None where that is left open.
        preprocess: from a photo to the tensor; its ``size`` is None where that is left open.
    """

    batch: int | None
    preprocess: Preprocess


@dataclass(frozen=True)
class Config:
    """One run. ``model``, ``target`` and ``data`` stay mappings: their owners know the keys.

    Attributes:
        out_given: the folder that the caller named.
        out_default: where a bundle goes otherwise.
        extra: keys that only the chosen task knows.
    """

    task: str
    model: Mapping[str, Any]
    input: InputConfig
    surgery: SurgeryConfig
    target: Mapping[str, Any]
    data: Mapping[str, Any]
    checkpoint: Path | None
    weights: str | None
    image: Path | None
    out_given: Path | None
    out_default: Path
    bundle: Path | None
    seed: int
    threads: int | None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        """The folder of the bundle."""
        return self.out_given or self.out_default


def _input(field: Field) -> InputConfig:
    values = dict(field.mapping())
    batch = values.pop("batch", 1)
    size, multiple = values["size"], field["multiple"].integer(least=1)
    if isinstance(size, int):
        values["size"] = size = [size, size]
    if size is not None:
        height, width = (
            side.integer(least=1) for side in Field(size, *_at(field["size"])).elements(2)
        )
        if height % multiple or width % multiple:
            raise field["size"].error(f"multiples of {multiple}")
        if values["resize"] == "keep":  # a picture cannot keep its size and have a fixed one
            values["resize"] = "letterbox"
    preprocess = Preprocess.from_json(Field(values, field.file, field.path))
    return InputConfig(None if batch is None else field["batch"].integer(least=1), preprocess)


def _at(field: Field) -> tuple[str, str]:
    return field.file, field.path


def from_mapping(node: Mapping[str, Any], *, out: Path | None = None) -> Config:
    """Check a composed configuration.

    Args:
        node: what Hydra composed, as plain dicts, lists and scalars.
        out: the folder of the bundle where ``node`` names none.

    Raises:
        InputError: a value is of the wrong type, out of range or not among the choices, or a key
            is unknown.
    """
    root = Field(dict(node), "configuration")
    root.only(*ROOT, *OF_TASK.get(root["task"].text(), ()))
    if root["weights"].value not in (None, "random"):
        raise InputError(
            f"weights expects null or random, got {root['weights'].value!r}: a file is checkpoint="
        )
    model = root["model"].mapping()
    variant = str(model.get("variant", model.get("name", "model")))
    return Config(
        task=root["task"].text(),
        model=model,
        input=_input(root["input"]),
        surgery=read_surgery(root["surgery"]),
        target=root["target"].mapping(),
        data=root["data"].mapping(),
        checkpoint=path_of(root["checkpoint"]),
        weights=root["weights"].value,
        image=path_of(root["image"]),
        out_given=path_of(root["out"]),
        out_default=out or Path("outputs") / variant,
        bundle=path_of(root["bundle"]),
        seed=root["seed"].integer(least=0),
        threads=None if root["threads"].value is None else root["threads"].integer(least=1),
        extra={key: value for key, value in node.items() if key not in ROOT},
    )
