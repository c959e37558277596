"""What every stage of the run time gives for one image, and golden.npz, which holds it.

golden.npz lets a port to any language check itself stage by stage. Its arrays: `image` (H, W, 3)
uint8 BGR; `input` (1, 3, h, w); `transform` (scale x, scale y, shift x, shift y), with network =
image * scale + shift; `head.<output>` of the backbone; the decoder's own stages (`detection`,
`poly_init`, ...); `instances.<field>`, its result in network-input pixels.
"""

from __future__ import annotations

import io
import zipfile
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
from .result import Result
from .transform import Transform


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
        InputError: there is no such file, or it is not one.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not an .npz file: {error}") from error


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
