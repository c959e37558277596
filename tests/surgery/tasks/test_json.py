"""``json=true``: what a task prints for people, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import onnx
import pytest

from surgery.config.run import Config
from surgery.support.ledger import LEDGER_KEY, Entry, Ledger
from surgery.tasks import run

from ..passes.graphs import graph, node

Compose = Callable[..., Config]


def test_list_gives_every_choice_and_member(
    compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    run(compose("task=list", "json=true"))
    found = json.loads(capsys.readouterr().out)
    assert "e2ec" in found["choices"]["model"]
    names = {(each["kind"], each["name"]) for each in found["plugins"]}
    assert ("rewrite", "dcn.native") in names
    assert all(each["summary"] for each in found["plugins"] if each["kind"] == "rewrite")


def test_explain_gives_the_ledger(
    compose: Compose, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    ledger = Ledger()
    ledger.add(Entry("pass", "fold", "backbone", True, True, "because", {"nodes": 2.0}))
    model = graph([node("Relu", "x", "y")], {"x": [1, 4]}, weights={"w": np.ones(1, np.float32)})
    model.metadata_props.add(key=LEDGER_KEY, value=json.dumps(ledger.to_json()))
    onnx.save(model, f"{tmp_path}/m.onnx")
    run(compose("task=explain", f"model.path={tmp_path}/m.onnx", "json=true"))
    assert json.loads(capsys.readouterr().out) == ledger.to_json()
