"""Checked access to parsed JSON: a value that is not as expected is named by file and field."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import InputError
from .registry import suggestion


def shown(value: Any) -> str:
    """A value for a message, short enough for one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True)
class Field:
    """One value of a JSON document and where it stands.

    Attributes:
        value: the parsed value.
        file: the document's path, for messages.
        path: where in the document, for example "preprocess.mean[0]"; empty for the whole.
    """

    value: Any
    file: str
    path: str = ""

    def error(self, expected: str) -> InputError:
        """An InputError that names file, field, what was expected and what is there."""
        where = f" {self.path!r}" if self.path else ""
        return InputError(f"{self.file}:{where} expects {expected}, got {shown(self.value)}")

    def mapping(self) -> dict[str, Any]:
        """The value as a JSON object."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return self.value

    def only(self, *known: str) -> Field:
        """Self, after refusing keys that are not known: a misspelt one would change the result."""
        for key in self.mapping():
            if key not in known:
                raise InputError(
                    f"{self.file}: {self._below(key)!r} is unknown{suggestion(key, known)} "
                    f"(known: {', '.join(known)})"
                )
        return self

    def __getitem__(self, key: str) -> Field:
        entries = self.mapping()
        if key not in entries:
            raise InputError(f"{self.file}: {self._below(key)!r} is missing")
        return Field(entries[key], self.file, self._below(key))

    def get(self, key: str, default: Any) -> Field:
        """Like indexing, with a value for an absent key."""
        return Field(self.mapping().get(key, default), self.file, self._below(key))

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def items(self) -> Iterator[tuple[str, Field]]:
        """Keys and fields of an object."""
        for key in self.mapping():
            yield key, self[key]

    def elements(self, count: int | None = None) -> list[Field]:
        """Elements of a list, of `count` where that is given."""
        if not isinstance(self.value, list) or (count is not None and len(self.value) != count):
            raise self.error("a list" if count is None else f"a list of {count}")
        return [
            Field(element, self.file, f"{self.path}[{i}]") for i, element in enumerate(self.value)
        ]

    def text(self, among: Sequence[str] = ()) -> str:
        """The value as a string, one of `among` where that is given."""
        if not isinstance(self.value, str):
            raise self.error("a string")
        if among and self.value not in among:
            raise self.error(f"one of {', '.join(among)}")
        return self.value

    def integer(self, least: int | None = None) -> int:
        """The value as an integer of at least `least`."""
        good = isinstance(self.value, int) and not isinstance(self.value, bool)
        if not good or (least is not None and self.value < least):
            raise self.error("an integer" + ("" if least is None else f" of at least {least}"))
        return int(self.value)

    def number(self) -> float:
        """The value as a finite number."""
        good = isinstance(self.value, (int, float)) and not isinstance(self.value, bool)
        # JSON's integers have no end, and float() of 10**400 raises
        if not good or not abs(self.value) <= sys.float_info.max:
            raise self.error("a finite number")
        return float(self.value)

    def flag(self) -> bool:
        """The value as true or false."""
        if not isinstance(self.value, bool):
            raise self.error("true or false")
        return self.value
