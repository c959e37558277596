"""Pictures and videos by their chunks: PNG, JPEG, WebP, MP4; lengths and checksums made to fit."""

from __future__ import annotations

import struct
import zlib
from random import Random

from . import octets

PNG = b"\x89PNG\r\n\x1a\n"
Chunks = list[tuple[bytes, bytes]]


def mutated(rng: Random, data: bytes) -> bytes:
    """A file with its chunks changed, or, at times, its bytes."""
    for reader, writer in (
        (_png, _png_of),
        (_riff, _riff_of),
        (_jpeg, _jpeg_of),
        (_boxes, _mp4_of),
    ):
        if rng.random() > 0.2 and (found := reader(data)):
            return writer(_changed(rng, found))
    return octets.mutated(rng, data)


def _changed(rng: Random, chunks: Chunks) -> Chunks:
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(chunks))
        name, content = chunks[at]
        kind = rng.randrange(6)
        if kind == 0 and len(chunks) > 1:
            del chunks[at]
        elif kind == 1:
            chunks.insert(rng.randint(0, len(chunks)), chunks[at])
        elif kind == 2:
            other = rng.randrange(len(chunks))
            chunks[at], chunks[other] = chunks[other], chunks[at]
        elif kind == 3 and len(content) >= 8:  # sizes stand in front
            place = rng.randrange(0, min(len(content), 24) - 3)
            number = (rng.choice(octets.WIDE) % 2**32).to_bytes(4, "big")
            chunks[at] = name, content[:place] + number + content[place + 4 :]
        else:
            chunks[at] = name, octets.mutated(rng, content)
    return chunks


def _png(data: bytes) -> Chunks:
    if not data.startswith(PNG):
        return []
    found, at = [], len(PNG)
    while at + 12 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def _png_of(chunks: Chunks) -> bytes:
    return PNG + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def _riff(data: bytes) -> Chunks:
    if not data.startswith(b"RIFF"):
        return []
    found, at = [], 12
    while at + 8 <= len(data):
        (size,) = struct.unpack("<I", data[at + 4 : at + 8])
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def _riff_of(chunks: Chunks) -> bytes:
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(part)) + part + bytes(len(part) % 2) for name, part in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _jpeg(data: bytes) -> Chunks:
    if not data.startswith(b"\xff\xd8"):
        return []
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        (size,) = struct.unpack(">H", data[at + 2 : at + 4])
        found.append((data[at : at + 2], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return [*found, (b"", data[at:])]  # the scan


def _jpeg_of(chunks: Chunks) -> bytes:
    return b"\xff\xd8" + b"".join(
        name + (struct.pack(">H", min(len(body) + 2, 65535)) if name else b"") + body
        for name, body in chunks
    )


def _boxes(data: bytes) -> Chunks:
    if data[4:8] != b"ftyp":
        return []
    found, at = [], 0
    while at + 8 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + max(size, 8)]))
        at += max(size, 8)
    return found


def _mp4_of(chunks: Chunks) -> bytes:
    return b"".join(struct.pack(">I", len(body) + 8) + name + body for name, body in chunks)
