"""The precision of a bundle's graphs: what stays in float32, what it cost, and the verdict."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import TensorProto

from postprocess.decoders.top_down import Keypoints
from surgery.config.run import Config
from surgery.network.pictures import load_samples
from surgery.precision import Reduction, reduce_precision, trial_of
from surgery.precision.loss import BOUNDS
from surgery.support.ledger import Ledger
from surgery.support.progress import Progress

from .graphs import SIDE, three_convolutions, weight_types


def reduced(compose: Any, precision: str, graph: onnx.ModelProto) -> tuple[Reduction, Ledger]:
    config: Config = compose(
        f"surgery.precision={precision}",
        "surgery.calibration.count=8",
        "surgery.pictures=1",
        f"input.size={SIDE}",
    )
    decoder = Keypoints(heatmap="head", stride=1.0, method="argmax")
    trial = trial_of(config, decoder, config.input.preprocess, load_samples(config))
    ledger = Ledger()
    return reduce_precision(trial, {"backbone": graph}, ledger, Progress()), ledger


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_graph_that_bears_it_is_reduced_whole_and_the_ledger_says_what_it_cost(
    compose: Any, precision: str
) -> None:
    result, ledger = reduced(compose, precision, three_convolutions())
    assert result.kept == 0
    assert TensorProto.FLOAT not in {
        kind
        for name, kind in weight_types(result.graphs["backbone"]).items()
        if "weight" in name and "scale" not in name
    }
    (entry,) = ledger
    assert (entry.name, entry.where, entry.fired, entry.exact) == (
        precision,
        "backbone",
        True,
        False,
    )
    assert entry.effect is not None
    assert 0 < entry.effect["noise head"] <= BOUNDS[precision].noise


def test_layers_that_do_not_bear_eight_bits_are_left_out_and_named(compose: Any) -> None:
    result, ledger = reduced(compose, "int8", three_convolutions(outlier=1e4))
    assert {entry.where for entry in ledger.declined()} >= {"third"}
    assert weight_types(result.graphs["backbone"])["third.weight"] == TensorProto.FLOAT
    assert result.loss.worst <= BOUNDS["int8"].noise


def test_a_loss_beyond_the_bound_makes_the_verdict_bad(compose: Any) -> None:
    result, _ = reduced(compose, "fp16", three_convolutions())
    good = {"good": True, "grade": "ship", "text": "fine: ship it."}
    assert result.judged(good, [])["good"]
    judged = result.judged(good, ["head"])
    assert not judged["good"]
    assert "head beyond the bound" in judged["text"]
    assert "surgery.precision=fp32 is good" in judged["text"]
