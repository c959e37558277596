"""``python -m surgery FILE.onnx``: what the file is, how to cut and decode it, and the bundle.

    python -m surgery FILE.onnx [image=FILE] [target=NAME] [KEY=VALUE ...]
    surgery doctor FILE.onnx

Settings that are given are kept; the others are proposed, with a reason for each, and the command
that repeats the run is printed with all of them.
"""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from postprocess.errors import InputError

from ..config.run import Config
from ..foreign.doctor import command, diagnose, explained, facts
from ..foreign.job import run as run_found
from ..foreign.source import Found
from ..support.progress import Progress
from ..targets.audit import audits
from ..targets.registry import load_target, target_names


def run(config: Config) -> None:
    """Recognise ``model.path``, operate on it, and write the bundle into ``config.out``.

    Raises:
        InputError: no file is named, it is no usable ONNX model, it takes no picture, or the
            operated graph does not compute what the file computes.
    """
    if config.model.get("name") != "onnx" or config.model.get("path") is None:
        raise InputError("task=doctor needs a file: python -m surgery FILE.onnx")
    progress, path = Progress(), Path(str(config.model["path"])).expanduser()
    found = Found(path)
    for line in facts(found):
        progress.say(escape(line))
    for audit in audits(path, [load_target(name) for name in target_names()]):
        progress.say(escape(f"  {audit.summary}"))
    diagnosis = diagnose(config, found)
    for line in explained(diagnosis):
        progress.say(escape(line))
    run_found(diagnosis.config)
    progress.say(escape(f"to repeat it: {command(diagnosis, str(config.out))}"))
