"""From a torch module to an ONNX model in memory, the same bytes every time.

torch has two exporters with different habits: names, symbols of dynamic axes, opsets, chatter. This
is the one door to both. What comes out is checked, has the inputs and outputs that were asked for,
weights as initializers only, and in each node the path of the module that made it
(``metadata_props["surgery.module"]``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from postprocess.errors import InputError

from ..config.surgery import DEFAULT_OPSET
from ..graph.names import stable_names
from ..graph.single import holds_double, single
from ..graph.weights import with_weights_as_inputs
from ..passes.check import Check
from ..passes.opset import at_opset, proven
from ..rewrites.functions.dispatch import uncounted
from ..support.quiet import Chatter, quiet
from ..support.torch_compat import default_exporter
from ..support.versions import own_version
from .advice import EXPORTERS, Order, advised
from .exporters.base import Exporter, Request
from .exporters.fault import explain
from .exporters.interface import drop_unused_weights, set_inputs, set_outputs, strip
from .exporters.naming import named, neutral
from .symbolics import DEFAULT as DEFAULT_SYMBOLICS
from .symbolics.record import Recorded, called
from .symbolics.scope import chosen as chosen_symbolics
from .verify import runs
from .verify import verify as verify_graph

OLDEST_OPSET = 9


def export_onnx(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    *,
    input_names: Sequence[str],
    output_names: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]] | None = None,
    opset: int | None = None,
    exporter: str | None = None,
    metadata: Mapping[str, str] | None = None,
    name: str = "main",
    symbolics: Sequence[str] = DEFAULT_SYMBOLICS,
    verify: bool = True,
) -> onnx.ModelProto:
    """Export ``module`` and return a model that has been run against it.

    ONNX Runtime runs the graph on ``inputs`` and, where axes are open, on inputs of a second size
    and batch made from them; each output must be what ``module`` gives up to rounding.

    Args:
        module: in eval mode, children included; takes ``inputs`` in order and returns a tensor or a
            tuple of tensors.
        inputs: examples, best of the kind that the network was made for; sizes of axes that are not
            dynamic become the graph's.
        input_names: one for each of ``inputs``, kept in order; an input that nothing uses stays.
        output_names: one for each output, in order.
        dynamic: symbol by axis, by input or output name. Axes of outputs that are not fixed and
            not named get ``<output>_dim_<axis>``.
        opset: of the ``ai.onnx`` domain; by default 18 with dynamo, 17 with torchscript. One that
            the exporter does not write is reached by conversion.
        exporter: "dynamo" or "torchscript"; by default the first from torch 2.9 on.
        metadata: entries for the model's ``metadata_props``.
        name: of the graph.
        symbolics: names of :data:`~surgery.symbolics.SYMBOLICS`, each used where ``opset`` is one
            of its own.
        verify: whether the graph is run; False for one that ONNX Runtime cannot run (another run
            time's operators), or that is compared elsewhere.

    Raises:
        InputError: the arguments contradict each other, the module is in training mode, the
            exporter fails (chained), the opset cannot be reached, or the result is not valid, does
            not run or differs. The line ends with a way out where one was tried and works.
    """
    chosen = _exporter(default_exporter() if exporter is None else exporter)
    order = Order(
        module,
        tuple(tensor.detach().clone() for tensor in inputs),
        tuple(input_names),
        tuple(output_names),
        {key: dict(axes) for key, axes in (dynamic or {}).items()},
        _opset(DEFAULT_OPSET[chosen.name] if opset is None else opset),
        chosen.name,
        name,
        dict(metadata or {}),
        tuple(symbolics),
        verify,
    )
    _check(order)
    traced: list[str] = []
    try:
        return _exported(order, traced)
    except InputError as error:
        with uncounted():
            raise advised(error, order, traced, _exported) from error


def _exported(order: Order, traced: list[str]) -> onnx.ModelProto:
    """Export as ``order`` says; tracer warnings are added to ``traced``."""
    chosen = EXPORTERS[order.exporter]
    native = min(max(order.opset, chosen.opsets.start), chosen.opsets.stop - 1)
    recorded = tuple(Recorded(each) for each in chosen_symbolics(order.symbolics, order.opset))
    request = Request(
        order.module,
        order.inputs,
        order.input_names,
        order.output_names,
        order.dynamic,
        native,
        recorded,
    )
    model = named(_call(chosen, neutral(request), traced), request)
    strip(model)
    set_inputs(model, request)
    model = _at_opset(model, order)
    drop_unused_weights(model)
    set_outputs(model, request, trusted=chosen.trusted_shapes)
    model = stable_names(model)
    if holds_double(model) and not _double(request) and not runs(model, request):
        single(model)
    metadata = {"surgery.exporter": chosen.name, **called(recorded), **order.metadata}
    _finish(model, order.name, metadata)
    if order.verify:
        exact = all(each.exact for each in recorded if each.called)
        with uncounted():
            verify_graph(model, request, exact=exact)
    return model


def _double(request: Request) -> bool:
    """Whether the network itself computes in float64."""
    module = request.module
    held = (*request.inputs, *module.parameters(), *module.buffers())
    return any(tensor.dtype == torch.float64 for tensor in held)


def _exporter(name: str) -> Exporter:
    if name not in EXPORTERS:
        raise InputError(f"surgery.exporter expects {' or '.join(EXPORTERS)}, got {name!r}")
    return EXPORTERS[name]


def _opset(wanted: int) -> int:
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= wanted <= newest:
        raise InputError(f"surgery.opset expects {OLDEST_OPSET} to {newest}, got {wanted}")
    return wanted


def _check(request: Order) -> None:
    training = [path for path, child in request.module.named_modules() if child.training]
    if training:
        raise InputError(
            f"the module is in training mode ({len(training)} modules, first "
            f"{training[0] or 'the root'!r}): call .eval() before exporting"
        )
    if len(request.inputs) != len(request.input_names):
        raise InputError(
            f"expected a name for each of {len(request.inputs)} inputs, got "
            f"{len(request.input_names)}: {', '.join(request.input_names)}"
        )
    names = (*request.input_names, *request.output_names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"inputs and outputs need different names, got twice: {', '.join(twice)}")
    unknown = sorted(set(request.dynamic) - set(names))
    if unknown:
        raise InputError(
            f"dynamic axes are given for {', '.join(unknown)}, which is neither input nor output: "
            f"expected some of {', '.join(names)}"
        )
    for name, tensor in zip(request.input_names, request.inputs, strict=True):
        for axis in request.dynamic.get(name, {}):
            if not 0 <= axis < tensor.ndim:
                raise InputError(
                    f"input {name!r} has axes 0 to {tensor.ndim - 1}, axis {axis} is asked to be "
                    "dynamic"
                )


def _call(exporter: Exporter, request: Request, traced: list[str]) -> onnx.ModelProto:
    chatter = Chatter()
    try:
        with torch.no_grad(), quiet() as chatter:
            return exporter.export(request)
    except InputError:
        raise
    except Exception as error:  # the exporters run anybody's forward: anything can come out
        raise explain(
            error,
            request.module,
            exporter=exporter.name,
            opset=request.opset,
            printed=chatter.text,
        ) from error
    finally:
        traced += chatter.traced


def _at_opset(model: onnx.ModelProto, order: Order) -> onnx.ModelProto:
    """``model`` in the opset of ``order``; one that is not verified is compared with itself."""
    feeds = zip(order.input_names, order.inputs, strict=True)
    try:
        if order.verify:
            return at_opset(model, order.opset)
        check = Check({name: tensor.numpy(force=True) for name, tensor in feeds})
        return proven(model, order.opset, check)
    except InputError as error:  # what it advises has not been tried
        raise InputError(str(error).partition(": try surgery.opset=")[0]) from error


def _finish(model: onnx.ModelProto, name: str, metadata: Mapping[str, str]) -> None:
    """Fill in the header and check the whole model."""
    model.graph.name = name
    model.producer_name, model.producer_version = "model-surgery", own_version()
    # The oldest format that holds the opset: run times refuse newer ones than they know.
    model.ir_version = max(4, helper.find_min_ir_version_for(list(model.opset_import), True))
    helper.set_model_props(model, dict(sorted(metadata.items())))
    try:
        onnx.checker.check_model(with_weights_as_inputs(model), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        cause = " ".join(str(error).split())
        raise InputError(f"the exported graph {name!r} is not valid ONNX: {cause}") from error
