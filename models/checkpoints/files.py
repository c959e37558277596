"""From a checkpoint file to tensors by name.

`.safetensors` by the safetensors library; anything else by `torch.load(weights_only=True)`, which
builds tensors and plain containers and refuses to run what a hostile pickle asks for.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import CheckpointError

WRAPPERS = ("net", "state_dict")  # what trainers keep the weights under
PREFIX = "module."  # left by DataParallel


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise CheckpointError(f"checkpoint {path} is a folder: give the file inside it")
    try:
        with path.open("rb") as file:
            head = file.read(512).lstrip().lower()
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error.strerror}") from error
    if not head:
        raise CheckpointError(f"checkpoint {path} is empty: download it again")
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise CheckpointError(
            f"checkpoint {path} is a web page, not a checkpoint: the link led to a page; download "
            "the file itself, in a browser if need be"
        )
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"checkpoint {path} is a Git LFS pointer, not the weights: run `git lfs pull`"
        )


def _read_torch(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        _check_members(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported global" in str(error) or "GLOBAL" in str(error):
            raise CheckpointError(
                f"checkpoint {path} holds Python objects besides tensors, which could run code and "
                "are not loaded: save its state dict alone with torch.save(net.state_dict(), ...)"
            ) from error
        raise _unreadable(path) from error
    except Exception as error:  # torch.load raises many kinds on damaged bytes
        raise _unreadable(path) from error


def _check_members(path: Path) -> None:
    """Refuse a zip archive whose members unpack to more than they take: torch never packs them."""
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [each.filename for each in archive.infolist() if each.compress_type]
    except Exception as error:  # the directory of a damaged archive raises many kinds
        raise _unreadable(path) from error
    if packed:
        raise CheckpointError(
            f"checkpoint {path} is a zip archive with packed members ({packed[0]}), torch.save "
            "writes them as they are: unpack it, or save it again"
        )


def _check_plain(key: str, value: Tensor, path: Path) -> None:
    """Refuse what is no plain array of numbers that the file holds: its size may be a promise."""
    plain = value.layout == torch.strided and value.device.type == "cpu"
    if not plain or value.is_nested or value.is_quantized or value.is_complex():
        raise CheckpointError(
            f"checkpoint {path}: {key} is a {value.layout} tensor of {value.dtype} on "
            f"{value.device.type}, expected a plain one of numbers"
        )
    size, held = value.numel() * value.element_size(), path.stat().st_size
    if size > held:
        raise CheckpointError(
            f"checkpoint {path}: {key} of shape {tuple(value.shape)} takes {size:,} bytes, and the "
            f"whole file has {held:,}: it repeats values; save it with .contiguous()"
        )


def _unreadable(path: Path) -> CheckpointError:
    size = path.stat().st_size
    return CheckpointError(
        f"checkpoint {path} ({size:,} bytes) is not a readable PyTorch file: truncated or of "
        "another format; compare its size with the published one and download it again"
    )


def load_state(path: str | Path) -> dict[str, Tensor]:
    """Read a checkpoint's tensors by name, on the CPU, half precision widened to float32.

    A state dict under `net` or `state_dict` is unwrapped and the prefix `module.` is cut off.
    Entries that are not tensors (an optimizer, an epoch number) are left out.

    Raises CheckpointError where the file cannot be read as a checkpoint.
    """
    path = Path(path)
    _check_file(path)
    content: Any
    if path.suffix == ".safetensors":
        try:
            content = load_file(path)
        except SafetensorError as error:
            raise CheckpointError(
                f"checkpoint {path} ({path.stat().st_size:,} bytes) is not a readable safetensors "
                "file: truncated or of another format; download it again"
            ) from error
    else:
        content = _read_torch(path)
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    tensors: dict[str, Tensor] = {}
    if isinstance(content, Mapping):
        for key, value in content.items():
            if isinstance(key, str) and isinstance(value, Tensor):
                _check_plain(key, value, path)
                half = value.dtype in (torch.float16, torch.bfloat16)
                tensors[key.removeprefix(PREFIX)] = value.float() if half else value
    if not tensors:
        raise CheckpointError(
            f"checkpoint {path} holds no tensors by name: expected a state dict, alone or under "
            f"{' or '.join(repr(wrapper) for wrapper in WRAPPERS)}"
        )
    return tensors
