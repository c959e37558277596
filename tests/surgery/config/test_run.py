"""The door: what configs/ holds is let in, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from postprocess.errors import InputError
from surgery.config.node import Node, nodes_of
from surgery.config.run import OWN
from surgery.config.surgery import SurgeryConfig

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


def _keys(node: type[Node], values: Mapping[str, Any], path: str) -> Iterator[tuple[str, bool]]:
    """Paths of the keys that a model and a YAML file have, and whether both have them."""
    for key in {*node.known(), *values} - set(OWN):
        yield f"{path}{key}", key in node.known() and key in values
        below = nodes_of(node.known()[key]) if key in node.known() else []
        if below and isinstance(values.get(key), Mapping):
            yield from _keys(below[0], values[key], f"{path}{key}.")


def test_the_yaml_files_hold_the_keys_that_the_models_know() -> None:
    values = yaml.safe_load((ROOT / "configs" / "surgery" / "default.yaml").read_text())
    assert [path for path, both in _keys(SurgeryConfig, values, "surgery.") if not both] == []


def test_a_layer_s_path_may_be_a_number(compose: Compose) -> None:
    assert compose("surgery.dcn.layers={3: plain}").surgery.dcn.layers == {"3": "plain"}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("surgery.fit.kernel=-1", "'surgery.fit.kernel' expects an integer of at least 0, got -1"),
        ("surgery.fit.kernel=x", "'surgery.fit.kernel' expects an integer of at least 0, got 'x'"),
        ("surgery.fit.save=3", "'surgery.fit.save' expects true or false, got 3"),
        ("surgery.precision=fp8", "'surgery.precision' expects one of fp32, fp16, int8"),
        ("surgery.compare=[plain,3]", r"'surgery.compare\[1\]' expects a string, got 3"),
        ("surgery.compare=plain", "'surgery.compare' expects a list, got 'plain'"),
        ("surgery.passes=3", "'surgery.passes' expects an object, got 3"),
        ("surgery.passes.tolerance=nan", "'surgery.passes.tolerance' expects a number from 0 on"),
        ("surgery.opset=7", "'surgery.opset' expects 11 to 23, or null, got 7"),
        ("surgery.judge.images=4", "'surgery.judge.images' expects a string, got 4"),
        ("surgery.dcn.layers={a: 3}", "'surgery.dcn.layers.a' expects a string, got 3"),
        (
            "+surgery.dcn.max_kernl=3",
            "'surgery.dcn.max_kernl' is unknown; did you mean 'max_kernel'",
        ),
        ("weights=zeros", "'weights' expects null or random: a file is checkpoint=, got 'zeros'"),
        ("threads=0", "'threads' expects an integer of at least 1, got 0"),
    ],
)
def test_a_value_that_is_refused_is_named_with_what_is_expected(
    compose: Compose, override: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        compose(override)
