"""Versions of what a run depended on, for the bundle and the report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("model-surgery", "torch", "onnx", "onnxscript", "onnxslim", "onnxruntime", "numpy")


def versions() -> dict[str, str]:
    """Installed versions by package name, Python's and the machine's kind included."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a checkout that nobody installed
            continue
    return found


def own_version() -> str:
    """Version of this package; "0" in a checkout that nobody installed."""
    try:
        return version(PACKAGES[0])
    except PackageNotFoundError:
        return "0"
