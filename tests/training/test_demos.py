"""The committed demo weights: small, of the configured network, and good at what they are for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file

from training import train_e2ec, train_snake
from training.networks import DEMOS
from training.results import ap_by_stage

SCENES = 24
LARGEST = 8e6  # bytes


@pytest.mark.parametrize(
    ("name", "network"), [("e2ec", train_e2ec.NETWORK), ("snake", train_snake.NETWORK)]
)
def test_what_is_trained_is_what_is_configured(
    name: str, network: dict[str, Any], repository: Path
) -> None:
    config = yaml.safe_load((repository / "configs" / "model" / f"{name}.yaml").read_text())
    assert {key: config["model"][key] for key in network} == network


@pytest.mark.parametrize("name", list(DEMOS))
def test_weights_are_small(name: str, repository: Path) -> None:
    assert (repository / "models" / "weights" / f"{name}.safetensors").stat().st_size < LARGEST


@pytest.mark.parametrize("name", list(DEMOS))
def test_the_evolved_contours_are_far_better_than_the_first_ones(
    name: str, repository: Path
) -> None:
    network = DEMOS[name].build().eval()
    weights = load_file(repository / "models" / "weights" / f"{name}.safetensors")
    network.load_state_dict(
        {key: value.to(network.state_dict()[key]) for key, value in weights.items()}
    )
    found = [figures["AP"] for figures in ap_by_stage(name, network, SCENES).values()]
    assert found[0] < found[1]
    assert found[-1] > found[0] + 0.1
    assert found[-1] > 0.5
