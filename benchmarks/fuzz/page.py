"""docs/reliability.md, from the figures of a run."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from .loaders import LOADERS

HEAD = """# Reliability

Everything that loads here may come from strangers. Small whole files are changed by their
structure (protobuf fields, zip members, pickle operations, JSON values, chunks, words; at times
plain bytes) and read in child processes with 2 GiB of room and 20 s. A case is to be read, or
refused with one printable line. It is a fault where it ends in a traceback, a crash or a hang,
takes more than 512 MiB, starts a process, opens a socket, or writes, moves or removes a file.

`make fuzz-python` runs it (`FUZZ_CASES`), `python -m benchmarks.fuzz --only NAME --first N
--cases 1` one case; a bounded run is part of the tests. What a run found is mended, and is a
test of its own: `tests/models/test_hostile_checkpoints.py`,
`tests/postprocess/test_hostile_files.py`, `tests/surgery/test_main.py`. Faults from outside
(kills, rivals, a full disk, closed streams) are in `tests/surgery/test_faults.py`; the same
bytes from run to run in `tests/surgery/foreign/test_same_bytes.py`.
"""


def page(record: Mapping[str, Any]) -> str:
    """The page as text."""
    packages = ("torch", "onnx", "onnxruntime", "numpy")
    found = ", ".join(f"{name} {version(name)}" for name in packages)
    lines = [
        HEAD,
        "Written by `python -m benchmarks.fuzz --page build/fuzz-python.json`: "
        f"{platform.machine()}, Python {platform.python_version()}, {found}.",
        "",
        "| loader | mutated files | read | refused in one line | faults | most memory, MiB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, loader in LOADERS.items():
        if name not in record:
            continue
        said, counts = record[name], record[name]["counts"]
        good = counts.get("ok", 0) + counts.get("refused", 0)
        cells = (
            f"{said['cases']:,}",
            f"{counts.get('ok', 0):,}",
            f"{counts.get('refused', 0):,}",
            f"{said['cases'] - good:,}",
            str(said["memory"] >> 20),
        )
        lines.append(f"| {loader.what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
