"""A checkpoint that is no regular file is refused, and not waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from postprocess.errors import InputError
from surgery.network.load import load_model

from ..conftest import Compose


def test_a_pipe_as_a_checkpoint_is_one_line(compose: Compose, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="expected a file, this is a pipe"):
        load_model(compose("model=e2ec", f"checkpoint={tmp_path / 'pipe'}"))
