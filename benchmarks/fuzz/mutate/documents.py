"""JSON by its values, and text by its words and lines."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import Any

from . import octets

ODD = (
    *(None, True, False, "", [], {}, [[]], [None], {"": None}, "0", -1, 0, 1, 0.5, -0.0),
    *(1e308, 2**31, 2**63, 10**400, 1e-320, float("nan"), float("inf"), "NaN", "\ud800"),
)


def mutated(rng: Random, document: Any) -> Any:
    """A copy with one to three values, keys or elements changed."""
    document = deepcopy(document)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(document))
        if not places:
            return rng.choice(ODD)
        holder, key = rng.choice(places)
        _change(rng, holder, key)
    return document


def _places(value: Any) -> Any:
    """Every (holder, key or index) below a value."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _change(rng: Random, holder: Any, key: Any) -> None:
    old, kind = holder[key], rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(rng.randint(0, len(holder)), deepcopy(rng.choice(holder)))
    elif kind == 1:
        holder[octets.text(rng, str(key))] = holder.pop(key)
    elif kind == 2 and isinstance(old, str):
        holder[key] = octets.text(rng, old)
    elif kind == 2 and isinstance(old, (int, float)):
        holder[key] = rng.choice((*octets.WIDE, old + 1, -old, old * 1000, str(old), [old]))
    elif kind == 3:
        others = [value[at] for value, at in _places(holder)]
        holder[key] = deepcopy(rng.choice(others))
    elif kind == 4:
        nested: Any = old
        for _ in range(rng.choice((1, 3, 100))):
            nested = [nested]
        holder[key] = nested
    else:
        holder[key] = deepcopy(rng.choice(ODD))


def written(rng: Random, document: Any) -> bytes:
    """The JSON of a mutated document, at times with its bytes changed too."""
    data = json.dumps(mutated(rng, document)).encode("utf-8", "surrogatepass")
    if rng.random() < 0.02:  # deeper than a recursive reader goes
        data = data.replace(b"1", b"[" * 100_000 + b"]" * 100_000, 1)
    return octets.mutated(rng, data) if rng.random() < 0.15 else data


def words(rng: Random, given: str) -> bytes:
    """Text with lines and words doubled, dropped, exchanged or replaced."""
    lines = [line.split(" ") for line in given.split("\n")]
    for _ in range(rng.randint(1, 4)):
        row = rng.randrange(len(lines))
        line = lines[row]
        at = rng.randrange(len(line)) if line else 0
        kind = rng.randrange(6)
        if kind == 0 and len(lines) > 1:
            del lines[row]
        elif kind == 1:
            lines.insert(row, list(rng.choice(lines)))
        elif kind == 2 and line:
            del line[at]
        elif kind == 3:
            line.insert(at, octets.text(rng, "1"))
        elif line:
            key, sign, value = line[at].rpartition("=")
            number = str(rng.choice((*octets.WIDE, 10**30, 0.5, "nan", "1e9")))
            line[at] = key + sign + (number if rng.random() < 0.8 else octets.text(rng, value))
    data = "\n".join(" ".join(line) for line in lines).encode("utf-8", "surrogatepass")
    return octets.mutated(rng, data) if rng.random() < 0.1 else data
