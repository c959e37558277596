"""Ask the run times about forms of operators on which a target's table has a condition.

    python -m benchmarks.operator_forms opencv openvino ncnn
    python -m benchmarks.operator_forms --contrib          ONNX Runtime's kernels outside of ai.onnx

Each form stands in a small graph behind a 1x1 convolution, opened and run in a child process and
compared with ONNX Runtime: "ok" to 1e-3 of the largest value, "wrong" with the difference, or the
run time's refusal. The conditions in configs/target follow from what it prints.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from postprocess.errors import InputError
from surgery.graph.run import random_feeds, run
from surgery.targets.trial import attempt

TOLERANCE = 1e-3
MICROSOFT = "com.microsoft"
_RANDOM = np.random.default_rng(0)
WEIGHTS = {
    "one": np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1),
    "w": _RANDOM.standard_normal((4, 4, 3, 3)).astype(np.float32),
    "whole": _RANDOM.integers(-100, 100, (4, 4, 3, 3)).astype(np.int8),
    "scale": np.float32(0.05),
    "scales": np.full(4, 0.05, np.float32),
    "zero": np.int8(0),
    "zeros": np.zeros(4, np.int8),
    "root": np.float32(2**0.5),
    "unit": np.float32(1),
    "half": np.float32(0.5),
    "shape": np.array([1, 4, 8, 8], np.int64),
}


def model(nodes: Sequence[onnx.NodeProto], half: bool = False) -> onnx.ModelProto:
    """A graph from x (1, 4, 8, 8) to y behind a 1x1 convolution; in float16 where ``half``."""
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    nodes = [helper.make_node("Conv", ["x", "one"], ["c"]), *nodes]
    read = {name for node in nodes for name in node.input}
    weights = [
        numpy_helper.from_array(
            values.astype(np.float16) if half and values.dtype == np.float32 else values, name
        )
        for name, values in WEIGHTS.items()
        if name in read
    ]
    ports = [helper.make_tensor_value_info("x", kind, [1, 4, 8, 8])]
    graph = helper.make_graph(
        nodes, "g", ports, [helper.make_tensor_value_info("y", kind, None)], weights
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    made = helper.make_model(graph, opset_imports=imports, ir_version=8)
    shape = run(made, random_feeds(made))["y"].shape
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", kind, shape))
    return made


def node(operator: str, inputs: str, output: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def forms() -> Iterator[tuple[str, onnx.ModelProto]]:
    """Every form that is asked about, with its name."""
    kernel = {"kernel_shape": [3, 3]}
    for rule in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        for stride in (1, 2):
            given = {**kernel, "auto_pad": rule, "strides": [stride, stride]}
            for operator, inputs in (("Conv", "c w"), ("MaxPool", "c"), ("AveragePool", "c")):
                yield f"{operator} {rule} stride {stride}", model([node(operator, inputs, **given)])
        given = {**kernel, "auto_pad": rule, "strides": [2, 2]}
        yield f"ConvTranspose {rule} stride 2", model([node("ConvTranspose", "c w", **given)])
    for counted in (0, 1):
        given = {**kernel, "pads": [1] * 4, "count_include_pad": counted}
        yield f"AveragePool count_include_pad={counted}", model([node("AveragePool", "c", **given)])
    quantised = node("QuantizeLinear", "c scale zero", "q")
    both = [quantised, node("DequantizeLinear", "q scale zero")]
    yield "QuantizeLinear, DequantizeLinear", model(both)
    for name, more in (("tensor", "whole scale zero"), ("channel", "whole scales zeros")):
        weight = node("DequantizeLinear", more, "d", **({"axis": 0} if name == "channel" else {}))
        yield f"int8 weight by {name}", model([weight, node("Conv", "c d", pads=[1] * 4)])
    yield "float16 Conv", model([node("Conv", "c w", pads=[1] * 4)], half=True)
    plain = [node("ConstantOfShape", "shape", "k"), node("Add", "c k")]
    yield "ConstantOfShape", model(plain)
    fused = {"domain": MICROSOFT, "activation": "Relu", "pads": [1] * 4, **kernel}
    yield "FusedConv", model([node("FusedConv", "c w", **fused)])
    for operator in ("Gelu", "FastGelu"):
        yield f"{MICROSOFT} {operator}", model([node(operator, "c", domain=MICROSOFT)])
    yield "Erf", model([node("Erf", "c")])
    erf = [node("Div", "c root", "d"), node("Erf", "d", "e"), node("Add", "e unit", "a")]
    for name, first, second in (
        ("(x a) half", "c a", "m half"),
        ("x (half a)", "half a", "c m"),
        ("(half x) a", "half c", "m a"),
    ):
        yield f"GELU as {name}", model([*erf, node("Mul", first, "m"), node("Mul", second)])


def contrib() -> list[str]:
    """ONNX Runtime's operators outside of ai.onnx that the CPU provider has a kernel for."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kernels = state.get_all_opkernel_def()
    return sorted(
        {
            f"{each.domain}:{each.op_name}"
            for each in kernels
            if each.domain == MICROSOFT and each.provider == "CPUExecutionProvider"
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runtimes", nargs="*", metavar="RUNTIME")
    parser.add_argument("--contrib", action="store_true")
    args = parser.parse_args()
    if args.contrib:
        print(*contrib(), sep="\n")
    for name, made in forms():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "m.onnx"
            onnx.save(made, path)
            said = []
            for runtime in args.runtimes:
                try:
                    found = attempt(runtime, path, random_feeds(made), threads=1)
                except InputError as error:
                    said.append(f"{runtime} refuses: {str(error)[-60:]}")
                    continue
                near = found.difference <= TOLERANCE * max(found.scale, 1e-9)
                wrong = f"wrong, {found.difference:.2g} of {found.scale:.2g}"
                said.append(f"{runtime} {'ok' if near else wrong}")
            if said:
                print(f"{name}: {'; '.join(said)}", flush=True)


if __name__ == "__main__":
    main()
