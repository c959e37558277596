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
        "extract": "surgery.graph.extract:EXTRACT",
        "split": "surgery.graph.split:SPLIT",
        "merge": "surgery.graph.merge:MERGE",
        "insert": "surgery.graph.insert:INSERT",
        "remove": "surgery.graph.remove:REMOVE",
        "decode": "surgery.decoding.step:DECODE",
        "rename": "surgery.graph.rename:RENAME",
        "fix": "surgery.graph.fix:FIX",
        "open": "surgery.graph.open:OPEN",
        "opset": "surgery.graph.opset:OPSET",
        "pass": "surgery.graph.passing:PASS",
    },
    fault=lacking(Step),
)
