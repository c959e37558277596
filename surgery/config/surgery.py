"""The ``surgery`` node of the configuration as typed values, checked once.

What is done to a network between its published form and the bundle: one class a node of
``configs/surgery``, each with the function that reads it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postprocess.fields import Field

# Exporters, and the opset of an export by each where none is asked for.
DEFAULT_OPSET = {"dynamo": 18, "torchscript": 17}
EXPORTERS = tuple(DEFAULT_OPSET)
PRECISIONS = ("fp32", "fp16", "int8")
DECODE = ("outside", "inside")
GRADES = ("look", "ship")
OPSETS = range(11, 24)
NEWEST_OPSET = OPSETS[-1]

# The keys that there are. Hydra lets others through where a "+" stands before them.
SURGERY: tuple[str, ...] = (
    *("dcn", "fit", "search", "exporter", "opset", "precision", "decode", "passes", "safe"),
    *("rewrites", "symbolics", "calibration", "judge", "require", "compare", "pictures"),
)


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
        """Options of the rewrites, by name."""
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
class JudgeConfig:
    """Pictures that the finished bundle is judged on; no folder: see docs/export.md."""

    images: Path | None
    count: int


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
    also_symbolics: tuple[str, ...]
    skip_symbolics: tuple[str, ...]
    calibration: CalibrationConfig
    judge: JudgeConfig
    require: str | None
    compare: tuple[str, ...]
    pictures: int


def path_of(field: Field) -> Path | None:
    """A path, or None for null."""
    return None if field.value is None else Path(field.text()).expanduser()


def _optional(field: Field, key: str, default: Any) -> Field:
    """A field that may be absent or null."""
    found = field.get(key, default)
    return Field(default, found.file, found.path) if found.value is None else found


def _names(field: Field) -> tuple[str, ...]:
    return tuple(item.text() for item in field.elements())


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


def read_surgery(field: Field) -> SurgeryConfig:
    """Check the ``surgery`` node.

    Raises:
        InputError: a value is of the wrong type, out of range or not among the choices, or a key
            is unknown.
    """
    field.only(*SURGERY)
    opset = None if field["opset"].value is None else field["opset"].integer()
    if opset is not None and opset not in OPSETS:
        raise field["opset"].error(f"{OPSETS.start} to {OPSETS.stop - 1}, or null")
    calibration = field["calibration"].only("images", "count")
    judge = field["judge"].only("images", "count")
    passes = field["passes"].only("also", "skip", "tolerance")
    symbolics = field.get("symbolics", {}).only("also", "skip")
    return SurgeryConfig(
        dcn=_dcn(field["dcn"]),
        fit=_fit(field["fit"]),
        search=_search(field["search"]),
        exporter=field["exporter"].text(EXPORTERS),
        opset=opset,
        precision=field["precision"].text(PRECISIONS),
        decode=field["decode"].text(DECODE),
        skip_passes=_names(passes["skip"]),
        also_passes=_names(passes.get("also", [])),
        tolerance=_tolerance(passes["tolerance"]),
        safe=None if field["safe"].value is None else field["safe"].flag(),
        rewrites=_names(field.get("rewrites", [])),
        also_symbolics=_names(symbolics.get("also", [])),
        skip_symbolics=_names(symbolics.get("skip", [])),
        calibration=CalibrationConfig(
            path_of(calibration["images"]), calibration["count"].integer(least=1)
        ),
        judge=JudgeConfig(path_of(judge["images"]), judge["count"].integer(least=1)),
        require=None if field["require"].value is None else field["require"].text(GRADES),
        compare=_names(field["compare"]),
        pictures=field["pictures"].integer(least=1),
    )
