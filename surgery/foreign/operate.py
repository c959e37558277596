"""From the found file to the operated graph: cut, channels first, simplified; steps checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import onnx
from onnx import TensorProto, helper

from postprocess.errors import InputError
from postprocess.instances import Array
from postprocess.preprocess import Preprocess

from ..config.run import Config
from ..graph.run import run
from ..graph.shapes import infer, shape_of
from ..graph.view import opset_of
from ..job.for_target import for_target
from ..measure.arrays import compare, tolerance, within
from ..passes import Check, run_passes
from ..passes.opset import proven
from ..support.ledger import Entry, Ledger
from ..targets import Target
from .candidates import automatic, quantised
from .cut import extract, needed_inputs, resolve, separate
from .interface import Sizes, Step, head_outputs, picture_input
from .layout import LAYOUTS, Axes
from .reference import channels_first, feed, tensors_at
from .repair import repaired
from .settings import Settings
from .source import Found, ImageInput

# Names stay those of the found graph, so that a line of a report can be looked up there.
ORDER = ("initializers", "fold", "resize", "transpose", "slim", "deform", "dead")

HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
HALF_NOISE = 2.0**-11  # of a value's own size: half of float16's last place


@dataclass(frozen=True)
class Cut:
    """Where a found graph is cut.

    Attributes:
        tensors: names of the cut tensors, in order.
        part: the graph that makes them, as it is in the file.
        port: its image input.
    """

    tensors: tuple[str, ...]
    part: onnx.ModelProto
    port: ImageInput


@dataclass(frozen=True)
class Operated:
    """The operated graph, and what the found one gives for the same picture.

    Attributes:
        graph: NCHW float32 in and out.
        reference: the found graph's cut tensors, NCHW float32.
        problem: why the whole found graph does not run in ONNX Runtime, or "".
        noise: rounding relative to an output's scale where the graph computes in half precision.
    """

    graph: onnx.ModelProto
    reference: Mapping[str, Array]
    problem: str
    noise: float | None


def cut_graph(found: Found, given: Settings, ledger: Ledger) -> Cut:
    """Cut where the configuration says, or where the network ends.

    Raises:
        InputError: an unknown name, a cut that does not separate, or a part before it that takes
            something else than one picture.
    """
    named = _named(found, given)
    if given.cut or named:
        tensors, reasons = resolve(found, given.cut or named), dict[str, str]()
        _check_values(found, tensors)
        left_out = separate(found, tensors, _ends(found, given.input.layout))
    else:
        chosen = automatic(found, given.input.layout)
        tensors = tuple(candidate.tensor for candidate in chosen)
        reasons = {candidate.tensor: f"auto: {candidate.reason}" for candidate in chosen}
        left_out = separate(found, tensors)
    part = extract(found, tensors)
    needed = needed_inputs(found, tensors)
    if len(needed) != 1:
        raise InputError(
            f"{found.path}: the graph up to the cut needs {len(needed)} inputs "
            f"({', '.join(map(repr, needed))}), expected one picture: cut where one is enough"
        )
    for tensor in tensors:
        ledger.add(_entry("cut", tensor, True, reasons.get(tensor, "named in model.cut")))
    for output in left_out:
        ledger.add(_entry("cut", output, False, "this output needs nothing of the cut: left out"))
    for name in found.inputs:
        if name not in needed:
            ledger.add(
                _entry("cut", name, False, "this input is not needed up to the cut: left out")
            )
    return Cut(tensors, part, found.image_input(needed, given.input.layout))


def _named(found: Found, given: Settings) -> tuple[str, ...]:
    """Where to cut when the decoder names other tensors than those at which ``auto`` cuts.

    They take the place of the ends that follow them; the other ends stay.
    """
    values = [v for key, v in given.decoder.items() if isinstance(v, str) and key != "name"]
    tensors = list(dict.fromkeys(v for v in values if v in found.maker))
    ends = _ends(found, given.input.layout)
    if set(tensors) <= set(ends):
        return ()
    behind = found.downstream(tensors)
    return (*tensors, *(end for end in ends if end not in behind))


def _check_values(found: Found, tensors: Sequence[str]) -> None:
    """Refuse a cut at int8 values that stand for others.

    Raises:
        InputError: naming the tensor.
    """
    for tensor in tensors:
        if quantised(found, tensor):
            raise InputError(
                f"model.cut: {tensor!r} holds quantised values: cut behind its DequantizeLinear "
                "(model.cut=auto does)"
            )


def _ends(found: Found, layout: str | None) -> list[str]:
    """Where the network ends, for hints alone."""
    try:
        return [candidate.tensor for candidate in automatic(found, layout)]
    except InputError:
        return []


def operate(
    found: Found,
    cut: Cut,
    given: Settings,
    preprocess: Preprocess,
    config: Config,
    tensor: Array,
    ledger: Ledger,
) -> Operated:
    """Make the cut graph NCHW float32 and simplify it, each step held against the one before.

    Args:
        preprocess: what the operated graph is fed with.
        config: the batch where the found graph leaves it open, the opset, and passes to leave out.
        tensor: (1, 3, h, w), the picture that the steps are checked on.

    Raises:
        InputError: ONNX Runtime cannot run the graph, or a change of the interface changed what it
            computes.
    """
    surgery = config.surgery
    safe = surgery.safe is not False
    try:
        raw, problem = tensors_at(found, cut.part, cut.port, cut.tensors, tensor, safe=safe)
    except InputError:
        own = {cut.port.name: feed(cut.port, tensor)}
        cut = replace(cut, part=repaired(cut.part, own, ledger, safe=safe))
        raw, problem = tensors_at(found, cut.part, cut.port, cut.tensors, tensor, safe=safe)
    graph = onnx.ModelProto()
    graph.CopyFrom(cut.part)
    height, width = preprocess.size or (cut.port.height, cut.port.width)
    sizes = Sizes(cut.port.batch or config.input.batch, height, width, cut.port.channels)
    steps = picture_input(graph, cut.port, sizes)
    said = LAYOUTS[given.decoder_node.layout] if given.decoder_node.layout else None
    more, axes = head_outputs(graph, cut.port.name, said)
    feeds = {cut.port.name: _repeated(tensor, sizes.batch)}
    reference = channels_first(raw, axes)
    given_back = run(graph, feeds)
    noise = HALF_NOISE if _computes_in_half(found, cut) else None
    _check(reference, given_back, axes, noise)
    for step in (*steps, *more):
        ledger.add(_step(step))
    _describe_outputs(graph, given_back)
    check = Check(feeds, noise)
    if surgery.opset is not None:
        before, graph = opset_of(graph), proven(graph, surgery.opset, check)
        reason = f"opset {surgery.opset}, the file is of {before}"
        ledger.add(_entry("opset", graph.graph.name, True, reason))
    graph = run_passes(
        graph,
        skip=surgery.passes.skip,
        ledger=ledger,
        check=check,
        order=(*ORDER[:-1], *surgery.passes.also, *ORDER[-1:]),
        tolerance=surgery.passes.tolerance,
        safe=safe,
    )
    graph = for_target(
        graph,
        Target.from_config(config.target),
        check=check,
        ledger=ledger,
        skip=surgery.passes.skip,
        clean=ORDER[-1:],
        safe=bool(surgery.safe),
    )
    return Operated(graph, reference, problem, noise)


def _repeated(tensor: Array, batch: int | None) -> Array:
    return tensor if batch in (None, 1) else tensor.repeat(batch or 1, axis=0)


def _computes_in_half(found: Found, cut: Cut) -> bool:
    made = [name for node in cut.part.graph.node for name in node.output]
    return any(found.types.get(name) in HALF for name in made)


def _check(
    reference: Mapping[str, Array],
    operated: Mapping[str, Array],
    axes: Mapping[str, Axes | None],
    noise: float | None,
) -> None:
    """Refuse an interface that changed the numbers: a layout was taken for another one."""
    heads = {name: array[: len(reference[name])] for name, array in operated.items()}
    expected = {name: array[: len(heads[name])] for name, array in reference.items()}
    for name, found in compare(expected, heads).items():
        rounding = None if noise is None else noise * found.scale
        if not within(found, rounding):
            layout = "".join(axes[name] or ()).lower() or "unknown"
            raise InputError(
                f"cut tensor {name!r} (layout {layout}) changed by {found.max:.3g} when the "
                f"input became NCHW float32, rounding is {tolerance(found, rounding):.3g}: nothing "
                "was written; is model.input.layout right?"
            )


def _describe_outputs(graph: onnx.ModelProto, arrays: Mapping[str, Array]) -> None:
    """Give every output its shape: what ONNX infers, and what a run gave where nothing varies."""
    fixed = all(isinstance(side, int) for side in shape_of(graph.graph.input[0]) or ())
    inferred = {value.name: shape_of(value) for value in infer(graph).graph.output}
    for value in graph.graph.output:
        name, kind = value.name, value.type.tensor_type.elem_type
        actual = arrays[name].shape
        known = inferred[name] or (None,) * len(actual)
        shape: list[int | str] = []
        for axis, (side, length) in enumerate(zip(known, actual, strict=True)):
            shape.append(length if fixed else (side or f"{name}.{axis}"))
        value.CopyFrom(helper.make_tensor_value_info(name, kind, shape))


def _step(step: Step) -> Entry:
    return _entry(step.name, step.where, step.fired, step.reason)


def _entry(name: str, where: str, fired: bool, reason: str) -> Entry:
    return Entry("cut" if name == "cut" else "interface", name, where, fired, True, reason)
