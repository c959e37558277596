"""Read an ONNX file that somebody else wrote, and say in one line what is wrong with it.

Weights in files beside the model are not read unless they are asked for: an audit needs their
shapes alone.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import onnx

from postprocess.errors import InputError

from .external import adopt_files
from .order import in_order
from .storage import settle
from .whole import check_whole

LARGEST = 2**31 - 1  # bytes of a protobuf message
LOG = logging.getLogger("surgery")
HEAD = 64  # bytes that tell what a file is

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
        weights: also read what is stored in files beside it, as far as it fits in memory.

    Raises:
        InputError: no such file, not an ONNX model, truncated, weights missing beside it or not as
            many as their shape says, or not a whole graph (:func:`~.whole.check_whole`).
    """
    path = Path(path)
    data = _content(path)
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, whose package has no public types
        raise InputError(
            f"{path} ({len(data):,} bytes) is not an ONNX model, or only a part of one: {error}"
        ) from error
    if not model.ir_version or not model.HasField("graph"):
        raise InputError(f"{path} ({len(data):,} bytes) is not an ONNX model: it holds no graph")
    if in_order(model):
        LOG.warning("%s: its nodes are not in order; they are sorted on reading", path)
    check_whole(model, str(path))
    try:
        adopt_files(model, path, weights=weights)
        return settle(model) if weights else model
    except OSError as error:
        raise InputError(f"{path}: its weights cannot be read: {error.strerror}") from error


def _content(path: Path) -> bytes:
    """The bytes of a file that may be an ONNX model."""
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe or a device has no end
        raise InputError(f"cannot read {path}: it is no file")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            size = os.fstat(file.fileno()).st_size
            for magic, offset, what in _OTHERS:
                if head[offset : offset + len(magic)] == magic:
                    raise InputError(f"{path} is not an ONNX model but {what}")
            if size > LARGEST:
                raise InputError(
                    f"{path} has {size:,} bytes, an ONNX file ends at {LARGEST:,}: weights beyond "
                    "that lie in files beside it (onnx.save with save_as_external_data=True)"
                )
            data = head + file.read()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if not data:
        raise InputError(f"{path} is empty, expected an ONNX model")
    return data
