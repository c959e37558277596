"""What a decoder is: a class built from parameters that turns a network's heads into instances.

Decoders are registered by name in the entry-point group `postprocess.decoders`; `bundle.json` holds
the name and the parameters. A decoder is a frozen dataclass over `Parameters`, so that a wrong
parameter is one line naming it, and `schema` describes the parameters to other programs.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import (
    Any,
    ClassVar,
    Literal,
    Protocol,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

import numpy as np
from numpy.typing import NDArray

from ..contracts import lacking
from ..errors import InputError
from ..instances import Array, Instances
from ..registry import Registry, suggestion

Refine = Callable[[Mapping[str, Array], Sequence[str]], dict[str, Array]]
"""The learned part after the backbone: (arrays by input, wanted outputs) -> arrays by output."""


class Decoder(Protocol):
    """Heads of a batch in, instances of each image out."""

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch.

        Args:
            heads: the backbone's outputs by name, batch first.
            refine: the learned part after the backbone, for models that have one.
            trace: filled with every stage's arrays by name; batch of one only.

        Returns:
            Instances of each image, in network-input pixels, score descending.

        Raises:
            InputError: a head is missing or its shape does not fit.
        """


@runtime_checkable
class FlipTest(Protocol):
    """A decoder whose heads can be averaged with those of the mirrored images."""

    def merge_flipped(
        self, heads: Mapping[str, Array], mirrored: Mapping[str, Array], order: NDArray[np.int64]
    ) -> dict[str, Array]:
        """Return the average; `order` holds the index of each keypoint's mirror image."""


def check_trace(trace: Mapping[str, Array] | None, images: int) -> None:
    """Refuse to trace a batch of other than one image.

    Raises:
        InputError: saying how many there are.
    """
    if trace is not None and images != 1:
        raise InputError(f"a trace is of one image, got a batch of {images}")


class DecoderClass(Protocol):
    """What is registered: called with parameters, gives a decoder."""

    def __call__(self, **parameters: Any) -> Decoder:
        """Build the decoder; raises InputError for an unknown or ill-typed parameter."""


DECODERS: Registry[DecoderClass] = Registry(
    "postprocess.decoders",
    "decoder",
    own={
        "ctdet": "postprocess.decoders.ctdet:CTDet",
        "keypoints": "postprocess.decoders.top_down:Keypoints",
        "movenet": "postprocess.decoders.movenet:MoveNet",
        "multi_pose": "postprocess.decoders.multi_pose:MultiPose",
        "none": "postprocess.decoders.none:NoDecoder",
        "simcc": "postprocess.decoders.simcc:SimCC",
        "snake_rcnn": "postprocess.decoders.snake_rcnn:SnakeRcnn",
    },
    fault=lacking(DecoderClass),
)


class Parameters:
    """Base of a decoder's frozen dataclass: checks names and types of its parameters.

    A field may be typed bool, int, float, str, a Literal, tuple[X, ...], and any of these or None.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __new__(cls, *args: Any, **parameters: Any) -> Any:
        """Refuse unknown names before the dataclass's own constructor raises a TypeError."""
        known = {field.name: field for field in dataclasses.fields(cls)}
        name = cls.__name__
        for parameter in parameters:
            if parameter not in known:
                raise InputError(
                    f"decoder {name} has no parameter {parameter!r}{suggestion(parameter, known)} "
                    f"(it has: {', '.join(known)})"
                )
        for parameter, field in known.items():
            if field.default is dataclasses.MISSING and parameter not in parameters and not args:
                raise InputError(f"decoder {name} needs the parameter {parameter!r}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):  # JSON has no tuples
                value = tuple(value)
                object.__setattr__(self, field.name, value)
            if not _fits(value, hints[field.name]):
                raise self.wrong(field.name, _words(hints[field.name]))

    def at_least(self, least: int, *parameters: str) -> None:
        """Refuse a parameter below `least`."""
        for name in parameters:
            if getattr(self, name) < least:
                raise self.wrong(name, f"at least {least}")

    def odd(self, parameter: str) -> None:
        """Refuse a parameter that is not 1, 3, 5, ..."""
        if getattr(self, parameter) < 1 or getattr(self, parameter) % 2 == 0:
            raise self.wrong(parameter, "an odd number")

    def above_zero(self, parameter: str) -> None:
        """Refuse a parameter that is 0 or less."""
        if not getattr(self, parameter) > 0:
            raise self.wrong(parameter, "a number above 0")

    def fractions(self, *parameters: str) -> None:
        """Refuse a parameter outside of 0 to 1; None passes."""
        for name in parameters:
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise self.wrong(name, "a number from 0 to 1")

    def wrong(self, parameter: str, expected: str) -> InputError:
        """An InputError that names the decoder, the parameter, what it expects and what it got."""
        got = getattr(self, parameter)
        return InputError(
            f"decoder {type(self).__name__}: {parameter!r} expects {expected}, got {got!r}"
        )


def schema(decoder: type[Parameters]) -> dict[str, Any]:
    """JSON Schema of a decoder's parameters."""
    hints = get_type_hints(decoder)
    fields = dataclasses.fields(decoder)
    properties = {}
    for field in fields:
        properties[field.name] = _json_type(hints[field.name])
        if field.default is not dataclasses.MISSING:
            properties[field.name]["default"] = field.default
    return {
        "type": "object",
        "properties": properties,
        "required": [each.name for each in fields if each.default is dataclasses.MISSING],
        "additionalProperties": False,
    }


def _options(hint: Any) -> tuple[Any, ...] | None:
    """Members of a union, None for another type."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else None


def _fits(value: Any, hint: Any) -> bool:
    options = _options(hint)
    if options is not None:
        return any(_fits(value, option) for option in options)
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if hint is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and abs(value) <= sys.float_info.max  # NaN is not
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    options = _options(hint)
    if options is not None:
        return " or ".join(_words(option) for option in options)
    if get_origin(hint) is Literal:
        return " or ".join(repr(choice) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return f"a list of {_words(get_args(hint)[0])}"
    names = {float: "a number", int: "an integer", str: "a string", bool: "true or false"}
    return names.get(hint, "null")


def _json_type(hint: Any) -> dict[str, Any]:
    options = _options(hint)
    if options is not None:
        return {"anyOf": [_json_type(option) for option in options]}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _json_type(get_args(hint)[0])}
    names = {float: "number", int: "integer", str: "string", bool: "boolean"}
    return {"type": names.get(hint, "null")}
