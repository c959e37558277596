"""Bytes: flipped, cut, doubled, moved, and numbers that lengths and counts go wrong on."""

from __future__ import annotations

from random import Random

WHOLE = (0, 1, -1, 2, 127, 128, 255, 256, 2**15, 2**16, 2**31 - 1, 2**31, -(2**31), 2**32 - 1)
WIDE = (*WHOLE, 2**40, 2**62, 2**63 - 1, -(2**63))
TEXTS = (
    "",
    "..",
    "../outside",
    "/etc/passwd",
    "/dev/zero",
    "a\nb",
    "\x1b[2J",
    "\0",
    "<script>alert(1)</script>",
    "%s%n",
    "x" * 5000,
    "é\u202eж",
    "${oc.env:HOME}",
    "os.system",
    "1e999",
    "nan",
)


def mutated(rng: Random, data: bytes) -> bytes:
    """``data`` with one to four changes."""
    for _ in range(rng.randint(1, 4)):
        data = _changed(rng, data)
    return data


def _changed(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data)) if data else 0
    kind = rng.randrange(7)
    if kind == 0 and data:
        return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
    if kind == 1:
        return data[:at]
    if kind == 2:
        end = at + rng.randint(1, 64)
        return data[:at] + data[end:]
    if kind == 3:
        part = data[at : at + rng.randint(1, 64)]
        return data[:at] + part * rng.randint(2, 20) + data[at + len(part) :]
    if kind == 4:
        return data[:at] + rng.randbytes(rng.randint(1, 16)) + data[at:]
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice(WIDE) % 2 ** (8 * size)
    order = "little" if kind == 5 else "big"
    return data[:at] + number.to_bytes(size, order) + data[at + size :]


def text(rng: Random, value: str) -> str:
    """A string in another's place."""
    kind = rng.randrange(3)
    if kind == 0:
        return rng.choice(TEXTS)
    if kind == 1:
        return value + rng.choice(TEXTS)
    at = rng.randint(0, len(value))
    return value[:at] + rng.choice(TEXTS) + value[at + rng.randint(0, 3) :]
