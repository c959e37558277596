"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _reference_folder() -> Path:
    named = os.environ.get("SURGERY_REFERENCE")
    return Path(named) if named else ROOT.parent / "shared" / "reference"


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of outputs computed by the authors' own networks; the test skips where it is missing."""
    folder = _reference_folder()
    if not (folder / "e2ec" / "outputs.npz").is_file():
        pytest.skip(f"reference outputs are not at {folder} (set SURGERY_REFERENCE)")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source tree."""
    return ROOT
