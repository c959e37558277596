"""What every stage of the run time gives for one image, and golden.npz, which holds it.

golden.npz lets a port to any language check itself stage by stage. Its arrays: `image` (H, W, 3)
uint8 BGR; `input` (1, 3, h, w); `transform` (scale x, scale y, shift x, shift y), with network =
image * scale + shift; `head.<output>` of the backbone; the decoder's own stages (`detection`,
`poly_init`, ...); `instances.<field>`, its result in network-input pixels.
"""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .images import write_atomically
from .instances import Array, Instances
from .preprocess import Image
from .reading import read_bytes
from .result import Result
from .transform import Transform

MOST_UNPACKED = 2**31  # bytes
MOST_PACKED = 1100  # times: deflate packs no better than 1032 to 1
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# what zipfile, zlib and numpy's reader of headers raise on damaged bytes
_DAMAGED = (
    *(ValueError, EOFError, SyntaxError, TypeError, KeyError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError, MemoryError),
)


@dataclass(frozen=True)
class Stages:
    """Every stage of one image.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        input: (1, 3, h, w) float32, the network's input.
        transform: between pixels of `image` and of `input`.
        heads: the backbone's outputs by name.
        trace: the decoder's own stages by name.
        instances: the decoder's result, network-input pixels.
        result: the same in image pixels.
    """

    image: Image
    input: Array
    transform: Transform
    heads: Mapping[str, Array]
    trace: Mapping[str, Array]
    instances: Instances
    result: Result

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by the names that golden.npz gives them."""
        fields = vars(self.instances).items()
        return {
            "image": self.image,
            "input": self.input,
            "transform": np.array([*self.transform.scale, *self.transform.shift]),
            **{f"head.{name}": array for name, array in self.heads.items()},
            **self.trace,
            **{f"instances.{name}": array for name, array in fields if array is not None},
        }

    def save(self, path: str | Path) -> None:
        """Write golden.npz; it appears whole or not at all."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = self.arrays()
        np.savez_compressed(buffer, **arrays)
        write_atomically(Path(path), buffer.getvalue())


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file.

    Raises:
        InputError: there is no such file, it is not one, or it unpacks to more than
            :data:`MOST_UNPACKED` bytes or :data:`MOST_PACKED` times its own.
    """
    try:
        data = read_bytes(path)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive, len(data), path)
            return {
                member.filename.removesuffix(".npy"): _array(archive, member, path)
                for member in archive.infolist()
            }
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise InputError(f"{path}: not an .npz file: {error}") from error


def _check_members(archive: zipfile.ZipFile, size: int, path: str | Path) -> None:
    """Refuse an archive that unpacks to more than arrays of its size do."""
    total = sum(member.file_size for member in archive.infolist())
    if total > min(MOST_UNPACKED, MOST_PACKED * size):
        raise InputError(f"{path}: {size:,} bytes that unpack to {total:,}: refused")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str | Path) -> NDArray[Any]:
    """One member, its header held against what the archive has of it."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = _HEADERS.get(version)
        if read is None:
            raise InputError(f"{path}: {member.filename} is of .npy version {version}")
        shape, columns_first, dtype = read(file)
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in "fiubc" or min(shape, default=0) < 0 or size > member.file_size:
            raise InputError(
                f"{path}: {member.filename} says {dtype} of shape {shape}, {size:,} bytes; it has "
                f"{member.file_size:,}"
            )
        raw = file.read(size)
    order: Any = "F" if columns_first else "C"
    return np.frombuffer(raw, dtype, math.prod(shape)).reshape(shape, order=order).copy(order=order)


def differences(
    expected: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    """Largest absolute difference by array name; infinity for another shape, a NaN or no array."""
    return {
        name: _difference(array, found[name]) if name in found else float("inf")
        for name, array in expected.items()
    }


def _difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    if first.shape != second.shape:
        return float("inf")
    if first.size == 0:
        return 0.0
    largest = float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max())
    return largest if largest == largest else float("inf")
