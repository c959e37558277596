"""Advice that was tried: each command does what was seen, and nothing else is promised."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from surgery.__main__ import _normalise
from surgery.config.run import Config
from surgery.steps.advice import advise
from surgery.targets.audit import Audit, audits
from surgery.targets.registry import load_target, target_names
from surgery.tasks.graph import run as run_steps

from ..graph.graphs import graph

TARGETS = [load_target(name) for name in target_names()]


def chain() -> onnx.ModelProto:
    """A flatten written with the shape of what it flattens, of opset 11."""
    return graph(
        """g (float[1,3,8,8] x) => (float[1,192] y)
        {
          c = Conv(x, w)
          s = Shape(c)
          n = Gather(s, zero)
          u = Unsqueeze <axes = [0]> (n)
          t = Concat <axis = 0> (u, rest)
          y = Reshape(c, t)
        }""",
        opset=11, w=np.ones((3, 3, 1, 1), np.float32), zero=np.int64(0), rest=np.int64([-1]),
    )  # fmt: skip


def advised(model: onnx.ModelProto, path: Path, seconds: float | None = None) -> list[Audit]:
    onnx.save(model, path)
    return advise(model, path, audits(path, TARGETS), TARGETS, seconds)


def test_each_command_runs_as_it_is_typed_and_removes_what_was_said(
    tmp_path: Path, compose: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m (1).onnx"
    monkeypatch.chdir(tmp_path)
    found = advised(chain(), path)
    helped = [each for each in found if any(action.tried for action in each.actions)]
    assert helped
    for each in helped[:4]:
        (action,) = (action for action in each.actions if action.tried)
        run_steps(compose(*_normalise(shlex.split(action.command)[3:])))
        (after,) = audits(tmp_path / "m (1)_operated.onnx", [load_target(each.target)])
        assert len(each.refused) - len(after.refused) == action.nodes


def test_what_was_tried_in_vain_is_not_advised(tmp_path: Path) -> None:
    model = graph("g (float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Erf(x) }")
    for each in advised(model, tmp_path / "m.onnx"):
        assert not [action for action in each.actions if "task=graph" in action.command]


def test_a_graph_that_every_target_runs_is_left_alone(tmp_path: Path) -> None:
    model = graph("g (float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Relu(x) }")
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    found = audits(path, [load_target("onnxruntime")])
    assert advise(model, path, found, [load_target("onnxruntime")], 0.0) == found


def test_without_time_only_what_was_seen_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 10**6, 100))
    monkeypatch.setattr("surgery.steps.advice.time.monotonic", lambda: next(ticks))
    for each in advised(chain(), tmp_path / "m.onnx", seconds=1.0):
        assert not any(action.tried for action in each.actions)
