"""``task=audit``: what a target runs of an ONNX file, on one screen."""

from __future__ import annotations

import json

from postprocess.errors import InputError
from postprocess.fields import Field

from ..audit import audit
from ..audit_view import render
from ..config import Config, path_of
from ..targets import Target


def run(config: Config) -> None:
    """Print the audit of ``model.path`` and write audit.json to ``out`` where one is named."""
    path = path_of(Field(config.model.get("path"), "configuration", "model.path"))
    if path is None:
        raise InputError("task=audit needs model.path=FILE, an ONNX file")
    audited = audit(path, Target.from_config(config.target))
    render(audited)
    if config.out_given is not None:
        config.out_given.mkdir(parents=True, exist_ok=True)
        text = json.dumps(audited.to_json(), indent=1)
        (config.out_given / "audit.json").write_text(text + "\n")
