"""The door: what configs/ holds is let in, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from postprocess.errors import InputError

from ..conftest import Compose

ROOT = Path(__file__).resolve().parents[3]
TASKS = sorted(path.stem for path in (ROOT / "configs" / "task").glob("*.yaml"))


@pytest.mark.parametrize("task", TASKS)
def test_every_task_knows_its_own_keys(compose: Compose, task: str) -> None:
    assert compose(f"task={task}").task == task


@pytest.mark.parametrize(
    "key", ["runs", "surgery.depth", "surgery.fit.depth", "surgery.passes.depth", "input.depth"]
)
def test_a_key_that_nobody_reads_is_refused(compose: Compose, key: str) -> None:
    with pytest.raises(InputError, match=rf"'{key}' is unknown"):
        compose(f"+{key}=1")
