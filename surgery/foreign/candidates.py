"""Where a found graph can be cut, and where its network ends (``model.cut=auto``).

The network is what depends on the picture without looking for places in it (no ArgMax, TopK, NMS,
nor anything behind one). Its last convolutions are those that no other learned operator of the
network follows. What follows them pixel by pixel (activation, scale a channel, resize) still
belongs to the network; the cut lies where anything else begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from postprocess.errors import InputError

from ..graph.operators import FOLLOWING, LEARNED, MOVING, PRODUCTS, selects
from ..graph.shapes import Shape
from ..graph.view import View
from ..graph.weights import array_of, is_outside
from .layout import LAYOUTS, layouts, name_of
from .source import Found

_SMALL = 4096  # values of a weight that may have been written by hand
_PASSING = frozenset({"Transpose", "Identity"})


@dataclass(frozen=True)
class Candidate:
    """A tensor at which the graph can be cut.

    Attributes:
        tensor: its name.
        node: name of the node that makes it.
        operator: type of that node.
        shape, dtype, layout: what is known of it; "" where a type or layout is not.
        chosen: whether ``model.cut=auto`` cuts here.
        reason: why, or why not.
    """

    tensor: str
    node: str
    operator: str
    shape: Shape | None
    dtype: str
    layout: str
    chosen: bool
    reason: str


def candidates(found: Found, layout: str | None = None) -> list[Candidate]:
    """Tensors at which the network ends, and those just before them, in graph order.

    Args:
        found: the graph.
        layout: of its input where the caller knows it.

    Raises:
        InputError: the graph has no image input, or no convolution that depends on it.
    """
    image = found.image_input(layout=layout)
    ends = _Ends(found, image.name)
    if not ends.last:
        raise InputError(
            f"{found.path}: no convolution depends on input {image.name!r} before something looks "
            "for places (ArgMax, TopK, NMS): name the cut yourself with model.cut=[tensor]"
        )
    known = layouts(found.nodes, found.shapes, {image.name: LAYOUTS[image.layout]})
    listed = []
    for position, node in enumerate(found.nodes):
        if position in ends.last or position in ends.following:
            for tensor in node.output:
                if tensor and not (node.op_type in _PASSING and tensor not in ends.border):
                    listed.append(_candidate(found, ends, node, tensor, name_of(known.get(tensor))))
    shown = {each.tensor for each in listed}
    for tensor in sorted(ends.border - shown):
        node = found.nodes[found.maker[tensor]]
        listed.append(_candidate(found, ends, node, tensor, name_of(known.get(tensor))))
    return listed


def automatic(found: Found, layout: str | None = None) -> list[Candidate]:
    """The candidates at which ``model.cut=auto`` cuts.

    Raises:
        InputError: as :func:`candidates`.
    """
    return [candidate for candidate in candidates(found, layout) if candidate.chosen]


class _Ends:
    """The network's last convolutions, what follows them, and the border behind those.

    Attributes:
        last: positions of learned nodes that no other one of the network follows.
        following: positions of nodes that follow them pixel by pixel.
        border: tensors of the network that other nodes, or the caller, read.
    """

    def __init__(self, found: Found, image: str) -> None:
        self._view = view = found
        self._weights = {each.name: each for each in found.model.graph.initializer}
        for node in view.nodes:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self._weights[node.output[0]] = node.attribute[0].t
        network = self._network(image)
        learned = {position for position in network if self._learns(view.nodes[position])}
        core = view.upstream(out for n in learned for out in view.nodes[n].output) & network
        before = view.upstream(name for n in learned for name in view.nodes[n].input)
        self.last = learned - before
        self.following = self._follow(network - core, core)
        self.border = self._find_border(core | self.following)

    def _network(self, image: str) -> set[int]:
        """Positions of nodes that depend on the image and on nothing that looks for places."""
        known = {image, *self._view.constants}
        network = set()
        for position, node in enumerate(self._view.nodes):
            data = self._view.data(node)
            if data and not selects(node) and all(name in known for name in data):
                network.add(position)
                known.update(name for name in node.output if name)
        return network

    def _learns(self, node: onnx.NodeProto) -> bool:
        if node.op_type not in LEARNED:
            return False
        weights = [name for name in node.input if name in self._view.constants]
        if not weights and node.op_type in PRODUCTS:
            return False
        return not (weights and _written(self._weights.get(weights[0])))

    def _follow(self, others: set[int], core: set[int]) -> set[int]:
        """Positions behind the last convolutions that work pixel by pixel."""
        view = self._view
        made = {name for position in core for name in view.nodes[position].output}
        following = set()
        for position in sorted(others):
            node = view.nodes[position]
            fits = node.op_type in FOLLOWING or node.op_type in _PASSING
            fits = fits or _by_channel(node, self._weights)
            if fits and all(name in made for name in view.data(node)) and self._per_channel(node):
                following.add(position)
                made.update(node.output)
        return following

    def _per_channel(self, node: onnx.NodeProto) -> bool:
        """Whether a node's constants are the same for all pixels, as a grid of places is not."""
        if node.op_type not in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"):
            return True
        constants = [name for name in node.input if name in self._view.constants]
        return not any(self._view.varies_over_pixels(name) for name in constants)

    def _find_border(self, inside: set[int]) -> set[str]:
        """Tensors made inside that are read outside, transposes at the end taken back."""
        view = self._view
        wanted = view.upstream(view.outputs)
        border = set()
        for position in inside:
            for name in view.nodes[position].output:
                outside = [
                    reader
                    for reader in view.readers.get(name, [])
                    if reader not in inside and reader in wanted and self._takes_data(reader)
                ]
                if outside or name in view.outputs:
                    border.add(self._dequantized(self._before_transposes(name, inside)))
        return border

    def _dequantized(self, name: str) -> str:
        """The tensor, or of one that holds int8 the same in float32 behind what only moves it."""
        view, at = self._view, name
        if not quantised(view, name):
            return name
        while at not in view.outputs and len(view.readers.get(at, [])) == 1:
            node = view.nodes[view.readers[at][0]]
            if node.op_type not in (*MOVING, "DequantizeLinear"):
                break
            at = node.output[0]
            if node.op_type == "DequantizeLinear":
                return str(at)
        return name

    def _takes_data(self, position: int) -> bool:
        return any(out not in self._view.constants for out in self._view.nodes[position].output)

    def _before_transposes(self, name: str, inside: set[int]) -> str:
        while name not in self._view.outputs:
            position = self._view.maker[name]
            node = self._view.nodes[position]
            passing = position in inside and node.op_type in _PASSING
            if not passing or node.input[0] not in self._view.maker:
                break
            name = str(node.input[0])
        return name

    def origin(self, tensor: str) -> str:
        """Name of the last convolution in front of a tensor."""
        upstream = self._view.upstream([tensor]) & self.last
        if not upstream:
            return ""
        node = self._view.nodes[max(upstream)]
        return str(node.name or node.output[0])


