"""The ``model:`` node of ``model=onnx`` as typed values: file, cut, input, decoder and names."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from models.classes import class_names
from models.errors import ModelError
from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError
from postprocess.fields import Field as Value
from postprocess.preprocess import CHANNELS, Preprocess

from ..config.node import SOURCE, Count, FilePath, Names, Node, Whole
from ..config.run import Config
from .source import INTEGERS, Float, ImageInput, Integer

PIXELS = 2**26  # of a picture: 0.8 GB as float32

AUTO = "auto"
Layout = Literal["nchw", "nhwc"]
_UNSET = Preprocess(
    color="rgb", scale=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), size=None, resize="keep"
)


def _cut(value: Any) -> Any:
    if value == AUTO:
        return ()
    return (value,) if isinstance(value, str) else value or None


def _none(value: Any) -> Any:
    """An empty mapping or list for null."""
    return () if value is None else value


def _classes(value: Any) -> Any:
    if not isinstance(value, str):
        return _none(value)
    try:
        return tuple(class_names(value))
    except ModelError as error:
        raise InputError(str(error)) from error


class FoundInput(Node):
    """``model.input``: the fields of the bundle's "preprocess", and what the found graph takes."""

    model_config = ConfigDict(extra="allow")

    layout: Layout | None = None
    dtype: Literal[Float, Integer] | None = None


class FoundDecoder(Node):
    """``model.decoder``: its name, its parameters, and the layout of the cut tensors."""

    model_config = ConfigDict(extra="allow")

    name: str
    layout: Layout | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        value = "none" if value is None else value
        return {"name": value} if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        DECODERS.get(value)
        return value


class Settings(Node):
    """The node, whose comments in configs/model/onnx.yaml say what each key is for.

    Attributes:
        cut: names of tensors or nodes; empty for ``auto``.
        skeleton: pairs of indices into ``keypoints``.
    """

    name: str
    variant: str | None = None
    path: FilePath
    cut: Annotated[Names, BeforeValidator(_cut)] = Field(
        description="names of tensors or nodes, or auto"
    )
    names: Annotated[dict[str, str], BeforeValidator(lambda value: dict(_none(value)))]
    input: FoundInput
    decoder_node: FoundDecoder = Field(alias="decoder")
    classes: Annotated[Names, BeforeValidator(_classes)]
    keypoints: Annotated[Names, BeforeValidator(_none)]
    skeleton: Annotated[
        tuple[Annotated[tuple[Whole, Whole], Field(strict=False)], ...],
        Field(strict=False),
        BeforeValidator(_none),
    ] = Field(description="pairs of indices into model.keypoints")
    runs: Count

    @property
    def picture(self) -> Value:
        """The fields of the bundle's "preprocess", as they are given."""
        return Value(dict(self.input.__pydantic_extra__ or {}), SOURCE, "model.input")

    @property
    def decoder(self) -> dict[str, Any]:
        """The decoder's name (key ``name``) and parameters."""
        node = self.decoder_node
        return {"name": node.name, **(node.__pydantic_extra__ or {})}


def settings(config: Config) -> Settings:
    """Check the ``model:`` node.

    Raises:
        InputError: a value is missing, of the wrong type, or not among the choices.
    """
    if config.input.preprocess != _UNSET:
        raise InputError(
            "model=onnx: describe the picture with model.input={...}, not with input: what the "
            "found graph takes decides what the operated one takes"
        )
    if config.checkpoint is not None or config.weights is not None:
        raise InputError(
            "model=onnx has its weights in the file: leave checkpoint= and weights= out"
        )
    if config.surgery.dcn.name not in ("auto", "keep"):
        raise InputError(
            f"surgery.dcn={config.surgery.dcn.name} replaces layers of a torch network: a found "
            "graph keeps its operators, leave surgery.dcn out"
        )
    if config.model.get("path") is None:
        raise InputError("model=onnx needs model.path=FILE, the ONNX file to operate on")
    read = Settings.read(config.model, "model")
    count = len(read.keypoints)
    if any(max(pair) >= count for pair in read.skeleton):
        raise Value([list(pair) for pair in read.skeleton], SOURCE, "model.skeleton").error(
            f"two indices into the {count} model.keypoints"
        )
    return read


def preprocess(given: Settings, port: ImageInput) -> Preprocess:
    """From a photo to the operated graph's input: NCHW float32 whatever the found graph takes.

    Raises:
        InputError: layout, dtype or size are not those of the graph's input, or the values would
            not be the whole numbers that an integer input needs.
    """
    for key, said, there in (
        ("layout", given.input.layout, port.layout),
        ("dtype", given.input.dtype, port.dtype),
    ):
        if said not in (None, there):
            raise InputError(
                f"model.input.{key} is {said}, the graph's input {port.name!r} is {there}: leave "
                "it out, or name another file"
            )
    values = dict(given.picture.mapping())
    values["size"] = _size(given.picture["size"], port)
    if values["resize"] is None:
        values["resize"] = "keep" if values["size"] is None else "letterbox"
    elif values["resize"] == "keep" and values["size"] is not None:
        raise InputError(
            f"model.input.resize is keep, but the input is fixed at {values['size']}: say "
            "letterbox or stretch"
        )
    values["color"] = _color(given.picture["color"].text(), port)
    result = Preprocess.from_json(Value(values, given.picture.file, given.picture.path))
    if result.size is not None and math.prod(result.size) > PIXELS:
        raise InputError(
            f"the graph's input {port.name!r} takes pictures of {result.size[0]} x "
            f"{result.size[1]} pixels, expected at most {PIXELS:,} in all"
        )
    if port.dtype in INTEGERS:
        _check_whole(result, port)
    return result


def _color(said: str, port: ImageInput) -> str:
    """The colour order for the channels of the graph's input.

    Raises:
        InputError: what is said has another number of channels.
    """
    usual = {1: "gray", 3: said, 4: "rgba"}[port.channels]
    if said == "rgb" or CHANNELS.get(said, 3) == port.channels:
        return usual if said == "rgb" else said
    raise InputError(
        f"model.input.color is {said}, the graph's input {port.name!r} has {port.channels} "
        f"channel(s): {usual} fits"
    )


def _size(field: Value, port: ImageInput) -> list[int] | None:
    """Height and width: what is said, where the graph takes it, or what the graph takes."""
    fixed = (port.height, port.width)
    if field.value is None:
        return None if None in fixed else [side for side in fixed if side is not None]
    sides = [field.value, field.value] if isinstance(field.value, int) else field.value
    said = [side.integer(least=1) for side in Value(sides, field.file, field.path).elements(2)]
    if any(there not in (None, side) for there, side in zip(fixed, said, strict=True)):
        raise InputError(
            f"model.input.size is {said}, the graph's input {port.name!r} is fixed at "
            f"{[there or 'any' for there in fixed]}: leave it out, or export the graph again"
        )
    return said


def _check_whole(given: Preprocess, port: ImageInput) -> None:
    """Refuse values that a cast to the found graph's integers would have changed."""
    pixels = np.arange(256, dtype=np.float32) * np.float32(given.scale)
    mean, std = (np.array(each, np.float32)[:, None] for each in (given.mean, given.std))
    values = (pixels - mean) / std
    info = np.iinfo(port.dtype)
    if (values != np.rint(values)).any() or values.min() < info.min or values.max() > info.max:
        raise InputError(
            f"the graph's input {port.name!r} is {port.dtype}, but model.input's scale, mean and "
            f"std give {values.min():.6g} to {values.max():.6g}: with scale 1, mean 0 and std 1 "
            "the values are the pixels'"
        )
