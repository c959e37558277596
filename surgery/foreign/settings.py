"""The ``model:`` node of ``model=onnx`` as typed values: file, cut, input, decoder and names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.classes import class_names
from models.errors import ModelError
from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError
from postprocess.fields import Field
from postprocess.preprocess import CHANNELS, Preprocess

from ..config.run import Config
from .layout import LAYOUTS
from .source import FLOATS, INTEGERS, ImageInput

PIXELS = 2**26  # of a picture: 0.8 GB as float32

AUTO = "auto"
_UNSET = Preprocess(
    color="rgb", scale=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), size=None, resize="keep"
)


@dataclass(frozen=True)
class Settings:
    """What the configuration says of a found graph.

    Attributes:
        path: the ONNX file.
        cut: names of tensors or nodes; empty for ``auto``.
        names: other names for cut tensors and the input.
        layout, dtype: of the found graph's input; None where the graph is to tell.
        picture: the other fields of ``model.input``, those of the bundle's "preprocess".
        decoder: its name (key ``name``) and parameters.
        head_layout: layout of cut tensors where the graph does not tell it.
        classes, keypoints, skeleton: names for the decoder's indices.
        runs: how often each graph is timed.
    """

    path: Path
    cut: tuple[str, ...]
    names: Mapping[str, str]
    layout: str | None
    dtype: str | None
    picture: Field
    decoder: Mapping[str, Any]
    head_layout: str | None
    classes: tuple[str, ...]
    keypoints: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    runs: int


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
    model = Field(dict(config.model), "configuration", "model")
    path = path_of_model(model)
    picture = dict(model["input"].mapping())
    layout, dtype = (_choice(model["input"], key) for key in ("layout", "dtype"))
    decoder, head_layout = _decoder(model["decoder"])
    keypoints = tuple(name.text() for name in _listed(model["keypoints"]))
    return Settings(
        path=path,
        cut=_cut(model["cut"]),
        names={old: new.text() for old, new in _mapped(model["names"])},
        layout=layout,
        dtype=dtype,
        picture=Field(
            {key: value for key, value in picture.items() if key not in ("layout", "dtype")},
            "configuration",
            "model.input",
        ),
        decoder=decoder,
        head_layout=head_layout,
        classes=_classes(model["classes"]),
        keypoints=keypoints,
        skeleton=_skeleton(model["skeleton"], len(keypoints)),
        runs=model["runs"].integer(least=1),
    )


def path_of_model(model: Field) -> Path:
    """The file that ``model.path`` names.

    Raises:
        InputError: it names none.
    """
    if model.get("path", None).value is None:
        raise InputError("model=onnx needs model.path=FILE, the ONNX file to operate on")
    return Path(model["path"].text()).expanduser()


def preprocess(given: Settings, port: ImageInput) -> Preprocess:
    """From a photo to the operated graph's input: NCHW float32 whatever the found graph takes.

    Raises:
        InputError: layout, dtype or size are not those of the graph's input, or the values would
            not be the whole numbers that an integer input needs.
    """
    for key, said, there in (
        ("layout", given.layout, port.layout),
        ("dtype", given.dtype, port.dtype),
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
    result = Preprocess.from_json(Field(values, given.picture.file, given.picture.path))
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


def _size(field: Field, port: ImageInput) -> list[int] | None:
    """Height and width: what is said, where the graph takes it, or what the graph takes."""
    fixed = (port.height, port.width)
    if field.value is None:
        return None if None in fixed else [side for side in fixed if side is not None]
    sides = [field.value, field.value] if isinstance(field.value, int) else field.value
    said = [side.integer(least=1) for side in Field(sides, field.file, field.path).elements(2)]
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


def _choice(field: Field, key: str) -> str | None:
    value = field.get(key, None)
    if value.value is None:
        return None
    return value.text(tuple(LAYOUTS) if key == "layout" else (*FLOATS, *INTEGERS))


def _cut(field: Field) -> tuple[str, ...]:
    if field.value == AUTO:
        return ()
    if isinstance(field.value, str):
        return (field.value,)
    names = tuple(name.text() for name in field.elements())
    if not names:
        raise field.error("names of tensors or nodes, or auto")
    return names


def _decoder(field: Field) -> tuple[dict[str, Any], str | None]:
    """The decoder's name and parameters, and the layout that it says its heads have."""
    if field.value is None:
        return {"name": "none"}, None
    if isinstance(field.value, str):
        DECODERS.get(field.value)
        return {"name": field.value}, None
    DECODERS.get(field["name"].text())
    values = dict(field.mapping())
    layout = _choice(field, "layout")
    values.pop("layout", None)  # whatever they were, the operated graph's heads are NCHW
    return values, layout


def _classes(field: Field) -> tuple[str, ...]:
    if field.value is None:
        return ()
    if not isinstance(field.value, str):
        return tuple(name.text() for name in field.elements())
    try:
        return tuple(class_names(field.value))
    except ModelError as error:
        raise InputError(str(error)) from error


def _skeleton(field: Field, count: int) -> tuple[tuple[int, int], ...]:
    pairs = []
    for pair in _listed(field):
        first, second = (end.integer(least=0) for end in pair.elements(2))
        if max(first, second) >= count:
            raise pair.error(f"two indices into the {count} model.keypoints")
        pairs.append((first, second))
    return tuple(pairs)


def _listed(field: Field) -> list[Field]:
    return [] if field.value is None else field.elements()


def _mapped(field: Field) -> list[tuple[str, Field]]:
    return [] if field.value is None else list(field.items())
