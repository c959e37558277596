"""The state of a distillation on disk, so that a killed one goes on where it was."""

from __future__ import annotations

import os
import pickle
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from postprocess.errors import InputError


@dataclass
class State:
    """All that the coming steps depend on beside seed, images and settings.

    Attributes:
        key: hash of what the fit depends on; a state of another fit is refused.
        step: number of the next step.
        elapsed: seconds of the time budget that are spent.
        parameters: the student's, by name; mean: their running mean.
        optimizers: states of the optimisers.
        best: the mean with the smallest error on the held-back images, that error, and how many
            measurements have passed since.
        best_error: see ``best``.
        since_best: see ``best``.
        measured: progress at the last measurement.
    """

    key: str
    step: int
    elapsed: float
    parameters: dict[str, Tensor]
    mean: dict[str, Tensor]
    optimizers: list[dict[str, Any]]
    best: dict[str, Tensor]
    best_error: float
    since_best: int
    measured: float

    def save(self, path: Path) -> None:
        """Write the state beside its place, then move it there: a kill leaves the older one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        shallow = {field.name: getattr(self, field.name) for field in fields(self)}
        torch.save(shallow, temporary)
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path, key: str) -> State | None:
        """Read the state of the fit ``key``; None where there is no file.

        Raises:
            InputError: the file cannot be read, or it belongs to another fit.
        """
        if not path.exists():
            return None
        try:
            state = cls(**torch.load(path, map_location="cpu", weights_only=True))
        except (
            RuntimeError,
            TypeError,
            OSError,
            EOFError,
            pickle.UnpicklingError,
            zipfile.BadZipFile,
        ) as error:
            raise InputError(
                f"{path} is no readable state of a fit: delete it to begin anew"
            ) from error
        if state.key != key:
            raise InputError(
                f"{path} belongs to a fit of another network, other images or settings: delete it "
                "to begin anew, or name another file"
            )
        return state
