"""The configuration as typed values: what Hydra composed, checked once, at the door.

Hydra guards the names of keys; the values are guarded here, so that the stages behind can rely on
them. Every refusal is an :class:`~postprocess.errors.InputError` of one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from postprocess.fields import Field as Value
from postprocess.preprocess import Preprocess

from .node import SOURCE, Count, FilePath, Node, Whole
from .surgery import SurgeryConfig

OF_TASK = {  # what only one task knows, from configs/task
    "audit": ("json", "load", "try"),
    "benchmark": ("json", "runs", "against"),
    "compare": ("json", "runs", "bundles"),
    "evaluate": ("json", "against"),
    "explain": ("json",),
    "graph": ("graph",),
    "list": ("json",),
    "predict": ("images", "workers", "block", "format", "threshold", "replace", "ray"),
    "scenes": ("count", "size", "domain"),
}


class InputConfig(Node):
    """What the operated graph is fed with.

    Attributes:
        batch: images a run, or None where that is left open.
        preprocess: from a photo to the tensor; its ``size`` is None where that is left open.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    batch: int | None
    preprocess: Preprocess


def _input(value: Any) -> InputConfig:
    field = value if isinstance(value, Value) else Value(value, SOURCE, "input")
    values = dict(field.mapping())
    batch = values.pop("batch", 1)
    size, multiple = values["size"], field["multiple"].integer(least=1)
    if isinstance(size, int):
        values["size"] = size = [size, size]
    if size is not None:
        sides = Value(size, SOURCE, field["size"].path).elements(2)
        if any(side.integer(least=1) % multiple for side in sides):
            raise field["size"].error(f"multiples of {multiple}")
        if values["resize"] == "keep":  # a picture cannot keep its size and have a fixed one
            values["resize"] = "letterbox"
    return InputConfig(
        batch=None if batch is None else field["batch"].integer(least=1),
        preprocess=Preprocess.from_json(Value(values, field.file, field.path)),
    )


class Config(Node):
    """One run. ``model``, ``target`` and ``data`` stay mappings: their owners know the keys.

    Attributes:
        out_given: the folder that the caller named.
        out_default: where a bundle goes otherwise.
        extra: keys that only the chosen task knows.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    task: str
    model: dict[str, Any]
    input: Annotated[InputConfig, BeforeValidator(_input)]
    surgery: SurgeryConfig
    target: dict[str, Any]
    data: dict[str, Any]
    checkpoint: FilePath | None
    weights: Literal["random"] | None = Field(description="null or random: a file is checkpoint=")
    image: FilePath | None
    out_given: FilePath | None = Field(alias="out")
    bundle: FilePath | None
    seed: Whole
    threads: Count | None
    out_default: Path = Path()
    extra: Mapping[str, Any] = {}

    @property
    def out(self) -> Path:
        """The folder of the bundle."""
        return self.out_given or self.out_default


OWN = ("out_default", "extra")  # fields that are no keys
ROOT = tuple(f.alias or name for name, f in Config.model_fields.items() if name not in OWN)


def wants_json(config: Config) -> bool:
    """Whether the task prints JSON instead of lines for people.

    Raises:
        InputError: ``json`` is neither true nor false.
    """
    return Value(dict(config.extra), SOURCE).get("json", False).flag()


def from_mapping(node: Mapping[str, Any], *, out: Path | None = None) -> Config:
    """Check a composed configuration.

    Args:
        node: what Hydra composed, as plain dicts, lists and scalars.
        out: the folder of the bundle where ``node`` names none.

    Raises:
        InputError: a value is of the wrong type, out of range or not among the choices, or a key
            is unknown.
    """
    root = Value(dict(node), SOURCE)
    root.only(*ROOT, *OF_TASK.get(root["task"].text(), ()))
    model = root["model"].mapping()
    variant = str(model.get("variant", model.get("name", "model")))
    own = {key: value for key, value in node.items() if key in ROOT}
    extra = {key: value for key, value in node.items() if key not in ROOT}
    default = out or Path("outputs") / variant
    return Config.read({**own, "out_default": default, "extra": extra}, "")
