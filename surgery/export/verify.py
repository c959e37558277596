"""Run an exported graph in ONNX Runtime against the module that it came from.

Once at the size of the examples and, where axes are open, once at another size and batch. What may
differ is ten times the rounding that was measured: :data:`~surgery.measure.arrays.FLOAT32_NOISE` in
float32; 1e-3 of an output's scale where half precision is involved (the demo network of E2EC in
float16 is 9.4e-4 off); and where a network amplifies rounding by more, what its own copy in float64
is off.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from postprocess.errors import InputError

from ..graph.modules import all_nodes, module_of
from ..graph.run import Array, run
from ..graph.weights import all_tensors
from ..measure.arrays import Difference, compare, within
from ..rewrites.dcn.shift.sums_node import expand
from ..support.quiet import quiet
from .divergence import first_divergence
from .exporters.base import Request
from .sizes import Inputs, described, second_sizes

HALF_NOISE = 1e-3
_HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
_NODE = (
    re.compile(r"Name:'([^']+)'"),
    re.compile(r"node with name '([^']+)'"),
    re.compile(r"[Nn]ode:? ?\(([^)]+)\)"),
)
_PREAMBLE = re.compile(  # ONNX Runtime's code, the node that is named anyway, its source file
    r"\[ONNXRuntimeError\] : \d+ : \w+ : "
    r"|Non-zero status code returned while running \S+ node\. Name:'[^']*' Status Message: "
    r"|\S+\.(h|cc|cpp):\d+ .*?(was false\. |\) )"
)
_LONGEST = 240


def verify(model: onnx.ModelProto, request: Request, *, exact: bool = True) -> None:
    """Run ``model`` as ``request`` describes it and compare with what the module gives.

    Args:
        model: the finished graph.
        request: its module, examples, names and open axes.
        exact: whether every node is meant to compute what the module does; where not, only the
            shapes are compared.

    Raises:
        InputError: the graph does not open or run, or differs, with output, figure and node; or the
            module itself does not run at a second size, or gives something else at each call.
    """
    graph = expand(model)
    for inputs in (request.inputs, *_second(request)):
        _at(graph, request, inputs, exact)


def runs(model: onnx.ModelProto, request: Request) -> bool:
    """Whether ONNX Runtime runs ``model`` on the examples of ``request``."""
    try:
        run(expand(model), _feeds(request, request.inputs))
    except InputError:
        return False
    return True


def holds_at(model: onnx.ModelProto, request: Request, inputs: Inputs) -> bool | None:
    """Whether ``model`` gives what the module gives at another size than it was written for.

    None where that cannot be said: ONNX Runtime or the module itself does not run on ``inputs``.
    """
    graph = _without_sizes(expand(model))
    if not runs(graph, request):
        return None
    try:
        expected = _expected(request, inputs)
    except Exception:  # anybody's forward: anything can come out
        return None
    try:
        found = run(graph, _feeds(request, inputs))
    except InputError:
        return False
    return _problem(expected, found, graph) is None


def _without_sizes(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of ``model`` that states no shape, for inputs of any size."""
    freed = onnx.ModelProto()
    freed.CopyFrom(model)
    del freed.graph.value_info[:]
    for value in (*freed.graph.input, *freed.graph.output):
        value.type.tensor_type.ClearField("shape")
    return freed


def _second(request: Request) -> list[Inputs]:
    """Inputs of the first other size that the module itself takes; none where no axis is open."""
    problem: Exception | None = None
    tried = ""
    names, dynamic = request.input_names, request.dynamic
    for inputs in second_sizes(names, request.inputs, dynamic):
        try:
            outputs_of(request.module, inputs)
        except Exception as error:  # anybody's forward: anything can come out
            if problem is None:
                problem, tried = error, described(names, inputs)
        else:
            return [inputs]
    if problem is None:
        return []
    axes = sorted({symbol for name in names for symbol in dynamic.get(name, {}).values()})
    cause = _short(str(problem))
    raise InputError(
        f"the axes {', '.join(axes)} are asked to be open, and the module itself does not run at "
        f"another size ({tried}: {type(problem).__name__}: {cause}): fix its sizes"
    ) from problem


def outputs_of(module: nn.Module, inputs: Inputs) -> list[Tensor]:
    """Tensors that the module returns, in order; its inputs are copied, so that it may write."""
    with torch.no_grad(), quiet():
        given = module(*(tensor.clone() for tensor in inputs))
    return flat(given)


