"""Operations on graphs by name, as ``task=graph`` and the catalogue know them.

Each is imported when it is first asked for.
"""

from __future__ import annotations

from postprocess.contracts import lacking
from postprocess.registry import Registry

from .step import Step

STEPS: Registry[Step] = Registry(
    "surgery.graph",
    "graph step",
    own={
        "extract": "surgery.steps.cut:EXTRACT",
        "split": "surgery.steps.cut:SPLIT",
        "merge": "surgery.steps.join:MERGE",
        "insert": "surgery.steps.edit:INSERT",
        "remove": "surgery.steps.edit:REMOVE",
        "decode": "surgery.steps.decode:DECODE",
        "rename": "surgery.steps.edit:RENAME",
        "fix": "surgery.steps.axes:FIX",
        "open": "surgery.steps.axes:OPEN",
        "opset": "surgery.steps.convert:OPSET",
        "pass": "surgery.steps.convert:PASS",
    },
    fault=lacking(Step),
)
