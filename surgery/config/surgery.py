"""The ``surgery`` node of the configuration: what is done to a network on its way to the bundle.

One class a node of ``configs/surgery/default.yaml``, which holds the defaults and says what each
key is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from .node import Count, FilePath, Names, Node, Whole

# Exporters, and the opset of an export by each where none is asked for.
DEFAULT_OPSET = {"dynamo": 18, "torchscript": 17}
EXPORTERS = tuple(DEFAULT_OPSET)
OPSETS = range(11, 24)
NEWEST_OPSET = OPSETS[-1]


class DcnConfig(Node):
    """Which strategy replaces deformable convolutions, for all layers and by path pattern.

    Attributes:
        max_kernel: of ``folded``.
        max_radius: of ``shifted``: pixels that no tap reaches beyond.
        beyond: of ``shifted``: share of a layer's samples that may lie beyond.
        custom: of ``custom``: whose plugin node.
        replace: patterns of paths of further modules that a fit replaces, whatever is inside.
    """

    name: str
    layers: Mapping[str, str] = {}
    max_kernel: Count = 7
    max_radius: Count = 8
    beyond: float = Field(0.0, ge=0, lt=1, description="a share from 0, below 1")
    custom: Literal["tensorrt", "mmdeploy"] = "tensorrt"
    replace: Names = ()

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("layers", mode="before")
    @classmethod
    def _no_layers(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return {} if value is None else value
        # YAML reads the path of a child of nn.Sequential, "3", as a number
        return {str(k) if isinstance(k, int) else k: name for k, name in value.items()}

    def options(self) -> dict[str, Any]:
        """Options of the rewrites, by name."""
        return {**self.model_dump(exclude={"name", "layers", "replace"}), "deferred": True}


class ImagesConfig(Node):
    """Pictures of a folder; null: see the node's comment in the YAML file."""

    images: FilePath | None
    count: Count


class FitConfig(Node):
    """How weights are fitted (``dcn=calibrated``, ``distilled``). None: any saved fit will do.

    Attributes:
        kernel: size of the convolutions; None for 3.
        hidden: channels computed beside the input of each; None for 48, 0 for none.
        minutes: that a distillation may take; None for 5.
        steps: fixed number of training steps instead.
        count: images of the folder that are used at most.
        workers: processes that make batches ahead of time.
        save: keep the fit, beside the checkpoint or in the cache.
        again: fit even where a saved fit exists.
    """

    kernel: Whole | None = None
    hidden: Whole | None = None
    minutes: Annotated[float, Field(allow_inf_nan=False)] | None = None
    steps: Count | None = None
    count: Count = 1000
    workers: Whole = 1
    save: bool = True
    again: bool = False


class SearchConfig(Node):
    """What ``dcn=searched`` is to keep: a share of the instances; images for its fits."""

    agreement: float = Field(gt=0, le=1, description="a share above 0, up to 1")
    images: int = Field(ge=2)


class PassesConfig(Node):
    """ONNX passes beside the usual ones.

    ``tolerance``: largest difference that an approximate pass may make, relative to an output's
    largest value.
    """

    also: Names = ()
    skip: Names
    tolerance: float = Field(ge=0, allow_inf_nan=False, description="a number from 0 on")


class SymbolicsConfig(Node):
    """Operators of torch that exporters are taught beside the usual ones."""

    also: Names = ()
    skip: Names = ()


class SurgeryConfig(Node):
    """The node; ``safe`` None: child processes where a graph was found."""

    dcn: DcnConfig
    fit: FitConfig
    search: SearchConfig
    exporter: Literal["dynamo", "torchscript"]
    opset: int | None = Field(
        ge=OPSETS.start,
        lt=OPSETS.stop,
        description=f"{OPSETS.start} to {OPSETS.stop - 1}, or null",
    )
    precision: Literal["fp32", "fp16", "int8"]
    decode: Literal["outside", "inside"]
    passes: PassesConfig
    safe: bool | None
    rewrites: Names = ()
    symbolics: SymbolicsConfig = SymbolicsConfig()
    calibration: ImagesConfig
    judge: ImagesConfig
    require: Literal["look", "ship"] | None
    compare: Names
    pictures: Count
