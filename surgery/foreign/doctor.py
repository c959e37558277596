"""From a file and no setting to every setting of ``model=onnx``, each with its reason.

The family proposes (:mod:`.families`). What the file does not tell, above all how pictures are
prepared, is tried: each preset prepares one picture, the graph runs up to the cut, and the decoder
says how sure the network is. The surest preset is proposed, with all figures beside it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError

from ..config.run import Config
from ..graph.view import opset_of
from ..network.pictures import load_image
from ..support.ledger import Ledger
from .families import Proposal, metadata, recognise
from .operate import cut_graph
from .presets import PRESETS, preset
from .reference import channels_first, tensors_at
from .settings import preprocess, settings
from .source import Found, ImageInput, describe

COUNTED = 5  # detections whose scores say how sure a network is
SURE = 0.1  # a score below which the best detection says nothing about a preset


@dataclass(frozen=True)
class Diagnosis:
    """What a file is and what is to be done with it.

    Attributes:
        proposal: of the family.
        config: the run with every proposed setting in its place.
        chosen: name of the preset, "" where the caller prepared the picture.
        scores: mean of the best scores by preset, where presets were tried.
        said: settings that were proposed, for the command line.
    """

    found: Found
    port: ImageInput
    proposal: Proposal
    config: Config
    chosen: str
    scores: Mapping[str, float]
    said: Mapping[str, Any]


def diagnose(config: Config, found: Found) -> Diagnosis:
    """Recognise the family and fill in what the configuration leaves open.

    Raises:
        InputError: the file takes no picture, or has no network that depends on it.
    """
    port = found.image_input()
    proposal = recognise(found, port)
    said: dict[str, Any] = {}
    model = dict(config.model)
    if model["decoder"] is None:
        said["model.decoder"] = dict(proposal.decoder)
    if proposal.cut and model["cut"] == "auto":
        said["model.cut"] = list(proposal.cut)
    if proposal.keypoints and model["keypoints"] is None:
        said["model.keypoints"] = _joints(proposal.keypoints)
    if proposal.classes and model["classes"] is None:
        said["model.classes"] = list(proposal.classes)
    model |= {key.partition(".")[2]: value for key, value in said.items()}
    config = config.model_copy(update={"model": model})
    chosen, scores = "", dict[str, float]()
    if _unset(model["input"]):
        chosen, scores = _prepared(config, found, proposal)
        said["model.input"] = preset(chosen)
        config = config.model_copy(
            update={"model": {**model, "input": {**model["input"], **preset(chosen)}}}
        )
    return Diagnosis(found, port, proposal, config, chosen, scores, said)


def _unset(given: Mapping[str, Any]) -> bool:
    """Whether ``model.input`` is as configs/model/onnx.yaml has it."""
    usual = {"color": "rgb", "scale": 1.0, "mean": [0.0] * 3, "std": [1.0] * 3, "resize": None}
    return all(given.get(key) == value for key, value in usual.items())


def _prepared(config: Config, found: Found, proposal: Proposal) -> tuple[str, dict[str, float]]:
    """The preset for the picture: the family's, else the one with the surest detections."""
    port = found.image_input()
    if port.dtype.startswith(("int", "uint")) or _normalises(found, port):
        return "raw", {}
    if proposal.preset:
        return proposal.preset, {}
    if proposal.decoder["name"] == "none":
        return "raw", {}
    scores = {name: _surety(config, found, name) for name in PRESETS}
    best = max(scores, key=lambda name: scores[name])
    return (best if scores[best] >= SURE else "raw"), scores


def _surety(config: Config, found: Found, name: str) -> float:
    """Mean of the best scores on one picture prepared by a preset; 0 where nothing is found."""
    model = dict(config.model)
    tried = {**model, "input": {**model["input"], **preset(name)}}
    given = settings(config.model_copy(update={"model": tried}))
    ledger = Ledger()
    try:
        cut = cut_graph(found, given, ledger)
        picture = preprocess(given, cut.port)
        image, _ = load_image(config.image, picture, config.seed)
        tensor = picture(image)[0]
        arrays, _ = tensors_at(found, cut.part, cut.port, cut.tensors, tensor)
        parameters = dict(given.decoder)
        decoder = DECODERS.get(parameters.pop("name"))(**parameters)
        instances = decoder(channels_first(arrays, {}))[0]
    except InputError:
        return 0.0
    return float(instances.scores[:COUNTED].mean()) if len(instances) else 0.0


def _normalises(found: Found, port: ImageInput) -> bool:
    """Whether the graph begins with its own normalisation: Sub, Div, Mul or BatchNormalization."""
    readers = found.readers.get(port.name, [])
    first = {found.nodes[position].op_type for position in readers}
    return bool(first) and first <= {"Sub", "Div", "Mul", "Add", "BatchNormalization", "Cast"}


def _joints(names: str) -> list[str]:
    assert names == "coco"
    return list(COCO_JOINT_NAMES)


COCO_JOINT_NAMES = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder"),
    *("right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip"),
    *("right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
)


def facts(found: Found) -> Iterator[str]:
    """Lines about a file: who wrote it, what it takes and gives, and what it is made of."""
    model, values = found.model, metadata(found)
    weights = sum(int(np.prod(each.dims)) for each in model.graph.initializer)
    opset = opset_of(model)
    producer = " ".join(part for part in (values["producer"], model.producer_version) if part)
    yield (
        f"{found.path}: {len(found.nodes)} nodes, {weights / 1e6:.2f} M weights, "
        f"opset {opset}, written by {producer or 'an unnamed tool'}"
    )
    for value in model.graph.input:
        if value.name in found.inputs:
            yield f"  input   {value.name}  {describe(value)}"
    for value in found.inferred.graph.output:
        yield f"  output  {value.name}  {describe(value)}"


def explained(diagnosis: Diagnosis) -> Iterator[str]:
    """Lines about the proposal: family, evidence, reasons, and what could not be known."""
    proposal = diagnosis.proposal
    yield f"family: {proposal.family} ({proposal.evidence})"
    yield from (f"  {reason}" for reason in proposal.reasons)
    if diagnosis.scores:
        ranked = sorted(diagnosis.scores.items(), key=lambda item: -item[1])
        tried = ", ".join(f"{name} {score:.2f}" for name, score in ranked)
        yield f"  preprocessing tried on the picture, mean of the best scores: {tried}"
    if diagnosis.chosen:
        yield f"  preprocessing: {diagnosis.chosen} (model.input={diagnosis.chosen})"
    for unknown in proposal.unknown:
        yield f"  not in the file: {unknown}"
    if proposal.decoder["name"] == "none":
        yield "  no decoder: the bundle gives the heads as arrays"


def command(diagnosis: Diagnosis, out: str) -> str:
    """The command that repeats the run with every setting spelled out."""
    parts = ["python -m surgery model=onnx", f"model.path={_quoted(str(diagnosis.found.path))}"]
    parts += [f"{key}={_value(value)}" for key, value in diagnosis.said.items()]
    parts.append(f"out={_quoted(out)}")
    return " ".join([parts[0], *(shlex.quote(part) for part in parts[1:])])


def _value(value: object) -> str:
    """A value in Hydra's grammar."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    """A string as Hydra reads it: bare where it is plain, in single quotes elsewhere."""
    if re.fullmatch(r"[A-Za-z_][\w./-]*|[./~][\w./~-]*", text) and text not in ("null", "true"):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
