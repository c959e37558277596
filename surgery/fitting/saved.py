"""Saved fits: fitted weights kept beside a checkpoint, found again by what they belong to.

A saved fit is a safetensors file. Its name and its metadata say for which network (hash of the
checkpoint's values), by which strategy and settings, and on which images it was fitted; a network
whose weights changed does not find it. Places, in order: beside the checkpoint, the folders that
the caller names (the weights that ship with the models), and the cache: ``SURGERY_CACHE``, or
``surgery`` under ``XDG_CACHE_HOME``, or ``~/.cache/surgery`` (where there is no home, below the
current folder).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postprocess.errors import InputError
from postprocess.reading import read_bytes

if TYPE_CHECKING:
    from .fitted import Fitted

SUFFIX = ".companion.safetensors"
SCHEMA = 1


@dataclass(frozen=True)
class Key:
    """What a saved fit belongs to.

    Attributes:
        network: :func:`surgery.fitting.state_hash` of the untouched network.
        settings: ``Settings.to_json()``, strategy included.
        images: hash of the images, or a name for drawn ones ("scenes:4052:256").
    """

    network: str
    settings: Mapping[str, Any]
    images: str

    @property
    def strategy(self) -> str:
        """Name of the strategy."""
        return str(self.settings["strategy"])

    @property
    def file(self) -> str:
        """Name of the file."""
        said = json.dumps([dict(self.settings), self.images], sort_keys=True)
        rest = hashlib.sha256(said.encode()).hexdigest()[:12]
        return f"{self.network[:16]}-{self.strategy}-{rest}{SUFFIX}"


def cache_folder() -> Path:
    """Where fits are kept that have no checkpoint to lie beside."""
    if named := os.environ.get("SURGERY_CACHE"):
        return Path(named).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).expanduser() / "surgery"
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and a user that the system has no name for: a container's
        home = Path.cwd()
    return home / ".cache" / "surgery"


def places(checkpoint: Path | None = None, shipped: Iterable[Path] = ()) -> list[Path]:
    """Folders to search, in order."""
    beside = [checkpoint.parent] if checkpoint is not None else []
    return [*beside, *shipped, cache_folder()]


def save(fitted: Fitted, key: Key, folder: Path, *, half: bool = False) -> Path:
    """Write a fit into ``folder`` and return its path; never leaves half a file.

    Args:
        fitted: what a fit gave.
        key: what it belongs to.
        folder: made where it is missing.
        half: store float16, for files that are to be small.

    Raises:
        InputError: the folder cannot be written.
    """
    from safetensors.torch import save as serialise

    from .storage import to_tensors

    tensors, described = to_tensors(fitted, half=half)
    metadata = {
        "surgery.companion": json.dumps(
            {
                "schema": SCHEMA,
                "network": key.network,
                "settings": dict(key.settings),
                "images": key.images,
                "fitted": described,  # in its own order, which the ledger of a later run shows
            }
        )
    }
    path = folder / key.file
    temporary = folder / f".{key.file}.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(serialise(tensors, metadata))
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"the saved fit {path} cannot be written: {error.strerror}") from error
    return path


def find(
    network: str,
    strategy: str,
    folders: Iterable[Path],
    *,
    settings: Mapping[str, Any] | None = None,
    images: str | None = None,
) -> Path | None:
    """Return the saved fit of a network that agrees with what is asked for, or None.

    Of several in one folder the one that was fitted longest is taken.

    Args:
        network: :func:`surgery.fitting.state_hash` of the untouched network.
        strategy: name of the strategy.
        folders: of :func:`places`; the first that holds one decides.
        settings: those of ``Settings.to_json()`` that matter to the caller; others may differ.
        images: what it must have been fitted on; None for any images.

    Raises:
        InputError: a file with the name of a saved fit cannot be read or is damaged.
    """
    wanted = {"strategy": strategy, **(settings or {})}
    for folder in folders:
        found = []
        for path in sorted(folder.glob(f"{network[:16]}-{strategy}-*{SUFFIX}")):
            said = metadata_of(path)
            if (
                said["network"] == network
                and all(said["settings"].get(name) == value for name, value in wanted.items())
                and images in (None, said["images"])
            ):
                found.append((_effort(said["settings"]), path))
        if found:
            return max(found)[1]
    return None


def _effort(settings: Mapping[str, Any]) -> tuple[float, float]:
    return float(settings.get("steps") or 0), float(settings.get("minutes") or 0)


def metadata_of(path: Path) -> dict[str, Any]:
    """Read the description of a saved fit, without its weights.

    Raises:
        InputError: the file cannot be read, is damaged, or is no saved fit.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            value = json.loads(file.metadata()["surgery.companion"])
        if value["schema"] != SCHEMA:
            raise InputError(
                f"saved fit {path} has schema {value['schema']}, this version reads {SCHEMA}: "
                "delete it, and it is fitted again"
            )
        return {name: value[name] for name in ("network", "settings", "images", "fitted")}
    except InputError:
        raise
    except (*(OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError),) as error:
        raise _damaged(path) from error


def load(path: Path) -> Fitted:
    """Read the weights of a saved fit.

    Raises:
        InputError: the file cannot be read, is damaged, or is no saved fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as deserialise

    from .storage import from_tensors

    described = metadata_of(path)["fitted"]
    try:
        return from_tensors(deserialise(read_bytes(path)), described)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(
        f"saved fit {path} cannot be read (damaged, or another file): delete it, and it is "
        "fitted again"
    )
