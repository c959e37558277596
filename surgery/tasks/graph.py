"""``task=graph``: operations on any ONNX file, in order, each checked and in a ledger."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import helper
from rich.markup import escape

from postprocess.errors import InputError
from postprocess.fields import Field

from ..config.node import path_of
from ..config.run import Config
from ..foreign.source import Found
from ..graph.shapes import inputs_of, type_and_shape
from ..graph.storage import beside, save
from ..graph.view import opset_of
from ..graph.weights import outside, place_of
from ..steps.sequence import Asked, apply, parse
from ..support.ledger import LEDGER_KEY, Ledger
from ..support.progress import Progress


def run(config: Config) -> None:
    """Operate on ``model.path`` and write ``out``: a file, or a folder of parts behind a split.

    Without ``out`` nothing is written: the steps are run, checked and printed.

    Raises:
        InputError: the file, a step or ``out`` is at fault; ``out`` is as it was before.
    """
    progress, ledger = Progress(), Ledger()
    path = path_of(Field(config.model.get("path"), "configuration", "model.path"))
    if path is None:
        raise InputError("task=graph needs model.path=FILE, an ONNX file")
    given = Field(dict(config.extra), "configuration")["graph"].only("steps", "file", "sizes")
    steps = _steps(given)
    several = steps[-1].step.name == "split"
    if config.out_given is not None:
        _check_place(config.out_given, path, several)
    with progress.stage(f"read {path.name}"):
        found = Found(path)
    _check_weights(found.model, config.out_given)
    with progress.stage("operate, each step checked"):
        models = apply(found.model, steps, ledger, _sizes(given["sizes"]), config.seed)
    for entry in ledger:
        gap = "" if entry.effect is None else f"; outputs at most {entry.effect['max']:.2g} apart"
        progress.say(escape(f"{entry.name} {entry.where}: {entry.reason or 'done'}{gap}"))
    for model in models:
        _record(model, ledger)
    _write(models, config.out_given, several)
    for model, file in zip(models, _files(models, config.out_given, several), strict=True):
        progress.say(escape(f"{file or 'not written, out= names no place'}: {_ports(model)}"))


def _steps(given: Field) -> list[Asked]:
    """The steps of ``graph.steps``, or of the YAML file ``graph.file``."""
    field, file = given["steps"], path_of(given["file"])
    if file is not None:
        if field.value:
            raise InputError("graph.steps and graph.file exclude each other: leave one out")
        field = Field(_yaml(file), str(file), "steps")
    steps = parse(field)
    if not steps:
        raise InputError("task=graph needs graph.steps=[{NAME: ...}, ...], or graph.file=FILE.yaml")
    return steps


def _yaml(path: Path) -> Any:
    """A YAML file as plain values."""
    from omegaconf import OmegaConf

    try:
        return OmegaConf.to_container(OmegaConf.load(path))
    except OSError as error:
        raise InputError(f"graph.file={path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # PyYAML's own classes, OmegaConf's, or a wrong encoding
        cause = " ".join(str(error).split())
        raise InputError(f"graph.file={path} is not a YAML file of steps: {cause}") from error


def _sizes(field: Field) -> Mapping[str, int]:
    if field.value is None:
        return {}
    return {str(symbol): size.integer(least=1) for symbol, size in field.items()}


def _check_place(out: Path, source: Path, several: bool) -> None:
    """Refuse a place that is the source, is not ours to replace, or is of the wrong kind."""
    if several:
        if out.suffix == ".onnx":
            raise InputError(f"out={out} expects a folder: a split writes a file for each part")
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"out={out} exists: a split needs a new or an empty folder")
        return
    if out.suffix != ".onnx" or out.is_dir():
        raise InputError(f"out={out} expects a file that ends in .onnx")
    if out.exists() and out.resolve() == source.resolve():
        raise InputError(f"out={out} is the file that is read: name another one")


def _check_weights(model: onnx.ModelProto, out: Path | None) -> None:
    """Refuse to write weights over the file that holds those of the source."""
    if out is not None and beside(out).exists():
        for tensor in outside(model).values():
            if place_of(tensor)[0].samefile(beside(out)):
                raise InputError(
                    f"out={out} would write its weights to {beside(out).name}, which holds those "
                    "of the file that is read: name another one"
                )


def _files(models: Sequence[onnx.ModelProto], out: Path | None, several: bool) -> list[Path | None]:
    if out is None:
        return [None] * len(models)
    return [out / f"part{i}.onnx" for i in range(len(models))] if several else [out]


def _record(model: onnx.ModelProto, ledger: Ledger) -> None:
    """Put the ledger among the model's metadata, behind the one that is there."""
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    try:
        earlier = Ledger.from_json(json.loads(metadata.get(LEDGER_KEY, "[]")))
    except (ValueError, TypeError):  # somebody else's, or damaged
        earlier = Ledger()
    earlier.extend(ledger)
    helper.set_model_props(model, {**metadata, LEDGER_KEY: json.dumps(earlier.to_json())})


def _write(models: Sequence[onnx.ModelProto], out: Path | None, several: bool) -> None:
    """Write the file, or the folder, in one step; weights that do not fit lie beside it."""
    if out is None:
        return
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        if not several:
            save(models[0], out)
            return
        folder = out.absolute().parent / f".{out.absolute().name}.partial-{os.getpid()}"
        folder.mkdir()
        try:
            for model, file in zip(models, _files(models, folder, several), strict=True):
                assert file is not None
                save(model, file)
            folder.rename(out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise InputError(f"out={out} cannot be written: {error.strerror or error}") from error


def _ports(model: onnx.ModelProto) -> str:
    """Size and ends of a graph on one line."""
    ends = [
        ", ".join(f"{value.name} {type_and_shape(value)}" for value in values)
        for values in (inputs_of(model), model.graph.output)
    ]
    opset = opset_of(model)
    return f"{len(model.graph.node)} nodes, opset {opset}, {ends[0]} -> {ends[1]}"