def quantised(view: View, name: str) -> bool:
    """Whether a tensor holds int8 or uint8 that stand for other values."""
    node = view.nodes[view.maker[name]] if name in view.maker else None
    if node is None:
        return False
    if node.op_type in MOVING:
        return quantised(view, node.input[0])
    return bool(node.op_type == "QuantizeLinear" or node.op_type.startswith("QLinear"))


def _written(weight: onnx.TensorProto | None) -> bool:
    """Whether a weight was written, not learned: an identity, a mean, the places 0 to n - 1.

    The last is how YOLO's head takes the mean of a distribution over distances (DFL: Li et al.,
    "Generalized Focal Loss", 2020, section 3.2).
    """
    if weight is None or not 1 < math.prod(weight.dims) <= _SMALL or is_outside(weight):
        return False
    values = array_of(weight).ravel()
    steps = np.arange(len(values))
    return bool((values == steps).all() or np.isin(values, (0, 1)).all() or np.ptp(values) == 0)


def _by_channel(node: onnx.NodeProto, weights: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether a node takes channels apart, (N, C, ...): the host would have to do it again."""
    if node.op_type == "Split":
        return next((a.i for a in node.attribute if a.name == "axis"), 0) == 1
    if node.op_type != "Slice" or len(node.input) < 4 or node.input[3] not in weights:
        return False
    return bool(array_of(weights[node.input[3]]).tolist() == [1])


def _candidate(
    found: Found, ends: _Ends, node: onnx.NodeProto, tensor: str, layout: str
) -> Candidate:
    followed = tuple(dict.fromkeys(_readers(found, tensor)))
    chosen = tensor in ends.border
    return Candidate(
        tensor=tensor,
        node=node.name,
        operator=node.op_type,
        shape=found.shapes.get(tensor),
        dtype=found.dtype_of(tensor),
        layout=layout,
        chosen=chosen,
        reason=_reason(ends, node, tensor, followed, chosen),
    )


def _readers(view: View, tensor: str) -> Iterator[str]:
    """Operators that read a tensor, "output" for the caller, looking through what only moves it."""
    for position in view.readers.get(tensor, []):
        node = view.nodes[position]
        yield node.op_type
        if node.op_type in MOVING:
            yield from (kind for output in node.output for kind in _readers(view, output))
    if tensor in view.outputs:
        yield "graph output"


def _reason(
    ends: _Ends, node: onnx.NodeProto, tensor: str, followed: tuple[str, ...], chosen: bool
) -> str:
    origin = ends.origin(tensor)
    own = node.name or node.output[0]
    if not chosen:
        return f"the network goes on with {', '.join(followed) or 'nothing'}"
    if not origin:
        return f"read by {', '.join(followed)} though the network goes on from here"
    where = "the last convolution" if origin == own else f"behind the last convolution {origin}"
    return f"{where}; followed by {', '.join(followed)}"
