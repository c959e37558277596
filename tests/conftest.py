"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as surgery/__main__.py, before torch is there
ROOT = Path(__file__).resolve().parent.parent


def _reference_folder() -> Path:
    named = os.environ.get("SURGERY_REFERENCE")
    return Path(named) if named else ROOT.parent / "shared" / "reference"


@pytest.fixture(scope="session")
def reference() -> Path:
    """Outputs computed by the authors' own networks; the test skips where they are missing."""
    folder = _reference_folder()
    if not (folder / "e2ec" / "outputs.npz").is_file():
        pytest.skip(f"reference outputs are not at {folder} (set SURGERY_REFERENCE)")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def seeded(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Path of a case's seeded weights ("e2ec", "snake") in a .pth laid out as its authors' are."""
    import torch

    spec = importlib.util.spec_from_file_location("seeded", reference / "seeded.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    @cache
    def checkpoint(case: str) -> Path:
        state = module.state_dict(reference / case)
        net = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        path = tmp_path_factory.mktemp(case) / f"{case}_coco.pth"
        torch.save({"net": net, "epoch": 0}, path)
        return path

    return checkpoint


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--skipped-in FILE``: only the tests that an earlier run skipped."""
    parser.addoption("--skipped-in", metavar="FILE", help="run what this file lists")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the earlier run of ``--skipped-in`` did not skip."""
    listed = config.getoption("skipped_in")
    if listed is not None:
        from .skips import among

        items[:] = among(items, Path(listed).read_text().splitlines())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what skipped tests lack, and what brings it; list them in .pytest_cache/skipped."""
    from .skips import grouped

    skipped = terminalreporter.stats.get("skipped", [])
    cache = terminalreporter.config.rootpath / ".pytest_cache"
    if cache.is_dir():
        (cache / "skipped").write_text("".join(f"{report.nodeid}\n" for report in skipped))
    if not skipped:
        return
    terminalreporter.section("skipped tests, by what they lack")
    for count, what, how in grouped(str(report.longrepr[2]) for report in skipped):
        terminalreporter.line(f"{count:5}  {what}: {how}")
