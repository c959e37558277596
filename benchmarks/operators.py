"""Ask a run time, one operator at a time, what it takes: for the lists in configs/target.

    python -m benchmarks.operators ncnn [OPERATOR ...]

Every operator stands in a small graph, behind a 1x1 convolution that changes nothing (from which
pnnx learns what is the batch), opened and run in a child process and compared with ONNX Runtime.
Printed are YAML lines for the operators that came out the same to 1e-4, and, as comments, what
became of the others. One form of each operator is asked, the one in which pose and segmentation
networks use it; a table's notes say where a source knows of more.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from postprocess.errors import InputError
from surgery.graph.run import random_feeds
from surgery.targets.runtimes import RUNTIMES
from surgery.targets.trial import attempt

OPSET, LATEST = 17, 20  # the first is what most graphs in the field have
TOLERANCE = 1e-4
SHAPE = (1, 4, 8, 8)


@dataclass(frozen=True)
class Form:
    """How an operator is asked for: "x" stands for the graph's input, arrays for constants."""

    inputs: Sequence[str | NDArray[Any]] = ("x",)
    shape: tuple[int, ...] = SHAPE
    outputs: int = 1
    attributes: Mapping[str, Any] = field(default_factory=dict)


def _floats(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def _ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


UNARY = """Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Dropout Elu Erf Exp Floor Gelu
    GlobalAveragePool GlobalLpPool GlobalMaxPool HardSigmoid HardSwish Hardmax Identity LeakyRelu
    Log LogSoftmax LpNormalization Mish Neg NonZero ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum Reciprocal Relu Round Selu Shape Shrink Sigmoid Sign
    Sin Sinh Size Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu"""
BINARY = "Add Div Max Mean Min Mul Pow Sub Sum And Equal Greater GreaterOrEqual Less LessOrEqual Or"

_TWO, _FOUR = _floats(4), np.abs(_floats(4)) + 0.5
_GRID = np.tanh(_floats(1, 6, 6, 2))
_ONES = np.ones((1, 9, 8, 8), np.float32)
FORMS: dict[str, Form] = {
    **{name: Form() for name in UNARY.split()},
    **{name: Form(["x", "x"]) for name in BINARY.split()},
    "ArgMax": Form(attributes={"axis": 1}),
    "ArgMin": Form(attributes={"axis": 1}),
    "AveragePool": Form(attributes={"kernel_shape": [2, 2], "strides": [2, 2]}),
    "BatchNormalization": Form(["x", _FOUR, _TWO, _TWO, _FOUR]),
    "Cast": Form(attributes={"to": TensorProto.INT32}),
    "Clip": Form(["x", np.float32(0), np.float32(6)]),
    "Concat": Form(["x", "x"], attributes={"axis": 1}),
    "Conv": Form(["x", _floats(6, 4, 3, 3), _floats(6)], attributes={"pads": [1, 1, 1, 1]}),
    "ConvTranspose": Form(["x", _floats(4, 1, 4, 4)], attributes={"group": 4, "strides": [2, 2]}),
    "CumSum": Form(["x", np.int64(1)]),
    "DeformConv": Form(["x", _floats(6, 4, 3, 3), _floats(1, 18, 8, 8), _floats(6), _ONES],
                       attributes={"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}),
    "DepthToSpace": Form(attributes={"blocksize": 2}),
    "Einsum": Form(["x", _floats(4, 5)], attributes={"equation": "nchw,cd->ndhw"}),
    "Expand": Form(["x", _ints(1, 4, 8, 8)], shape=(1, 4, 1, 1)),
    "Flatten": Form(attributes={"axis": 1}),
    "Gather": Form(["x", np.int64(2)], attributes={"axis": 2}),
    "GatherElements": Form(["x", np.zeros((1, 2, 8, 8), np.int64)], attributes={"axis": 1}),
    "GatherND": Form(["x", _ints(0, 1).reshape(1, 2)]),
    "Gemm": Form(["x", _floats(8, 5), _floats(5)], shape=(1, 8)),
    "GridSample": Form(["x", _GRID]),
    "GroupNormalization": Form(["x", _floats(2), _floats(2)], attributes={"num_groups": 2}),
    "InstanceNormalization": Form(["x", _FOUR, _TWO]),
    "LRN": Form(attributes={"size": 3}),
    "LayerNormalization": Form(["x", _floats(8), _floats(8)]),
    "MatMul": Form(["x", _floats(8, 5)]),
    "MaxPool": Form(attributes={"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "OneHot": Form(["x", np.int64(4), np.array([0, 1], np.float32)], shape=(3,)),
    "PRelu": Form(["x", _floats(4, 1, 1)]),
    "Pad": Form(["x", _ints(0, 0, 1, 1, 0, 0, 1, 1)]),
    "Reshape": Form(["x", _ints(1, 2, 2, 64)]),
    "Resize": Form(["x", "", np.array([1, 1, 2, 2], np.float32)], attributes={"mode": "nearest",
                   "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
    "ScatterElements": Form(["x", np.zeros((1, 1, 8, 8), np.int64), _floats(1, 1, 8, 8)],
                            attributes={"axis": 1}),
    "ScatterND": Form(["x", _ints(0, 1).reshape(1, 2), _floats(1, 8, 8)]),
    "Slice": Form(["x", _ints(1), _ints(3), _ints(1)]),
    "SpaceToDepth": Form(attributes={"blocksize": 2}),
    "Split": Form(["x", _ints(1, 3)], outputs=2, attributes={"axis": 1}),
    "Squeeze": Form(["x", _ints(2)], shape=(1, 4, 1, 8)),
    "Tile": Form(["x", _ints(1, 2, 1, 1)]),
    "TopK": Form(["x", _ints(3)], outputs=2),
    "Transpose": Form(attributes={"perm": [0, 2, 3, 1]}),
    "Trilu": Form(),
    "Unsqueeze": Form(["x", _ints(2)], shape=(1, 4, 8)),
    "Where": Form([np.arange(8) % 2 == 0, "x", _floats(1)]),
}  # fmt: skip


def graph(operator: str, form: Form) -> onnx.ModelProto:
    """Return a graph that holds ``operator``, behind a convolution where its input is an image."""
    introduced = max(s.since_version for s in onnx.defs.get_all_schemas() if s.name == operator)
    opset = max(OPSET, min(introduced, LATEST))
    names, weights = [], []
    for position, given in enumerate(form.inputs):
        if not isinstance(given, str):
            weights.append(numpy_helper.from_array(np.asarray(given), f"c{position}"))
        names.append(given if isinstance(given, str) else f"c{position}")
    nodes = []
    if len(form.shape) == 4:
        weights.append(numpy_helper.from_array(np.eye(4, dtype=np.float32)[..., None, None], "w"))
        nodes.append(helper.make_node("Conv", ["x", "w"], ["conv"]))
        names = ["conv" if name == "x" else name for name in names]
    first = nodes[-1].output[0] if nodes else "x"
    booleans, integers = operator in ("And", "Or"), operator == "OneHot"
    if booleans or integers:
        kind = TensorProto.BOOL if booleans else TensorProto.INT64
        nodes.append(helper.make_node("Cast", [first], ["cast"], to=kind))
        names = ["cast" if name == first else name for name in names]
    outputs = [f"y{i}" for i in range(form.outputs)]
    nodes.append(helper.make_node(operator, names, outputs, **form.attributes))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, form.shape)
    draft = helper.make_graph(
        nodes, operator, [x], [helper.make_empty_tensor_value_info(o) for o in outputs], weights
    )
    model = helper.make_model(draft, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def ask(runtime: str, operator: str, folder: Path) -> str:
    """Return "" where ``runtime`` computes what ONNX Runtime does, else what happened."""
    path = folder / f"{operator}.onnx"
    model = graph(operator, FORMS[operator])
    onnx.save(model, str(path))
    feeds = {name: np.abs(array) + 0.1 for name, array in random_feeds(model).items()}
    if operator in ("Acos", "Asin", "Atanh"):
        feeds = {name: np.tanh(array) for name, array in feeds.items()}
    if operator == "Acosh":
        feeds = {name: array + 1 for name, array in feeds.items()}
    try:
        trial = attempt(runtime, path, feeds, runs=1)
    except InputError as error:
        return str(error)
    return "" if trial.relative <= TOLERANCE else f"differs by {trial.relative:.3g} of its scale"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runtime", choices=RUNTIMES.names())
    parser.add_argument("operators", nargs="*", default=sorted(FORMS), metavar="OPERATOR")
    args = parser.parse_args()
    print(f"# {args.runtime} {RUNTIMES.get(args.runtime).version()}")
    with tempfile.TemporaryDirectory() as folder:
        for operator in args.operators:
            answer = ask(args.runtime, operator, Path(folder))
            print(f"  # {operator}: {answer[:200]}" if answer else f"  {operator}:", flush=True)


if __name__ == "__main__":
    main()
