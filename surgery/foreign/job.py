"""``model=onnx``: the main job for a graph that somebody else exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rich.markup import escape

from postprocess.bundle import sha256
from postprocess.decoders.base import DECODERS, Decoder
from postprocess.errors import InputError
from postprocess.preprocess import Preprocess
from postprocess.registry import suggestion
from postprocess.stages import Stages

from ..config.run import Config
from ..decoding import require_writer
from ..graph import rename
from ..job.bundle import staging
from ..job.finish import Staged, finish, run_bundle
from ..measure.parity import Parity, parity
from ..network.pictures import Sample, load_image
from ..precision import Trial, reduce_staged, trial_of
from ..support.ledger import Entry, Ledger
from ..support.progress import Progress
from ..targets import Target
from ..targets.audit import Audit, audit
from .cut import resolve, unmoved
from .latency import Comparison, compare_latency
from .operate import Cut, Operated, cut_graph, operate
from .reference import feed
from .settings import Settings, preprocess, settings
from .source import Found
from .words import summary, verdict


@dataclass(frozen=True)
class _Case:
    """State that the stages share.

    Attributes:
        picture: from a photo to the operated graph's input.
    """

    config: Config
    given: Settings
    picture: Preprocess
    found: Found
    cut: Cut
    sample: Sample


def run(config: Config) -> None:
    """Operate on ``model.path`` and write the bundle into ``config.out``.

    Raises:
        InputError: the file or the configuration is at fault, or the operated graph does not
            compute what the found one computes; ``config.out`` is as it was before.
    """
    progress, ledger = Progress(), Ledger()
    given, target = settings(config), Target.from_config(config.target)
    with staging(config.out) as stage:
        with progress.stage(f"read {given.path.name}"):
            found = Found(given.path)
        with progress.stage("cut it where its network ends"):
            cut = cut_graph(found, given, ledger)
        picture = preprocess(given, cut.port)
        image, source = load_image(config.image, picture, config.seed)
        sample = Sample(image, picture(image)[0], source)
        case = _Case(config, given, picture, found, cut, sample)
        trial = _trial(case, ledger)
        decoder = _decoder(case)
        if config.surgery.decode == "inside":
            require_writer(str(_decoder_parameters(case)["name"]))
        _note_activation(case, decoder, ledger)
        _note_unread(case, ledger)
        with progress.stage("channels first, simplified, each pass held against the one before"):
            operated = operate(found, cut, given, picture, config, sample.tensor, ledger)
            operated = _renamed(operated, _names(case), ledger)
        with progress.stage(f"audit for {target.name}"):
            audited = audit(operated.graph, target)
        with progress.stage("run the bundle in ONNX Runtime"):
            graphs = {"backbone": operated.graph}
            staged = run_bundle(stage, graphs, _description(case), image, config.threads, ledger)
        proof = _proof(operated, decoder, staged.stages)
        with progress.stage("time the found graph and the operated one in turn"):
            times = _times(case, operated, staged)
        said = verdict(proof, times, decoded=given.decoder["name"] != "none")
        figures: dict[str, Any] = {"found graph, operated graph": proof.to_json(bounded=True)}
        if trial is not None:
            made = reduce_staged(stage, trial, staged, said, target, ledger, progress)
            staged, audited, said = made.staged, made.audit, dict(made.verdict)
            figures |= made.parity
        facts = {
            **_facts(case, target, audited),
            "parity": figures,
            "latency": times.to_json(),
            "verdict": said,
        }
        inside = config.surgery.decode == "inside"
        finish(stage, staged, facts, target, ledger, progress, inside=inside)
    for line in summary(ledger, audited, proof, times):
        progress.say(escape(line))
    progress.say(f"bundle: {config.out}")


def _decoder(case: _Case) -> Decoder:
    """Build the decoder, so that a wrong parameter is an error before any work."""
    parameters = _decoder_parameters(case)
    return DECODERS.get(parameters.pop("name"))(**parameters)


def _trial(case: _Case, ledger: Ledger) -> Trial | None:
    """What a reduced precision is tried on; None for float32."""
    surgery = case.config.surgery
    if surgery.precision == "fp32":
        return None
    if surgery.calibration.images is None:
        reason = (
            f"ranges and loss measured on {surgery.calibration.count} drawn scenes: name pictures "
            "of the network's own kind with surgery.calibration.images=FOLDER"
        )
        ledger.add(Entry("precision", surgery.precision, "calibration", False, False, reason))
    return trial_of(case.config, _decoder(case), case.picture, [case.sample])


def _note_activation(case: _Case, decoder: Decoder, ledger: Ledger) -> None:
    """Say so where the decoder applies a sigmoid to what is made by one: a common slip."""
    renamed = {new: old for old, new in _names(case).items()}
    heatmap = str(getattr(decoder, "heatmap", ""))
    heatmap = renamed.get(heatmap, heatmap)
    if getattr(decoder, "activation", None) != "sigmoid" or heatmap not in case.cut.tensors:
        return
    if case.found.nodes[case.found.maker[unmoved(case.found, heatmap)]].op_type == "Sigmoid":
        reason = "the decoder applies a sigmoid to what is made by one: is activation: none meant?"
        ledger.add(Entry("cut", "activation", heatmap, False, True, reason))


def _note_unread(case: _Case, ledger: Ledger) -> None:
    """Name the heads that the decoder does not read: they stay in the bundle as arrays."""
    parameters = _decoder_parameters(case)
    name = parameters["name"]
    if name == "none":
        return
    decoder, names = _decoder(case), _names(case)
    read = {value for value in vars(decoder).values() if isinstance(value, str)}
    for tensor in case.cut.tensors:
        if names.get(tensor, tensor) not in read:
            reason = f"the decoder {name} does not read this head; the bundle gives it as an array"
            ledger.add(Entry("cut", "head", tensor, False, True, reason))


def _decoder_parameters(case: _Case) -> dict[str, Any]:
    """The decoder's parameters with tensors' names for the nodes' names that model.cut may give."""
    tensors = {each: resolve(case.found, [each])[0] for each in case.given.cut}
    names = _names(case)

    def named(value: str) -> str:
        tensor = tensors.get(value, value)
        return names.get(tensor, tensor)

    return {
        key: named(value) if isinstance(value, str) and key != "name" else value
        for key, value in case.given.decoder.items()
    }


