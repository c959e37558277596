"""The configuration as typed values: what Hydra composed, checked once, at the door.

Hydra guards the names of keys; the values are guarded here, so that the stages behind can rely on
them. Every refusal is an :class:`~postprocess.errors.InputError` of one line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postprocess.errors import InputError
from postprocess.fields import Field
from postprocess.preprocess import Preprocess

from .symbolics.registry import DEFAULT as SYMBOLICS

EXPORTERS = ("dynamo", "torchscript")
PRECISIONS = ("fp32", "fp16", "int8")
DECODE = ("outside", "inside")
OPSETS = range(11, 24)


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
class DcnConfig:
    """Which strategy replaces deformable convolutions, for all layers and by path pattern.

    Attributes:
        max_kernel: of ``folded``.
        max_radius: of ``shifted``: pixels that no tap reaches beyond.
        beyond: of ``shifted``: share of a layer's samples that may lie beyond.
        custom: of ``custom``: whose plugin node.
    """

    name: str
    layers: Mapping[str, str] = field(default_factory=dict)
    max_kernel: int = 7
    max_radius: int = 8
    beyond: float = 0.0
    custom: str = "tensorrt"

    def options(self) -> dict[str, Any]:
        """What the rewrites are told."""
        return {
            "max_kernel": self.max_kernel,
            "max_radius": self.max_radius,
            "beyond": self.beyond,
            "custom": self.custom,
            "deferred": True,
        }


@dataclass(frozen=True)
class CalibrationConfig:
    """Images whose statistics the approximate strategies use; no folder means drawn scenes."""

    images: Path | None
    count: int


@dataclass(frozen=True)
class FitConfig:
    """How weights are fitted (``dcn=calibrated``, ``distilled``). None: any fit at hand will do.

    Attributes:
        kernel: size of the convolutions; None for 3.
        hidden: channels computed beside the input of each; None for 48, 0 for none.
        minutes: that a distillation may take; None for 5.
        steps: fixed number of training steps instead.
        count: images of the folder that are used at most.
        workers: processes that make batches ahead of time.
        save: keep the fit as a companion file, beside the checkpoint or in the cache.
        again: fit even where a companion is at hand.
    """

    kernel: int | None = None
    hidden: int | None = None
    minutes: float | None = None
    steps: int | None = None
    count: int = 1000
    workers: int = 1
    save: bool = True
    again: bool = False


@dataclass(frozen=True)
class SearchConfig:
    """What ``dcn=searched`` is to keep: a share of the instances; images for its fits."""

    agreement: float
    images: int


@dataclass(frozen=True)
class SurgeryConfig:
    """What is done to the network on its way to the bundle.

    Attributes:
        decode: "outside", or "inside" for a further graph that decodes by itself.
        tolerance: largest difference that an approximate pass may make, relative to an output's
            largest value.
        safe: whether exporters and passes run in child processes; None: where a graph was found.
    """

    dcn: DcnConfig
    fit: FitConfig
    search: SearchConfig
    exporter: str
    opset: int | None
    precision: str
    decode: str
    skip_passes: tuple[str, ...]
    also_passes: tuple[str, ...]
    tolerance: float
    safe: bool | None
    rewrites: tuple[str, ...]
    symbolics: tuple[str, ...]
    calibration: CalibrationConfig
    compare: tuple[str, ...]
    pictures: int


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


def path_of(field: Field) -> Path | None:
    """A path, or None for null."""
    return None if field.value is None else Path(field.text()).expanduser()


def _optional(field: Field, key: str, default: Any) -> Field:
    """A field that may be absent or null."""
    found = field.get(key, default)
    return Field(default, found.file, found.path) if found.value is None else found


def _names(field: Field) -> tuple[str, ...]:
    return tuple(item.text() for item in field.elements())


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


def _dcn(field: Field) -> DcnConfig:
    if isinstance(field.value, str):
        return DcnConfig(field.value)
    field.only(*DcnConfig.__dataclass_fields__)
    beyond = field.get("beyond", 0.0)
    if not 0 <= beyond.number() < 1:
        raise beyond.error("a share from 0, below 1")
    return DcnConfig(
        field["name"].text(),
        {pattern: name.text() for pattern, name in _optional(field, "layers", {}).items()},
        field.get("max_kernel", 7).integer(least=1),
        field.get("max_radius", 8).integer(least=1),
        beyond.number(),
        field.get("custom", "tensorrt").text(("tensorrt", "mmdeploy")),
    )


def _fit(field: Field) -> FitConfig:
    field.only(*FitConfig.__dataclass_fields__)

    def given(key: str, read: Callable[[Field], Any]) -> Any:
        return None if field[key].value is None else read(field[key])

    return FitConfig(
        kernel=given("kernel", lambda value: value.integer(least=0)),
        hidden=given("hidden", lambda value: value.integer(least=0)),
        minutes=given("minutes", Field.number),
        steps=given("steps", lambda value: value.integer(least=1)),
        count=field["count"].integer(least=1),
        workers=field["workers"].integer(least=0),
        save=field["save"].flag(),
        again=field["again"].flag(),
    )


def _search(field: Field) -> SearchConfig:
    field.only(*SearchConfig.__dataclass_fields__)
    agreement = field["agreement"].number()
    if not 0 < agreement <= 1:
        raise field["agreement"].error("a share above 0, up to 1")
    return SearchConfig(agreement, field["images"].integer(least=2))


def _tolerance(field: Field) -> float:
    if not 0 <= field.number() < math.inf:
        raise field.error("a number from 0 on")
    return field.number()


def _symbolics(field: Field) -> tuple[str, ...]:
    """Our own symbolics but those to skip, and further ones, by name."""
    field.only("also", "skip")
    skip = _names(field.get("skip", []))
    unknown = sorted(set(skip) - set(SYMBOLICS))
    if unknown:
        raise field["skip"].error(f"some of {', '.join(SYMBOLICS)}")
    kept = [name for name in SYMBOLICS if name not in skip]
    return (*kept, *_names(field.get("also", [])))


def _surgery(field: Field) -> SurgeryConfig:
    opset = None if field["opset"].value is None else field["opset"].integer()
    if opset is not None and opset not in OPSETS:
        raise field["opset"].error(f"{OPSETS.start} to {OPSETS.stop - 1}, or null")
    calibration = field["calibration"]
    return SurgeryConfig(
        dcn=_dcn(field["dcn"]),
        fit=_fit(field["fit"]),
        search=_search(field["search"]),
        exporter=field["exporter"].text(EXPORTERS),
        opset=opset,
        precision=field["precision"].text(PRECISIONS),
        decode=field["decode"].text(DECODE),
        skip_passes=_names(field["passes"]["skip"]),
        also_passes=_names(field["passes"].get("also", [])),
        tolerance=_tolerance(field["passes"]["tolerance"]),
        safe=None if field["safe"].value is None else field["safe"].flag(),
        rewrites=_names(field.get("rewrites", [])),
        symbolics=_symbolics(field.get("symbolics", {})),
        calibration=CalibrationConfig(
            path_of(calibration["images"]), calibration["count"].integer(least=1)
        ),
        compare=_names(field["compare"]),
        pictures=field["pictures"].integer(least=1),
    )


KNOWN = frozenset(Config.__dataclass_fields__) - {"extra"} | {"out"}


def from_mapping(node: Mapping[str, Any], *, out: Path | None = None) -> Config:
    """Check a composed configuration.

    Args:
        node: what Hydra composed, as plain dicts, lists and scalars.
        out: the folder of the bundle where ``node`` names none.

    Raises:
        InputError: a value is of the wrong type, out of range or not among the choices.
    """
    root = Field(dict(node), "configuration")
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
        surgery=_surgery(root["surgery"]),
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
        extra={key: value for key, value in node.items() if key not in KNOWN},
    )