def flat(value: Any) -> list[Tensor]:
    """Tensors inside of tuples, lists and dictionaries, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in flat(part)]
    return []


def _at(graph: onnx.ModelProto, request: Request, inputs: Inputs, exact: bool) -> None:
    where = described(request.input_names, inputs)
    feeds = _feeds(request, inputs)
    try:
        found = run(graph, feeds)
    except InputError as error:
        raise InputError(_not_run(graph, str(error), where)) from error
    expected = _expected(request, inputs)
    problem = _problem(expected, found, graph if exact else None)
    if problem is None:
        return
    name, gap = problem
    again = compare(expected, _expected(request, inputs))
    if any(each.max > 0 for each in again.values()):
        raise InputError(
            "the module gives something else at each call (random numbers, or a state that forward "
            "changes), so that a graph cannot be compared with it: make forward deterministic, or "
            "pass verify=False"
        )
    if gap is not None and gap.max <= 10 * _own_noise(request, inputs, expected).get(name, 0.0):
        return
    place = first_divergence(graph, request.module, inputs, feeds, noise_of(graph))
    if gap is None:
        sizes = f"{np.shape(found[name])}, the module {np.shape(expected[name])}"
        raise InputError(f"output {name!r} of the exported graph has shape {sizes} at {where}")
    raise InputError(
        f"output {name!r} of the exported graph differs from the module by {gap.max:.3g} at scale "
        f"{gap.scale:.3g} at {where}{place}"
    )


def _feeds(request: Request, inputs: Inputs) -> dict[str, Array]:
    names = request.input_names
    return dict(zip(names, map(_feed, names, inputs), strict=True))


def _feed(name: str, tensor: Tensor) -> Array:
    if tensor.dtype == torch.bfloat16:
        raise InputError(
            f"input {name!r} is bfloat16, which ONNX Runtime's Python interface does not take, so "
            "that nothing can be compared"
        )
    return tensor.numpy(force=True)


def _array(tensor: Tensor) -> Array:
    whole = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return whole.numpy(force=True)


def _expected(request: Request, inputs: Inputs) -> dict[str, Array]:
    outputs = outputs_of(request.module, inputs)
    if len(outputs) != len(request.output_names):
        raise InputError(
            f"expected {len(request.output_names)} tensors from forward, for "
            f"{', '.join(request.output_names)}, got {len(outputs)}"
        )
    return dict(zip(request.output_names, map(_array, outputs), strict=True))


def _problem(
    expected: dict[str, Array], found: dict[str, Array], graph: onnx.ModelProto | None
) -> tuple[str, Difference | None] | None:
    """The output that is furthest off, with its difference; with None for another shape."""
    for name, array in expected.items():
        if np.shape(array) != np.shape(found[name]):
            return name, None
    if graph is None:
        return None
    noise = noise_of(graph)
    off = [
        (each.max / (each.scale or 1.0), name, each)
        for name, each in compare(expected, found).items()
        if not within(each, None if noise is None else noise * each.scale)
    ]
    if not off:
        return None
    _, name, gap = max(off, key=lambda entry: entry[0])
    return name, gap


def noise_of(graph: onnx.ModelProto) -> float | None:
    """Rounding of half precision, None where the graph computes in float32 or better."""
    kinds = {value.type.tensor_type.elem_type for value in graph.graph.input}
    kinds |= {tensor.data_type for tensor in all_tensors(graph.graph)}
    kinds |= {
        helper.get_attribute_value(a)
        for node in all_nodes(graph.graph)
        if node.op_type == "Cast"
        for a in node.attribute
        if a.name == "to"
    }
    return HALF_NOISE if kinds & set(_HALF) else None


def _own_noise(request: Request, inputs: Inputs, expected: dict[str, Array]) -> dict[str, float]:
    """How far a copy of the module in float64 is off, by output; {} where there can be none."""
    try:
        wide = copy.deepcopy(request.module).double()
        given = tuple(t.double() if t.is_floating_point() else t for t in inputs)
        arrays = dict(zip(request.output_names, map(_array, outputs_of(wide, given)), strict=True))
        return {name: each.max for name, each in compare(arrays, expected).items()}
    except Exception:  # forward may make float32 tensors itself, or refuse to be copied
        return {}


def _not_run(graph: onnx.ModelProto, cause: str, where: str) -> str:
    """One line: the node at fault, its module, what ONNX Runtime says."""
    cause = cause.partition(": ")[2]
    nodes = {node.name: node for node in all_nodes(graph.graph)}
    named = (found[1] for pattern in _NODE if (found := pattern.search(cause)))
    node = next((nodes[name] for name in named if name in nodes), None)
    if node is None:  # an operator that ONNX Runtime does not have is named without its node
        known = (n for n in nodes.values() if n.domain and f"{n.domain}:{n.op_type}" in cause)
        node = next(known, None)
    place = ""
    if node is not None:
        module = module_of(node)
        place = f", node {node.name!r}" + (f" in module {module!r}" if module else "")
    return f"ONNX Runtime does not run the exported graph at {where}{place}: {_short(cause)}"


def _short(text: str) -> str:
    plain = " ".join(_PREAMBLE.sub("", text).split())
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
