"""Weights that a foreign model keeps in files beside it, looked at with care before they are read.

A model names the file of a weight, and so could name any file of the machine. Only files of the
model's own folder are read, links out of it are not followed, and what is missing, cut short or of
another length than its weight is reported in one line.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto

from postprocess.errors import InputError

from .storage import SMALLEST, refer
from .weights import all_tensors, inside, is_outside, size_of


def adopt_files(model: onnx.ModelProto, path: Path, *, weights: bool) -> None:
    """Check what the model keeps in files, in place.

    Small tensors are read, since shapes and bounds decide what a graph means.

    Args:
        path: of the model.
        weights: let large weights name their file by its absolute path, and read constants of
            nodes and inner graphs; else these stay as they are.

    Raises:
        InputError: a file is missing, too short or outside of the model's folder, or a weight is
            not as long as its shape says.
    """
    own = len(model.graph.initializer)
    for position, tensor in enumerate(all_tensors(model.graph)):
        if not is_outside(tensor):
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        file = _file(tensor, entries.get("location", ""), path)
        offset, length = _span(tensor, entries, file, path)
        small = length < SMALLEST
        if small or weights:
            refer(tensor, str(file), offset, length)
        if small or (weights and position >= own):
            tensor.CopyFrom(inside(tensor))


def _file(tensor: TensorProto, location: str, path: Path) -> Path:
    """Absolute path of the file that a tensor names."""
    if Path(location).is_absolute() or ".." in Path(location).parts:
        raise InputError(
            f"{path} keeps weight {tensor.name!r} in {location!r}, outside of its own folder: "
            "refused"
        )
    file = path.parent / location
    if not file.is_file():
        raise InputError(
            f"{path} keeps weight {tensor.name!r} in {file.name}, which is not beside it: "
            "copy both files together"
        )
    found = file.resolve()
    if not found.is_relative_to(path.parent.resolve()):
        raise InputError(
            f"{path}: its weights cannot be read: {location!r} is a link out of its own folder; "
            "copy the file there"
        )
    return found


def _span(tensor: TensorProto, entries: dict[str, str], file: Path, path: Path) -> tuple[int, int]:
    """Offset and length in bytes of a tensor's values."""
    span = [entries.get(key) or "0" for key in ("offset", "length")]
    if not all(number.isascii() and number.isdecimal() for number in span):
        raise InputError(
            f"{path} keeps weight {tensor.name!r} at offset and length {', '.join(span)}, "
            "expected numbers of bytes"
        )
    (offset, given), length = map(int, span), size_of(tensor)
    if given not in (0, length):
        raise InputError(
            f"{path}: weight {tensor.name!r} of shape ({','.join(map(str, tensor.dims))}) takes "
            f"{length:,} bytes, the file says {given:,}"
        )
    total = file.stat().st_size
    if total < offset + length:
        raise InputError(
            f"{file} is truncated: weight {tensor.name!r} ends at byte {offset + length:,}, the "
            f"file has {total:,}"
        )
    return offset, length
