"""Zip archives by their members: renamed, doubled, dropped, compressed, with other sizes."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from random import Random

from . import octets

Change = Callable[[Random, str, bytes], bytes]
BOMB = 64 << 20  # bytes of zeros that a member unpacks to


def mutated(rng: Random, data: bytes, change: Change) -> bytes:
    """A zip archive with its content changed by ``change``, or its members, or its own bytes."""
    kind = rng.randrange(8)
    if kind == 0:
        return octets.mutated(rng, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    compression = zipfile.ZIP_STORED
    at = rng.randrange(len(members))
    name, content = members[at]
    if kind == 1:
        members[at] = (octets.text(rng, name).replace("\0", "") or "x", content)
    elif kind == 2:
        del members[at]
    elif kind == 3:
        members.append(members[at])
    elif kind == 4 and rng.random() < 0.2:
        compression, members[at] = zipfile.ZIP_DEFLATED, (name, bytes(BOMB))
    else:
        members[at] = (name, change(rng, name, content))
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # two members of one name
        for name, content in members:
            archive.writestr(name.encode("utf-8", "replace").decode(), content)
    return buffer.getvalue()
