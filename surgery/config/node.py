"""Nodes of the composed configuration as pydantic models, refused in one line.

Names, types and ranges stand in the models; the defaults stand in the YAML files of ``configs``.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from postprocess.errors import InputError
from postprocess.fields import Field as Value

SOURCE = "configuration"


def _path(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, str) else value


FilePath = Annotated[Path, BeforeValidator(_path), Field(description="a string")]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]


Kind = TypeVar("Kind", bound="Node")  # typing.Self came with Python 3.11


class Node(BaseModel):
    """A node: unknown keys are refused, and values are of the type that is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def known(cls) -> dict[str, FieldInfo]:
        """Fields by the key that they have in the configuration."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    @classmethod
    def read(cls: type[Kind], value: Any, path: str) -> Kind:
        """Check ``value``, which stands at ``path`` of the configuration.

        Raises:
            InputError: the first value that is of the wrong type, out of range or not among the
                choices, or a key that is unknown or missing.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise _in_one_line(cls, value, path, error) from None


def path_of(value: Value) -> Path | None:
    """A path, or None for null."""
    return None if value.value is None else Path(value.text()).expanduser()


def _in_one_line(node: type[Node], value: Any, path: str, error: ValidationError) -> InputError:
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    own = first.get("ctx", {}).get("error")
    if isinstance(own, InputError):
        return own
    at, owner, info, item = Value(value, SOURCE, path), node, None, False
    for key in first["loc"]:
        if isinstance(key, int) and isinstance(at.value, list):
            at, item = at.elements()[key], True
        elif first["type"] == "extra_forbidden" and key not in owner.known():
            return _refused(at, owner)
        elif key in at.mapping() and key != "[key]":
            at, item = at[key], key not in owner.known()
            info = owner.known().get(key, info)
            owner = next(iter(nodes_of(info)), owner) if info is not None else owner
    if first["type"] == "missing":
        return InputError(f"{SOURCE}: '{at.path}.{first['loc'][-1]}' is missing")
    return at.error(_expected(first["type"], info, item=item))


def _refused(at: Value, owner: type[Node]) -> InputError:
    try:
        at.only(*owner.known())
    except InputError as error:
        return error
    raise AssertionError(at.path)


def nodes_of(info: FieldInfo | None) -> list[type[Node]]:
    """The models among the types of a field."""
    kinds = _kinds(info.annotation) if info is not None else []
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Node)]


def _kinds(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (typing.Union, types.UnionType):
        return [kind for each in get_args(annotation) for kind in _kinds(each)]
    return [annotation]


def _expected(kind: str, info: FieldInfo | None, *, item: bool) -> str:
    """What a field expects, in words."""
    if kind in ("model_type", "dict_type"):
        return "an object"
    if item or info is None:
        return "a string" if kind == "string_type" else "an integer of at least 0"
    if info.description:
        return info.description
    annotation = next(each for each in _kinds(info.annotation) if each is not type(None))
    least = next((m.ge for m in _metadata(info, annotation) if hasattr(m, "ge")), None)
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if get_origin(annotation) is tuple:
        return "a list"
    if get_origin(annotation) in (dict, Mapping):
        return "an object"
    words = {int: "an integer", float: "a finite number", bool: "true or false"}
    return words.get(annotation, "a string") + ("" if least is None else f" of at least {least}")


def _metadata(info: FieldInfo, annotation: Any) -> list[Any]:
    inner = list(get_args(annotation)[1:]) if get_origin(annotation) is Annotated else []
    found = [*info.metadata, *inner]
    return [m for each in found for m in (each.metadata if isinstance(each, FieldInfo) else [each])]
