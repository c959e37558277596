"""``task=audit``: what one target or several run of an ONNX file, on one screen."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from postprocess.errors import InputError
from postprocess.fields import Field

from ..config.node import path_of
from ..config.run import Config
from ..graph.files import load_onnx
from ..targets import Target
from ..targets.audit import audits
from ..targets.registry import load_target, target_names
from ..targets.screen import render, render_actions, render_all


def run(config: Config) -> None:
    """Print the audit of ``model.path``, and write it to ``out`` where that is named.

    ``out`` is a file where it ends in .json, else a folder that gets audit.json. With several
    targets the JSON holds one audit a target under ``targets``.

    Raises:
        InputError: no file is named, it is no usable ONNX model, or a target is unknown.
    """
    path = path_of(Field(config.model.get("path"), "configuration", "model.path"))
    if path is None:
        bundle = config.bundle or Path("BUNDLE")
        raise InputError(
            f"task=audit needs model.path=FILE, an ONNX file (a bundle's: {bundle}/backbone.onnx)"
        )
    extra = Field(dict(config.extra), "configuration")
    targets = _targets(config.target)
    found = audits(path, targets)
    several = "members" in config.target
    limit, printed = _limit(extra["try"]), not extra["json"].flag()
    if printed:  # at once: trying what is advised takes seconds
        render_all(found) if several else render(found[0])
    if limit != 0 and any(each.refused for each in found):
        from ..steps.advice import advise

        model = load_onnx(path, weights=True)
        found = advise(model, path, found, targets, None if limit == math.inf else limit)
    trials = _tried(path, targets, config) if extra["load"].flag() else {}
    values: dict[str, Any] = (
        {"targets": {audit.target: audit.to_json() for audit in found}}
        if several
        else found[0].to_json()
    )
    if trials:
        values["loaded"] = trials
    if printed:
        render_actions(found)
        print(*trials.values(), sep="\n", end="\n" if trials else "")
    else:
        print(json.dumps(values, indent=1))
    if config.out_given is not None:
        _write(config.out_given, values)


def _limit(field: Field) -> float:
    """Seconds for trying advice: a number, 0 for ``false``, infinity for ``all``."""
    if field.value is False:
        return 0.0
    if field.value == "all":
        return math.inf
    if isinstance(field.value, bool) or not isinstance(field.value, (int, float)):
        raise field.error("seconds, false or all")
    return max(0.0, field.number())


def _targets(node: Mapping[str, Any]) -> list[Target]:
    """The targets that ``target=`` names: one, or the members of ``target=all``."""
    if "members" not in node:
        return [Target.from_config(node)]
    members = Field(dict(node), "configuration", "target").only("name", "members", "ort_format")[
        "members"
    ]
    if members.value is None:
        return [load_target(name) for name in target_names()]
    return [load_target(member.text()) for member in members.elements()]


def _tried(path: Path, targets: Sequence[Target], config: Config) -> dict[str, str]:
    """Open and run the file in the targets' run times, each in a child process: a line for each."""
    from ..graph.run import feeds_for
    from ..graph.shapes import inputs_of
    from ..targets.runtimes import RUNTIMES
    from ..targets.trial import attempt

    feeds = feeds_for(inputs_of(load_onnx(path)), seed=config.seed)
    lines = {}
    for name in dict.fromkeys(target.runtime for target in targets if target.runtime):
        runtime = RUNTIMES.get(name)
        if runtime.version() is None:
            lines[name] = f"not installed: {runtime.install}"
            continue
        try:
            trial = attempt(name, path, feeds, threads=config.threads or 1)
        except InputError as error:
            lines[name] = str(error)
        else:
            lines[name] = (
                f"{trial.runtime} runs it, outputs at most {trial.difference:.2g} from ONNX "
                f"Runtime's (up to {trial.scale:.3g}), in {trial.ratio:.2f} times its time"
            )
    return lines


def _write(out: Path, values: Mapping[str, Any]) -> None:
    try:
        file = out if out.suffix == ".json" else out / "audit.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values, indent=1) + "\n")
    except OSError as error:
        raise InputError(f"out={out} cannot be written: {error.strerror or error}") from error
