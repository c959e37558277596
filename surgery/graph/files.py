"""Read an ONNX file that somebody else wrote, and say in one line what is wrong with it.

Weights in files beside the model are not read, only looked for: an audit needs their shapes alone.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from postprocess.errors import InputError

from .modules import all_nodes

LARGEST = 2**31 - 1  # bytes of a protobuf message, and so of a graph whose weights are in memory

# First bytes of what people take for an ONNX file.
_OTHERS = (
    (b"PK\x03\x04", 0, "a zip archive: a PyTorch checkpoint or a Core ML package?"),
    (b"ORTM", 4, "an ORT-format model: the .onnx it was made from is needed"),
    (b"TFL3", 4, "a LiteRT (TensorFlow Lite) model"),
    (b"7767517", 0, "an ncnn .param file"),
    (b"\x80\x02", 0, "a Python pickle: a PyTorch or Paddle checkpoint?"),
    (b"version https://git-lfs", 0, "a Git LFS pointer: run git lfs pull"),
)


def load_onnx(path: str | Path, *, weights: bool = False) -> onnx.ModelProto:
    """Read an ONNX file and check what every later step relies on.

    Args:
        path: of the ``.onnx`` file.
        weights: also read what is stored in files beside it.

    Raises:
        InputError: no such file, not an ONNX model, truncated, weights missing beside it, more of
            them than a graph in memory can hold, or an operator of a domain that the file does
            not import.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if not data:
        raise InputError(f"{path} is empty, expected an ONNX model")
    for magic, offset, what in _OTHERS:
        if data[offset : offset + len(magic)] == magic:
            raise InputError(f"{path} is not an ONNX model but {what}")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, whose package has no public types
        raise InputError(
            f"{path} ({len(data):,} bytes) is not an ONNX model, or only a part of one: {error}"
        ) from error
    if not model.ir_version or not model.HasField("graph"):
        raise InputError(f"{path} ({len(data):,} bytes) is not an ONNX model: it holds no graph")
    beside = _check_external(model, path)
    check_domains(model, str(path))
    if weights:
        _read_weights(model, path, len(data) + beside)
    return model


def check_domains(model: onnx.ModelProto, place: str) -> None:
    """Refuse a model with a node of a domain that it does not import.

    Args:
        model: to look through.
        place: where it is from, for the message.

    Raises:
        InputError: naming the first such node.
    """
    imported = {entry.domain or "ai.onnx" for entry in model.opset_import}
    for node in all_nodes(model.graph):
        if (node.domain or "ai.onnx") not in imported:
            raise InputError(
                f"{place}: node {node.name or node.output[0]!r} ({node.op_type}) is of domain "
                f"{node.domain or 'ai.onnx'!r}, which the model does not import (it imports "
                f"{', '.join(sorted(imported)) or 'none'})"
            )


def _read_weights(model: onnx.ModelProto, path: Path, size: int) -> None:
    """Read the weights beside the model into it, in place, unless they are too many."""
    if size > LARGEST:
        raise InputError(
            f"{path} and its weights are {size:,} bytes, expected at most {LARGEST:,}: a graph in "
            "memory cannot be larger (task=audit reads the graph alone)"
        )
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # onnx raises its checker's and Python's own classes
        cause = " ".join(str(error).split())
        raise InputError(f"{path}: its weights cannot be read: {cause}") from error


def _check_external(model: onnx.ModelProto, path: Path) -> int:
    """Refuse a model whose weights are not in the files beside it; return their bytes."""
    total = 0
    for tensor in model.graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
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
        span = [entries.get(key) or "0" for key in ("offset", "length")]
        if not all(number.isdecimal() for number in span):
            raise InputError(
                f"{path} keeps weight {tensor.name!r} at offset and length {', '.join(span)}, "
                "expected numbers of bytes"
            )
        end = sum(map(int, span))
        if file.stat().st_size < end:
            raise InputError(
                f"{file} is truncated: weight {tensor.name!r} ends at byte {end:,}, the file has "
                f"{file.stat().st_size:,}"
            )
        total += int(span[1]) or file.stat().st_size - int(span[0])
    return total
