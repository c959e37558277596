"""Pickles by their operations: dropped, doubled, exchanged, with other numbers and other globals.

What the operations do is never run here: :func:`pickletools.genops` only reads them.
"""

from __future__ import annotations

import pickletools
import struct
from random import Random

from . import octets

GLOBALS = (
    b"cos\nsystem\n",
    b"cposix\nsystem\n",
    b"cbuiltins\neval\n",
    b"cbuiltins\ngetattr\n",
    b"csubprocess\nPopen\n",
    b"ctorch.hub\nload\n",
    b"ctorch.storage\n_load_from_bytes\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n",
    b"ctorch._utils\n_rebuild_sparse_tensor\n",
    b"ctorch._utils\n_rebuild_qtensor\n",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"cnumpy.core.multiarray\nscalar\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"ccollections\nOrderedDict\n",
    b"c_codecs\nencode\n",
)
LOOSE = (
    b"0",
    b"1",
    b"2",
    b"(",
    b"b",
    b"R",
    b"t",
    b"}",
    b"]",
    b")",
    b"N",
    b"\x81",
    b"\x85",
    b"s",
    b"u",
)
_WIDTHS = {"BININT": "<i", "BININT1": "<B", "BININT2": "<H", "LONG_BINPUT": "<I", "BINPUT": "<B"}


def mutated(rng: Random, data: bytes) -> bytes:
    """A pickle with one to four operations changed; what follows its end stays."""
    try:
        found = [(op, at) for op, _, at in pickletools.genops(data)]
    except Exception:  # changed before, and no longer readable
        return octets.mutated(rng, data)
    ends = [*(at for _, at in found[1:]), found[-1][1] + 1]
    parts = [data[at:end] for (_, at), end in zip(found, ends, strict=True)]
    names = [op.name for op, _ in found]
    for _ in range(rng.randint(1, 4)):
        at, kind = rng.randrange(len(parts)), rng.randrange(7)
        if kind == 0:
            parts[at] = b""
        elif kind == 1:
            parts[at] *= rng.randint(2, 5)
        elif kind == 2:
            other = rng.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        elif kind == 3:
            parts[at] += rng.choice(GLOBALS) + rng.choice((b"", b"(S'true'\ntR", b")R", b"b"))
        elif kind == 4:
            parts[at] += rng.choice(LOOSE)
        elif kind == 5:
            parts[at] = _number(rng, names[at], parts[at])
        else:
            parts[at] = octets.mutated(rng, parts[at])
    return b"".join(parts) + data[ends[-1] :]


def _number(rng: Random, name: str, part: bytes) -> bytes:
    """The operation with another number."""
    if name in _WIDTHS and part:
        size = struct.calcsize(_WIDTHS[name])
        return part[:1] + (rng.choice(octets.WIDE) % 2 ** (8 * size)).to_bytes(size, "little")
    return b"\x8a\x08" + (rng.choice(octets.WIDE) % 2**64).to_bytes(8, "little")  # LONG1
