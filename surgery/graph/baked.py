"""Sizes written into a graph as constants, replaced by what follows from the data.

An exporter that traced one picture leaves its batch, height and width behind in the targets of
Reshape (`x.view(1, 64, 4096)`) and the sizes of Resize. Both have a form that says the same at that
size and holds at others: in Reshape, 0 copies an axis of the data and -1 takes what is left; in
Resize, scales are sizes divided by sizes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from .shapes import Shape, shape_of
from .view import View
from .weights import array_of

Array = NDArray[np.generic]

# What exporters put sizes together with.
_PARTS = frozenset({"Constant", "Concat", "Unsqueeze", "Squeeze", "Cast", "Identity"})


def release(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model``, changed in place: the same at its own sizes, fewer of them written down.

    A Reshape to a first axis of 1 is taken for one that means the batch where the data's first
    axis is an input's open one.
    """
    view, constants = View(model), _constants(model)
    known, makers = view.shapes, view.makers
    batches = {(shape_of(value) or ("",))[0] for value in model.graph.input}
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[1] in constants:
            sizes = constants[node.input[1]].tolist()
            empty = any(a.name == "allowzero" and a.i for a in node.attribute)
            if empty and 0 in sizes:  # here 0 means an axis of length 0
                continue
            del node.attribute[:]
            target = _target(sizes, known.get(node.input[0]), batches)
            _give(model, node, 1, np.array(target, np.int64))
        elif node.op_type == "Resize" and len(node.input) > 3:
            sizes = _last_sizes(node.input[3], makers, constants)
            scales = _scales(sizes, known.get(node.input[0]))
            if scales is not None and not any(a.name == "axes" for a in node.attribute):
                _give(model, node, 2, scales)
                del node.input[3]
    return model


def _constants(model: onnx.ModelProto) -> Mapping[str, Array]:
    """Whole-number constants of rank 1 and less, by name, and what is put together from them.

    Weights that callers may override are none.
    """
    listed = {value.name for value in model.graph.input}
    known = {
        tensor.name: array_of(tensor)
        for tensor in model.graph.initializer
        if tensor.name not in listed and _is_size(tensor.data_type, tensor.dims)
    }
    for node in model.graph.node:
        if node.op_type in _PARTS and all(name in known for name in node.input):
            found = ReferenceEvaluator(node).run(None, {name: known[name] for name in node.input})
            assert isinstance(found, list)
            made = np.asarray(found[0])
            if made.dtype == np.int64 and made.ndim <= 1:
                known[node.output[0]] = made
    return known


def _is_size(kind: int, dims: Sequence[int]) -> bool:
    return kind == onnx.TensorProto.INT64 and len(dims) <= 1


def _target(
    target: Sequence[int], shape: Shape | None, batches: Collection[int | str | None]
) -> list[int]:
    """A Reshape's target with axes that the data has too copied from it, and one left open.

    Args:
        batches: first axes of the graph's inputs.
    """
    made = list(target)
    if shape is None:
        return made
    copied = 0
    for side, size in zip(shape, target, strict=False):
        batch = copied == 0 and size == 1 and isinstance(side, str) and side in batches
        if not (side == size or batch):
            break
        made[copied] = 0
        copied += 1
    if len(made) - copied == 1 and len(shape) >= copied:
        made[-1] = -1
    return made


def _last_sizes(
    name: str, makers: Mapping[str, onnx.NodeProto], constants: Mapping[str, Array]
) -> list[int]:
    """The constant sizes of the last axes: all, or those behind a batch that is computed."""
    if name in constants:
        return [int(size) for size in constants[name]]
    maker = makers.get(name)
    found: list[int] = []
    for part in reversed(maker.input if maker is not None and maker.op_type == "Concat" else ()):
        if part not in constants:
            break
        found = [*(int(size) for size in constants[part]), *found]
    return found


def _scales(sizes: Sequence[int], shape: Shape | None) -> NDArray[np.float32] | None:
    """Scales that give these sizes in the last axes, None where none does so exactly."""
    if shape is None or not 0 < len(sizes) <= len(shape):
        return None
    before = shape[len(shape) - len(sizes) :]
    known = np.array([side for side in before if isinstance(side, int)], np.float32)
    if len(known) < len(sizes) or not known.all():
        return None
    scales = (np.array(sizes) / known).astype(np.float32)
    if (np.floor(known * scales) != sizes).any():
        return None
    return np.concatenate([np.ones(len(shape) - len(sizes), np.float32), scales])


def _give(model: onnx.ModelProto, node: onnx.NodeProto, place: int, values: Array) -> None:
    """Give a node a constant of its own, in place; the old one may be read by others."""
    name = f"{node.output[0]}.{'shape' if place == 1 else 'scales'}.released"
    model.graph.initializer.append(numpy_helper.from_array(values, name))
    node.input[place] = name
