"""Reader of Paddle's training weights, `.pdparams`: a pickle of names and numpy arrays.

A pickle can call anything, so this one may only call what numpy arrays are made of; whatever else
a file asks for is refused before it runs.  `paddle.save` writes the state dict as name -> array,
and a table of its internal names under `StructuredToParameterName@@`.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CheckpointError

INTERNAL_NAMES = "StructuredToParameterName@@"
SPLIT_ARRAYS = "UnpackBigParamInfor@@"  # arrays of over a gigabyte, cut in pieces
BATCH_NORM = {"_mean": "running_mean", "_variance": "running_var"}
PROTOCOLS = range(2, 6)
# numpy moved its core package in version 2; both names occur in files.
_ALLOWED = {
    ("collections", "OrderedDict"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("_codecs", "encode"),  # how pickle's protocol 2 writes bytes
    *(
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    ),
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(
                f"it asks for {module_name}.{global_name}, and only numpy arrays are allowed"
            )
        return super().find_class(module_name, global_name)


def is_pickle(path: str | Path) -> bool:
    """Whether a file starts as a pickle of protocol 2 or later."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(2)
    except OSError:
        return False
    return len(start) == 2 and start[0] == 0x80 and start[1] in PROTOCOLS


def read_paddle(path: str | Path) -> dict[str, Tensor]:
    """The state dict of a `.pdparams` file, BatchNorm's statistics under PyTorch's names.

    Raises CheckpointError where the file is missing, damaged, or holds anything but arrays.
    """
    try:
        content = _ArrayUnpickler(io.BytesIO(Path(path).read_bytes()), encoding="latin1").load()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"cannot read {path} as Paddle weights: {reason}") from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{path} holds a {type(content).__name__}, expected a dict of names and arrays"
        )
    if SPLIT_ARRAYS in content:
        raise CheckpointError(f"{path} holds arrays in pieces: save it with pickle protocol 4")
    content.pop(INTERNAL_NAMES, None)
    return {_own_name(str(name)): _tensor(name, value, path) for name, value in content.items()}


def _own_name(name: str) -> str:
    before, dot, last = name.rpartition(".")
    return before + dot + BATCH_NORM.get(last, last)


def _tensor(name: object, value: object, path: str | Path) -> Tensor:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise CheckpointError(
            f"{path}: {name} is {type(value).__name__}, expected a numpy array of numbers"
        )
    return torch.from_numpy(np.array(value))
