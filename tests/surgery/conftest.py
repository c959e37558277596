"""A composed configuration without the command line around it, and native code that crashes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from surgery.config.run import Config, from_mapping

Compose = Callable[..., Config]


@pytest.fixture(scope="session")
def compose(repository: Path) -> Compose:
    """Compose a configuration from overrides, as the command line does."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from omegaconf import OmegaConf

    def composed(*overrides: str) -> Config:
        with initialize_config_dir(str(repository / "configs"), version_base="1.3"):
            node = OmegaConf.to_container(
                hydra_compose("config", overrides=list(overrides)), resolve=True
            )
        assert isinstance(node, dict)
        return from_mapping({str(key): value for key, value in node.items()})

    return composed


_CRASHES = """
#include <stddef.h>
int divide(int a, int b) { volatile int c = b; return a / c; }
int follow(void) { volatile int *nowhere = NULL; return *nowhere; }
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A compiled extension that divides by zero and follows a null pointer."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the crashing extension with")
    folder = tmp_path_factory.mktemp("crash")
    (folder / "crash.c").write_text(_CRASHES)
    out = folder / "crash.so"
    subprocess.run([compiler, "-shared", "-fPIC", folder / "crash.c", "-o", out], check=True)
    return str(out)
