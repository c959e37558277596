"""A composed configuration without the command line around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from surgery.config import Config, from_mapping

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
