"""Protobuf by its fields, found by reflection: any message, here ONNX models."""

from __future__ import annotations

from random import Random
from typing import Any

from . import octets


def mutated(rng: Random, message: Any) -> None:
    """Change one to three fields anywhere in a message, in place."""
    for _ in range(rng.randint(1, 3)):
        holders = list(_messages(message))
        _change(rng, rng.choice(holders))


def _messages(message: Any) -> Any:
    """A message and those inside of it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                yield from _messages(each)


def _change(rng: Random, message: Any) -> None:
    fields = [field for field, _ in message.ListFields()]
    if not fields or rng.random() < 0.15:
        fields = list(message.DESCRIPTOR.fields)
    field = rng.choice(fields)
    if rng.random() < 0.12:
        message.ClearField(field.name)
        return
    if field.is_repeated:
        _repeated(rng, field, getattr(message, field.name))
    elif field.message_type is not None:
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, _value(rng, field, getattr(message, field.name)))


def _repeated(rng: Random, field: Any, values: Any) -> None:
    count, kind = len(values), rng.randrange(4)
    at = rng.randrange(count) if count else 0
    if kind == 0 and count:
        del values[at]
    elif field.message_type is not None:
        if count:
            values.add().CopyFrom(values[at])
        else:
            values.add()
    elif kind < 3 and count:
        values[at] = _value(rng, field, values[at])
    else:
        values.append(_value(rng, field, values[at] if count else field.default_value or 0))


def _value(rng: Random, field: Any, old: Any) -> Any:
    if field.cpp_type == field.CPPTYPE_STRING:
        if field.type == field.TYPE_BYTES:
            return octets.mutated(rng, old if isinstance(old, bytes) else b"")
        return octets.text(rng, old if isinstance(old, str) else "")
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return rng.choice((0.0, -1.0, float("nan"), float("inf"), 1e38, 1e-40))
    if field.enum_type is not None:
        return rng.choice([each.number for each in field.enum_type.values])
    if field.cpp_type == field.CPPTYPE_BOOL:
        return not old
    bits = 32 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 64
    signed = field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_INT64)
    number = rng.choice((*octets.WIDE, old + 1, old - 1)) % 2**bits
    return number - 2**bits if signed and number >= 2 ** (bits - 1) else number
