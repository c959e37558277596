"""Graphs run by name: idle branches cost nothing to leave out, mistakes are one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from postprocess.bundle import GraphInfo, TensorInfo, read_bundle
from postprocess.errors import InputError
from postprocess.session import Graph, check_feed


@pytest.fixture
def open_graph(tiny_bundle: Path) -> Callable[[str], Graph]:
    info = read_bundle(tiny_bundle)

    def opened(name: str) -> Graph:
        return Graph(tiny_bundle / info.graphs[name].file, info.graphs[name], threads=1)

    return opened


def test_a_branch_runs_while_the_others_get_arrays_of_length_zero(
    open_graph: Callable[[str], Graph],
) -> None:
    graph = open_graph("refine")
    rng = np.random.default_rng(0)
    feeds = {
        tensor.name: rng.standard_normal(
            [3 if isinstance(side, str) else side for side in tensor.shape]
        ).astype(np.float32)
        for tensor in graph.info.inputs
    }
    everything = graph.run(feeds)
    branches = {
        "coarse_feature": ["feature"],
        "coarse_offset": ["coarse_samples"],
        **{f"evolve{i}_offset": [f"evolve{i}_samples", f"evolve{i}_contour"] for i in range(3)},
    }
    for output, inputs in branches.items():
        alone = graph.run({name: feeds[name] for name in inputs}, [output])
        assert list(alone) == [output]
        assert len(alone[output]) == 3
        assert np.array_equal(alone[output], everything[output]), output


def test_zero_contours_run_through_every_branch(open_graph: Callable[[str], Graph]) -> None:
    outputs = open_graph("refine").run({})
    assert {name: len(array) for name, array in outputs.items()} == dict.fromkeys(outputs, 0)
    assert outputs["evolve2_offset"].shape == (0, 8, 2)


def test_an_input_that_cannot_be_empty_is_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    graph = fixed_graph(tmp_path)
    with pytest.raises(InputError, match=r"needs input 'image', float32 \(1,3,8,8\) = 192 values"):
        graph.run({})


@pytest.mark.parametrize(
    ("shape", "array", "message"),
    [
        (
            (1, 3, 512, 512),
            np.zeros((1, 1, 512, 512), np.float32),
            "input 'image' expects float32 (1,3,512,512) = 786,432 values, "
            "got (1,1,512,512) = 262,144 values: the channels are missing?",
        ),
        (
            (1, 3, 512, 512),
            np.zeros((512, 512), np.float32),
            "input 'image' expects float32 (1,3,512,512) = 786,432 values, "
            "got (512,512) = 262,144 values: the channels are missing?",
        ),
        (
            ("batch", 3, "height", "width"),
            np.zeros((2, 8, 9, 3), np.float32),
            "input 'image' expects float32 (batch,3,height,width), "
            "got (2,8,9,3) = 432 values: channels last? transpose it with .transpose(0, 3, 1, 2)",
        ),
        (
            ("batch", 3, "height", "width"),
            np.zeros((3, 8, 9), np.float32),
            "input 'image' expects float32 (batch,3,height,width), "
            "got (3,8,9) = 216 values: the batch dimension is missing? add it with array[None]",
        ),
        (
            (1, 3, 8, 8),
            np.zeros((1, 3, 8, 9), np.float32),
            "input 'image' expects float32 (1,3,8,8) = 192 values, got (1,3,8,9) = 216 values",
        ),
        (
            ("n", 5, 2),
            np.zeros((4, 5, 2), np.float64),
            "input 'image' expects float32 (n,5,2), got float64: "
            "convert it with .astype(np.float32)",
        ),
        (("n", 5, 2), [[1.0]], "input 'image' expects float32 (n,5,2), got list"),
    ],
)
def test_an_array_that_does_not_fit_is_one_line_with_the_likely_slip(
    shape: tuple[int | str, ...], array: Any, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_feed(array, TensorInfo("image", "float32", shape))
    assert str(caught.value) == message


def test_unknown_names_list_what_there_is(open_graph: Callable[[str], Graph]) -> None:
    graph = open_graph("backbone")
    image = np.zeros((1, 3, 32, 32), np.float32)
    with pytest.raises(InputError, match=r"no input 'imago'; did you mean 'image'\? \(inputs: im"):
        graph.run({"imago": image})
    with pytest.raises(InputError, match=r"no output 'hm'.*outputs: ct_hm, wh, feature"):
        graph.run({"image": image}, ["hm"])


def test_what_fails_inside_of_the_graph_is_one_line(open_graph: Callable[[str], Graph]) -> None:
    feeds = {
        "evolve0_samples": np.zeros((3, 8, 4), np.float32),
        "evolve0_contour": np.zeros((2, 8, 2), np.float32),
    }
    with pytest.raises(
        InputError, match=r"refine.onnx failed on .*evolve0_samples \(3, 8, 4\)"
    ) as caught:
        open_graph("refine").run(feeds, ["evolve0_offset"])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_graph_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "backbone.onnx"
    path.write_bytes(b"not a graph at all")
    tensor = TensorInfo("image", "float32", (1,))
    with pytest.raises(InputError, match=r"backbone.onnx: ONNX Runtime cannot open it") as caught:
        Graph(path, GraphInfo(path.name, (tensor,), (tensor,)))
    assert "\n" not in str(caught.value)


def test_a_graph_other_than_the_listed_one_is_refused(tiny_bundle: Path) -> None:
    listed = read_bundle(tiny_bundle).graphs["refine"]
    with pytest.raises(InputError, match=r"has the inputs image, bundle.json lists feature, "):
        Graph(tiny_bundle / "backbone.onnx", listed)


def test_a_provider_that_is_not_built_in_is_refused(tiny_bundle: Path) -> None:
    info = read_bundle(tiny_bundle).graphs["backbone"]
    with pytest.raises(
        InputError, match=r"no TPUExecutionProvider.*it has: .*CPUExecutionProvider"
    ):
        Graph(tiny_bundle / "backbone.onnx", info, providers=["TPUExecutionProvider"])
    with pytest.raises(InputError, match="threads expects at least 1, got 0"):
        Graph(tiny_bundle / "backbone.onnx", info, threads=0)


def fixed_graph(folder: Path) -> Graph:
    """A graph whose input has no dimension that varies."""
    from onnx import TensorProto, helper

    shape = [1, 3, 8, 8]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("image", "out")]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["image"], ["out"])], "fixed", ends[:1], ends[1:]
    )
    opset = helper.make_opsetid("", 18)
    path = folder / "fixed.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
    )
    infos = [TensorInfo(name, "float32", tuple(shape)) for name in ("image", "out")]
    return Graph(path, GraphInfo(path.name, (infos[0],), (infos[1],)))
