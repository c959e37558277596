"""Open axes of a graph fixed to sizes, and fixed ones opened: batch, height and width.

A target that plans its memory ahead (NNAPI, QNN, LiteRT) wants every size as a number; a server
wants the batch open. Both are more than another number in the input's shape: sizes derived from it
are written into shapes along the graph and into constants (:mod:`.baked`). Whether nothing baked is
left shows only in a run, so :func:`opened` runs the graph at its own sizes, where it must give what
it gave, and at others; what still holds to its own sizes is named by node and module.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import onnx

from postprocess.errors import InputError
from postprocess.registry import suggestion

from ..measure.arrays import compare, within
from .baked import release
from .modules import all_graphs, all_nodes, module_of
from .run import Array, feeds_for, random_feeds, run
from .shapes import infer, inputs_of, shape_of, shapes, skeleton

Axes = Mapping[str, Mapping[int, str]]

STRIDES = (1, 2, 4, 8, 16, 32, 64, 128)  # steps of height and width that networks may want
SIDE = 64  # for an axis that has no size of its own, where one is needed to run the graph
# How ONNX Runtime names the node at fault, running the graph or loading it.
_FAULTS = (r"running (?P<op>\w+) node\. Name:'(?P<name>[^']*)'", r"Node \((?P<name>[^)]*)\)")


def symbols(model: onnx.ModelProto) -> dict[str, list[tuple[str, int]]]:
    """Open axes of the graph's inputs by symbol: input and axis, those without a name included.

    An axis without a name is called ``<input>_dim_<axis>``.
    """
    found: dict[str, list[tuple[str, int]]] = {}
    for value in inputs_of(model):
        for axis, side in enumerate(shape_of(value) or ()):
            if not isinstance(side, int):
                name = side or f"{value.name}_dim_{axis}"
                found.setdefault(name, []).append((value.name, axis))
    return found


def fixed(model: onnx.ModelProto, sizes: Mapping[str, int]) -> onnx.ModelProto:
    """Return a copy of ``model`` with open axes fixed, everywhere that they occur.

    Args:
        sizes: by symbol, as :func:`symbols` has them; others stay open.

    Raises:
        InputError: an unknown symbol, a size below 1, or a node that holds to another size.
    """
    known = symbols(model)
    for symbol, size in sizes.items():
        if symbol not in known:
            raise InputError(
                f"no axis {symbol!r}{suggestion(symbol, list(known))} "
                f"(open axes: {', '.join(known) or 'none'})"
            )
        if size < 1:
            raise InputError(f"axis {symbol!r} expects a size of at least 1, got {size}")
    made = release(_copy(model))
    for value in inputs_of(made):
        for axis, side in enumerate(value.type.tensor_type.shape.dim):
            name = side.dim_param or f"{value.name}_dim_{axis}"
            if not side.HasField("dim_value") and name in sizes:
                side.dim_value = sizes[name]
    for graph in all_graphs(made.graph):
        for value in (*graph.output, *graph.value_info):
            for side in value.type.tensor_type.shape.dim:
                if side.dim_param in sizes:
                    side.dim_value = sizes[side.dim_param]
    _state_outputs(made)
    _try(made, ", ".join(f"{k}={v}" for k, v in sizes.items()))
    return made


def _try(model: onnx.ModelProto, sizes: str) -> None:
    """Run a graph whose open axes get usual sizes, with sizes for vectors that may hold some.

    Raises:
        InputError: it does not run; the line names the node, or the inputs that were made up.
    """
    feeds = feeds_for(inputs_of(model))
    try:
        _run(model, feeds, sizes)
    except InputError as error:
        vectors = [k for k, v in feeds.items() if v.ndim < 2 and v.size <= 4 and len(feeds) > 1]
        if not vectors:
            raise
        try:
            run(model, {**feeds, **{name: np.full_like(feeds[name], SIDE) for name in vectors}})
        except InputError:
            named = ", ".join(map(repr, vectors))
            raise InputError(
                f"{error} (input {named} may hold sizes, and was made up for the check)"
            ) from error


def opened(model: onnx.ModelProto, axes: Axes) -> onnx.ModelProto:
    """Return a copy of ``model`` whose inputs leave ``axes`` open, after runs at two sizes.

    At its own sizes the result gives what ``model`` gives. A batch, axis 0, is run with two
    entries, each of which must give what it gives alone.

    Args:
        axes: symbol by axis, by input name.

    Raises:
        InputError: an unknown input or axis, or a node that holds to the sizes that the graph was
            exported with; the line names it and its module.
    """
    _check_axes(model, axes)
    made = release(_copy(model))
    for value in inputs_of(made):
        for axis, symbol in axes.get(value.name, {}).items():
            value.type.tensor_type.shape.dim[axis].dim_param = symbol
    for value in made.graph.output:
        for side in value.type.tensor_type.shape.dim:
            side.Clear()
    del made.graph.value_info[:]
    assumed = {name: 1 if places[0][1] == 0 else SIDE for name, places in symbols(model).items()}
    own = random_feeds(model, assumed)
    first = _same(run(model, own), _run(made, own, "its own sizes"))
    grown = dict(own)
    for name, sides in axes.items():
        if 0 in sides:
            _check_batch(made, own, [k for k, v in axes.items() if v.get(0) == sides[0]])
        for axis in sides:
            step = stride(made, own, name, axis) if axis else 1
            grown[name] = _grown(grown[name], axis, step)
    second = _run(made, grown, "larger sizes")
    for value in made.graph.output:
        follows = _followed(axes, own, grown)
        _state_output(value, first[value.name].shape, second[value.name].shape, follows)
    return made


def stride(model: onnx.ModelProto, feeds: Mapping[str, Array], name: str, axis: int) -> int:
    """The smallest step by which an open axis can grow, found by trial.

    Args:
        model: whose axis is open.
        feeds: inputs that it runs on.
        name: of the input.
        axis: to grow.

    Raises:
        InputError: it runs at no other size; the line names the node that holds to its own.
    """
    fault: InputError | None = None
    for step in STRIDES:
        try:
            _run(model, {**feeds, name: _grown(feeds[name], axis, step)}, f"{name!r} {step} larger")
        except InputError as error:
            fault = error
        else:
            return step
    assert fault is not None
    raise fault


def _grown(array: Array, axis: int, step: int) -> Array:
    """The array with its first ``step`` slices along an axis again behind its last."""
    again = np.take(array, range(step), axis=axis, mode="wrap")
    return np.concatenate([array, again], axis=axis)


def _check_batch(
    model: onnx.ModelProto, feeds: Mapping[str, Array], batch: Collection[str]
) -> None:
    """Refuse a graph that gives another result for a picture in company than for it alone."""
    single = {k: v[:1] if k in batch else v for k, v in feeds.items()}
    other = {k: -v if v.dtype.kind == "f" else v for k, v in single.items()}
    both = {k: np.concatenate([v, other[k]]) if k in batch else v for k, v in single.items()}
    together = _run(model, both, "a batch of 2")
    for position, alone in enumerate((single, {**single, **{k: other[k] for k in batch}})):
        expected = _run(model, alone, "a batch of 1")
        for name, array in expected.items():
            if not array.ndim or len(together[name]) != 2 * len(array):
                raise InputError(
                    f"output {name!r} has shape {together[name].shape} for a batch of 2 and "
                    f"{array.shape} for one of 1: the graph does not keep the batch apart"
                )
            part = together[name][position * len(array) :][: len(array)]
            _same({name: array}, {name: part})


def _same(expected: Mapping[str, Array], found: Mapping[str, Array]) -> Mapping[str, Array]:
    for name, difference in compare(expected, found).items():
        if not within(difference):
            raise InputError(
                f"with open axes, output {name!r} differs by {difference.max:.3g} at scale "
                f"{difference.scale:.3g}: the graph depends on the sizes that it was exported with"
            )
    return found


def _run(model: onnx.ModelProto, feeds: Mapping[str, Array], sizes: str) -> dict[str, Array]:
    """Run the graph, naming the node and module at fault where it fails."""
    try:
        return run(model, feeds)
    except InputError as error:
        for pattern in _FAULTS:
            found = re.search(pattern, str(error))
            node = next(
                (
                    n
                    for n in all_nodes(model.graph)
                    if found and found["name"] and n.name == found["name"]
                ),
                None,
            )
            if node is not None:
                place = f" in module {module_of(node)!r}" if module_of(node) else ""
                raise InputError(
                    f"{node.op_type} {node.name!r}{place} holds to the sizes that the graph was "
                    f"exported with: it does not run at {sizes}"
                ) from error
        raise


def _check_axes(model: onnx.ModelProto, axes: Axes) -> None:
    known = {value.name: len(shape_of(value) or ()) for value in inputs_of(model)}
    for name, sides in axes.items():
        if name not in known:
            raise InputError(
                f"no input {name!r}{suggestion(name, list(known))} (inputs: {', '.join(known)})"
            )
        for axis, symbol in sides.items():
            if not 0 <= axis < known[name]:
                raise InputError(f"input {name!r} has axes 0 to {known[name] - 1}, got axis {axis}")
            if not symbol.isidentifier():
                raise InputError(f"axis {axis} of input {name!r} expects a name, got {symbol!r}")


def _state_outputs(model: onnx.ModelProto) -> None:
    """Put inferred sizes into outputs and inner shapes, in place."""
    bare = skeleton(model)
    for value in bare.graph.output:
        value.type.tensor_type.ClearField("shape")
    known = shapes(infer(bare))
    for value in (*model.graph.output, *model.graph.value_info):
        sides = value.type.tensor_type.shape.dim
        for side, size in zip(sides, known.get(value.name, ()), strict=False):
            if isinstance(size, int):
                side.dim_value = size


def _followed(
    axes: Axes, before: Mapping[str, Array], after: Mapping[str, Array]
) -> dict[tuple[bool, int, int], str]:
    """Symbols by whether the axis is a batch, and by its size in two runs."""
    return {
        (axis == 0, before[name].shape[axis], after[name].shape[axis]): symbol
        for name, sides in axes.items()
        for axis, symbol in sides.items()
    }


def _state_output(
    value: onnx.ValueInfoProto,
    before: Sequence[int],
    after: Sequence[int],
    follows: Mapping[tuple[bool, int, int], str],
) -> None:
    """Give an output its sizes in two runs: one number, or the symbol that it follows, in place."""
    shape = value.type.tensor_type.shape
    del shape.dim[:]
    for axis, (size, other) in enumerate(zip(before, after, strict=True)):
        if size == other:
            shape.dim.add(dim_value=size)
        else:
            symbol = follows.get((axis == 0, size, other), f"{value.name}_dim_{axis}")
            shape.dim.add(dim_param=symbol)


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    return made
