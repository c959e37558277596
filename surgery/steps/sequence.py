"""Run steps one after another on a graph, each checked, each in the ledger.

Where a step keeps what the graph computes, the graph after it is run in ONNX Runtime and held
against the one before; where it changes that, the graph must still be valid and run. A graph that
ONNX Runtime does not run at the start is operated on all the same, and the ledger says that
nothing was compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from postprocess.errors import InputError
from postprocess.fields import Field

from ..graph.bounded import floors
from ..graph.run import Array, feeds_for, fits, run
from ..graph.shapes import check_model, element_types, infer, inputs_of
from ..graph.storage import settle
from ..graph.weights import with_weights_as_inputs
from ..measure.arrays import compare, within
from ..support.ledger import Entry, Ledger
from .registry import STEPS
from .step import Arrays, Change, Step

HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
HALF_NOISE = 2.0**-11  # of a value's own size: half of float16's last place
LAST = "split"


@dataclass(frozen=True)
class Asked:
    """A step and what the configuration says of it."""

    step: Step
    argument: Field

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return self.argument.path


def parse(field: Field) -> list[Asked]:
    """Read a list of steps: mappings of one key, the step's name, to what it needs.

    Raises:
        InputError: no list, an element of another form, an unknown step, or one behind a split.
    """
    asked = []
    for element in field.elements():
        entries = element.value
        if not isinstance(entries, dict) or len(entries) != 1:
            raise element.error("a step as {NAME: what it needs}")
        name = str(next(iter(entries)))
        try:
            step = STEPS.get(name)
        except InputError as error:
            raise InputError(f"{element.file}: {element.path}: {error}") from error
        asked.append(Asked(step, Field(entries[name], element.file, f"{element.path}.{name}")))
    for each in asked[:-1]:
        if each.step.name == LAST:
            raise InputError(f"{each.place}: no step can follow a {LAST}: make it the last one")
    return asked


def apply(
    model: onnx.ModelProto,
    steps: Sequence[Asked],
    ledger: Ledger,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> tuple[onnx.ModelProto, ...]:
    """Return the graph after all steps: one, or the parts of a split in the order they run in.

    Args:
        model: left as it is.
        steps: of :func:`parse`.
        ledger: gets one entry a step.
        sizes: of open axes by symbol, for the inputs that the steps are checked on.
        seed: of these inputs.

    Raises:
        InputError: a step does not fit the graph, or what it made is not valid, does not run, or
            gives something else; the line begins with the step.
    """
    feeds: Arrays | None = feeds_for(inputs_of(model), sizes, seed)
    problem = _problem(model, feeds)
    models: tuple[onnx.ModelProto, ...] = (model,)
    for asked in steps:
        (before,) = models
        try:
            change = asked.step.apply(before, asked.argument)
            models = tuple(map(settle, change.models))
            for each in models:
                _check(each)
            if problem:
                gap, note = None, f"not compared: {problem}"
                feeds = feeds_for(inputs_of(models[0]), sizes, seed)
                problem = _problem(models[0], feeds)
            else:
                feeds, gap, note = _compared(before, change, feeds or {}, sizes, seed)
        except InputError as error:
            text = str(error)
            raise InputError(
                text if asked.place in text else f"{asked.argument.file}: {asked.place}: {text}"
            ) from error
        reason = "; ".join(part for part in (change.reason, note) if part)
        effect = None if gap is None else {"max": gap}
        exact = change.expect is not None
        ledger.add(Entry("graph", asked.step.name, change.where, True, exact, reason, effect))
    return models


def _problem(model: onnx.ModelProto, feeds: Arrays | None) -> str:
    """Why ONNX Runtime does not run the graph, "" where it does."""
    try:
        run(model, feeds or {})
    except InputError as error:
        return f"{error} (open axes: graph.sizes)"
    return ""


def _check(model: onnx.ModelProto) -> None:
    """Refuse a graph that breaks ONNX's rules."""
    try:
        check_model(model)
        onnx.shape_inference.infer_shapes(
            with_weights_as_inputs(model), check_type=True, strict_mode=True
        )
    except Exception as error:  # the checker's and the inference's own classes, or protobuf's
        cause = " ".join(str(error).split())
        raise InputError(f"what it makes is not valid: {cause}") from error


def _compared(
    before: onnx.ModelProto,
    change: Change,
    feeds: Arrays,
    sizes: Mapping[str, int] | None,
    seed: int,
) -> tuple[Arrays, float | None, str]:
    """Inputs for the graph after a step, the largest difference, and what is to be noted.

    Raises:
        InputError: the graph does not run, or gives something else than it must.
    """
    ports = inputs_of(change.models[0])
    if len(change.models) == 1 and change.expect is None:
        feeds = feeds if fits(ports, feeds) else feeds_for(ports, sizes, seed)
        run(change.models[0], feeds)
        return feeds, None, "changes what the graph computes"
    assert change.expect is not None
    expected = change.expect(feeds)
    found = run_in_turn(change.models, expected.feeds)
    worst, absolute = 0.0, floors(change.models[-1])
    for name, difference in compare(expected.outputs, found).items():
        noise = HALF_NOISE * difference.scale if _half(before) else None
        if not within(difference, noise, floor=absolute.get(name, 0.0)):
            raise InputError(
                f"output {name!r} differs by {difference.max:.3g} at scale {difference.scale:.3g} "
                "from what it was: nothing was written"
            )
        worst = max(worst, difference.max)
    return expected.feeds, worst, ""


def _half(model: onnx.ModelProto) -> bool:
    return any(kind in HALF for kind in element_types(infer(model)).values())


def run_in_turn(models: Sequence[onnx.ModelProto], feeds: Arrays) -> dict[str, Array]:
    """Run parts one after another, each on the inputs and on what those before it gave."""
    known = dict(feeds)
    outputs = {}
    for model in models:
        wanted = {value.name for value in inputs_of(model)}
        found = run(model, {name: array for name, array in known.items() if name in wanted})
        known.update(found)
        outputs.update(found)
    return outputs
