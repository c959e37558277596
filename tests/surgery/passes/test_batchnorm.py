"""BatchNormalization that nothing in front of it takes in.

Tolerance: float32 sums of 72 products, scaled; 3e-7 measured, relative to the largest output.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals

TOLERANCE = 2e-6


def normalized(
    *, pads: list[int] | None = None, groups: int = 1, shift: bool = True, read_twice: bool = False
) -> onnx.ModelProto:
    """Relu, BatchNormalization, Conv."""
    rng = np.random.default_rng(0)
    shifted = rng.normal(size=8) * shift
    scale, variance, mean = rng.normal(size=8), rng.uniform(0.5, 2, size=8), rng.normal(size=8)
    bias = shifted + scale * mean / np.sqrt(variance + 1e-3)
    weights: dict[str, Any] = {
        "s": scale,
        "b": bias if shift else np.zeros(8),
        "m": mean if shift else np.zeros(8),
        "v": variance,
        "w": rng.normal(size=(4, 8 // groups, 3, 3)),
    }
    return graph(
        [
            node("Relu", "x", "r"),
            node("BatchNormalization", "r s b m v", "t", epsilon=1e-3),
            node("Conv", "t w", pads=pads or [0] * 4, group=groups),
        ],
        {"x": [2, 8, 6, 7]},
        ("y", "t") if read_twice else ("y",),
        {name: values.astype(np.float32) for name, values in weights.items()},
    )


@pytest.mark.parametrize("target", ["coreml", "xnnpack"])
def test_a_target_refuses_what_neither_fold_nor_slim_removes(target: str) -> None:
    model = normalized()
    for name in ("fold", "slim"):
        assert passed(model, name)[1] == "nothing to change"
    assert "BatchNormalization: not among its operators" in refusals(model, target)
    after, _ = passed(model, "batchnorm")
    assert "BatchNormalization: not among its operators" not in refusals(after, target)


@pytest.mark.parametrize(
    ("made", "weight", "shape"),
    [
        (node("Conv", "x w", "t", group=4), (8, 1, 3, 3), (2, 4, 6, 6)),
        (node("ConvTranspose", "x w", "t", group=4), (4, 2, 3, 3), (2, 4, 6, 6)),
        (node("Gemm", "x w", "t", transB=1), (8, 4), (3, 4)),
    ],
)
def test_fold_takes_it_into_what_is_in_front(
    made: onnx.NodeProto, weight: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    """A guard over the library: this project has no pass of its own for these."""
    rng = np.random.default_rng(1)
    weights = {name: rng.uniform(0.5, 2, 8).astype(np.float32) for name in "sbmv"}
    weights["w"] = rng.normal(size=weight).astype(np.float32)
    before = graph([made, node("BatchNormalization", "t s b m v")], {"x": shape}, weights=weights)
    after, _ = passed(before, "fold")
    assert operators(after) == [made.op_type]
    assert difference(before, after) < TOLERANCE


@pytest.mark.parametrize("groups", [1, 4])
def test_the_convolution_behind_takes_it_in(groups: int) -> None:
    before = normalized(groups=groups)
    after, declined = passed(before, "batchnorm")
    assert not declined
    assert operators(after) == ["Relu", "Conv"]
    assert difference(before, after) < TOLERANCE


def test_a_padded_convolution_takes_it_in_only_without_a_shift() -> None:
    padded = normalized(pads=[1, 1, 1, 1])
    after, _ = passed(padded, "batchnorm")
    assert operators(after) == ["Relu", "Conv", "Conv"]
    assert difference(padded, after) < TOLERANCE
    unshifted = normalized(pads=[1, 1, 1, 1], shift=False)
    after, _ = passed(unshifted, "batchnorm")
    assert operators(after) == ["Relu", "Conv"]
    assert difference(unshifted, after) < TOLERANCE


def test_what_something_else_reads_becomes_a_depthwise_convolution() -> None:
    before = normalized(read_twice=True)
    after, _ = passed(before, "batchnorm")
    assert operators(after) == ["Relu", "Conv", "Conv"]
    assert difference(before, after) < TOLERANCE


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 4), ["Mul", "Add"]), ((3, 4, 5), ["Conv"]), ((2, 4, 2, 3, 3), ["Mul", "Add"])],
)
def test_every_rank_has_its_form(shape: tuple[int, ...], expected: list[str]) -> None:
    rng = np.random.default_rng(1)
    weights = {name: rng.uniform(0.5, 2, 4).astype(np.float32) for name in "sbmv"}
    before = graph([node("BatchNormalization", "x s b m v")], {"x": shape}, weights=weights)
    after, declined = passed(before, "batchnorm")
    assert not declined
    assert operators(after) == expected
    assert difference(before, after) < TOLERANCE


def test_one_that_normalises_by_the_batch_is_declined() -> None:
    ones = {name: np.ones(4, np.float32) for name in "sbmv"}
    made = node("BatchNormalization", "x s b m v", "y mean var", training_mode=1)
    model = graph([made], {"x": [2, 4, 3, 3]}, weights=ones)
    assert "it normalises by the batch" in passed(model, "batchnorm")[1]