def _names(case: _Case) -> dict[str, str]:
    """New names of cut tensors and the input, by the tensor's name in the found graph.

    Raises:
        InputError: a name that is neither.
    """
    known = {each: resolve(case.found, [each])[0] for each in case.given.cut}
    known |= {tensor: tensor for tensor in (*case.cut.tensors, case.cut.port.name)}
    for old in case.given.names:
        if old not in known:
            raise InputError(
                f"model.names names {old!r}, which is not cut at{suggestion(old, known)} (there "
                f"are: {', '.join(known)})"
            )
    return {known[old]: new for old, new in case.given.names.items()}


def _renamed(operated: Operated, names: Mapping[str, str], ledger: Ledger) -> Operated:
    """The operated graph with other names for its inputs and outputs."""
    if not names:
        return operated
    for old, new in names.items():
        ledger.add(Entry("interface", "rename", old, True, True, f"{new!r} in the operated graph"))
    reference = {names.get(name, name): array for name, array in operated.reference.items()}
    return replace(operated, graph=rename(operated.graph, names), reference=reference)


def _description(case: _Case) -> dict[str, Any]:
    """The network and its decoder, as bundle.json describes them."""
    return {
        "model": _model(case),
        "preprocess": case.picture.to_json(),
        "decoder": _decoder_parameters(case),
        "classes": list(case.given.classes),
        "keypoints": list(case.given.keypoints),
        "skeleton": [list(pair) for pair in case.given.skeleton],
    }


def _model(case: _Case) -> dict[str, Any]:
    path = case.given.path
    weights = {"source": path.name, "sha256": sha256(path)}
    model = case.config.model
    return {"name": model["name"], "variant": model.get("variant"), "weights": weights}


def _proof(operated: Operated, decoder: Decoder, stages: Stages) -> Parity:
    """Hold the bundle's heads and decoded instances against the found graph's.

    Raises:
        InputError: a head differs by more than rounding.
    """
    count = len(next(iter(stages.heads.values())))
    reference = {name: array[:count] for name, array in operated.reference.items()}
    found = parity(reference, decoder(reference)[0], stages.heads, stages.instances, operated.noise)
    beyond = found.beyond()
    if beyond:
        gaps = ", ".join(f"{name} by {found.outputs[name].max:.3g}" for name in beyond)
        raise InputError(
            f"the operated graph differs from the found one: {gaps}: nothing was written; try "
            "surgery.passes.skip=[transpose]"
        )
    return found


def _times(case: _Case, operated: Operated, staged: Staged) -> Comparison:
    port, stages = case.cut.port, staged.stages
    return compare_latency(
        case.found.model,
        {port.name: feed(port, stages.input)},
        lambda: staged.runtime.heads(stages.input),
        lambda: staged.runtime.decode(stages.heads),
        runs=case.given.runs,
        threads=case.config.threads,
        problem=operated.problem,
    )


def _facts(case: _Case, target: Target, audited: Audit) -> dict[str, Any]:
    """The part of report.json that is known before the bundle is run."""
    return {
        "model": _model(case),
        "image": case.sample.source,
        "target": target.name,
        "cut": list(case.cut.tensors),
        "export": {"exporter": case.found.model.producer_name or "unknown", "opset": audited.opset},
        "strategies": [],
        "audit": audited.to_json(),
    }
