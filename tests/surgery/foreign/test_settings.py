"""What the configuration says of a found graph is checked against the graph, in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.foreign.settings import settings

from .conftest import Operate, manifest
from .graphs import SIDE, centernet, plain

CUT = "model.cut=['tensor/a:0','tensor/b:0']"
HEADS = "heatmap: 'tensor/b:0', size: 'tensor/a:0', box: ltrb"


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["model.path=null"], r"needs model\.path=FILE"),
        (["model.decoder={name: null}"], r"'model\.decoder\.name' expects a string"),
        (["model.cut=[]"], r"'model\.cut' expects names of tensors or nodes, or auto, got \[\]"),
        (["model.cut=[1]"], r"model\.cut\[0\]' expects a string"),
        (["model.input.layout=nwhc"], "expects one of nchw, nhwc, got 'nwhc'"),
        (["model.input.dtype=float"], "expects one of float32"),
        (["model.classes=cocoa"], "model.classes=cocoa is not known"),
        (["model.skeleton=[[0,1]]"], "two indices into the 0 model.keypoints"),
        (["model.skeleton=[[0,x]]"], r"skeleton\[0\]\[1\]' expects an integer of at least 0"),
        (["+model.rons=3"], "'model.rons' is unknown; did you mean 'runs'"),
        (["input.size=[64,64]"], r"model\.input=\{\.\.\.\}, not with input"),
        (["surgery.dcn.name=plain"], "leave surgery.dcn out"),
        (["checkpoint=a.pth"], "leave checkpoint= and weights= out"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(
    overrides: list[str], told: str, compose: Callable[..., Config]
) -> None:
    given = ["model=onnx", "model.path=f.onnx", "model.decoder={name: ctdet}"]
    with pytest.raises(InputError, match=told):
        settings(compose(*given, *overrides))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["model.input.layout=nchw"], "expected one image input"),
        (["model.input.dtype=uint8"], "model.input.dtype is uint8, .* 'image:0' is int32"),
        (["model.input.size=[32,32]"], rf"size is \[32, 32\], .* fixed at \[{SIDE}, {SIDE}\]"),
        (["model.input.resize=keep"], "resize is keep, but the input is fixed"),
        (["model.input.scale=0.5"], "is int32, but .* with scale 1, mean 0 and std 1"),
        (["surgery.opset=7"], "opset"),
        (["model.decoder={name: ctdet, treshold: 1}"], "treshold'; did you mean 'threshold'"),
        (["model.decoder={name: ctdte}"], "unknown decoder 'ctdte'; did you mean 'ctdet'"),
        (["model.decoder={name: ctdet, heatmap: nowhere}"], "needs head 'nowhere'"),
    ],
)
def test_what_does_not_fit_the_graph_is_told_and_nothing_is_written(
    overrides: list[str], told: str, operate: Operate, tmp_path: Path
) -> None:
    given = [CUT, f"model.decoder={{name: ctdet, {HEADS}}}"]
    if overrides[0].startswith("model.decoder"):
        given.pop()
    with pytest.raises(InputError, match=told) as caught:
        operate(centernet(dtype=TensorProto.INT32), *given, *overrides)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["found.onnx"]


def test_open_channels_are_taken_where_the_layout_is_said(operate: Operate) -> None:
    model = plain(("batch", "channels", SIDE, SIDE))
    with pytest.raises(InputError, match="expected one image input"):
        operate(model)
    bundle = operate(model, "model.input.layout=nchw")
    assert manifest(bundle)["graphs"]["backbone"]["inputs"][0]["shape"] == [1, 3, SIDE, SIDE]


def test_names_reach_the_bundle(operate: Operate) -> None:
    bundle = operate(
        plain(), "model.classes=[a,b,c]", "model.keypoints=[nose,tail]", "model.skeleton=[[0,1]]"
    )
    document = manifest(bundle)
    assert (document["classes"], document["skeleton"]) == (["a", "b", "c"], [[0, 1]])


def test_the_command_line_ends_in_one_line_for_a_bad_cut(tmp_path: Path) -> None:
    onnx.save(centernet(), tmp_path / "found.onnx")
    done = subprocess.run(
        [
            sys.executable, "-m", "surgery", "model=onnx", "model.path=found.onnx", "out=bundle",
            "model.cut=['tensor/b:0']", "model.decoder=ctdet",
        ],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("surgery: model.cut does not separate")
    assert [path.name for path in tmp_path.iterdir()] == ["found.onnx"]


def test_a_picture_that_is_too_large_to_draw_is_told(operate: Operate) -> None:
    with pytest.raises(InputError, match="takes pictures of 100000 x 100000 pixels, expected at"):
        operate(plain((1, 3, 100_000, 100_000)))
