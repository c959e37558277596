"""Reader of Paddle's training weights, `.pdparams`: a pickle of names and numpy arrays.

A pickle can call anything, so this one reaches nothing but the stand-ins of `.stand_ins`, which
make arrays of numbers; whatever else a file asks for is refused before it runs.  `paddle.save`
writes the state dict as name -> array, and a table of its internal names under
`StructuredToParameterName@@`.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError
from .stand_ins import STAND_INS, Array

INTERNAL_NAMES = "StructuredToParameterName@@"
SPLIT_ARRAYS = "UnpackBigParamInfor@@"  # arrays of over a gigabyte, cut in pieces
BATCH_NORM = {"_mean": "running_mean", "_variance": "running_var"}
PROTOCOLS = range(2, 6)


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        found = STAND_INS.get((module_name, global_name))
        if found is None:
            raise pickle.UnpicklingError(
                f"it asks for {module_name}.{global_name}, and only numpy arrays are allowed"
            )
        return found


def _check_operations(data: bytes) -> None:
    """Refuse a memo index beyond the operations so far: the unpickler would set aside its room."""
    for number, (operation, argument, _) in enumerate(pickletools.genops(data)):
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > number + 1:
            raise pickle.UnpicklingError(f"it keeps a value at place {argument} of its memo")


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
        data = Path(path).read_bytes()
        _check_operations(data)
        content = _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
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
    if not isinstance(value, Array):
        raise CheckpointError(
            f"{path}: {name} is {type(value).__name__}, expected a numpy array of numbers"
        )
    try:
        return torch.from_numpy(value.numbers())
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {name} cannot be read: {error}") from error
