"""Every command that an audit prints, typed: does it run, and does it remove what it says?

    python -m benchmarks.advice FILE.onnx... [--try all] [--tried]

For each file and target, ``task=audit`` is asked for its advice; each command is run in a folder of
its own, as a user would type it, and the graph that it writes is audited again. Prints a table in
Markdown and, below it, each command that did not do what it said.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surgery.support.versions import versions

SECONDS = 300


@dataclass
class Count:
    """Commands of one file and target: printed, run, and removing what they say."""

    printed: int = 0
    ran: int = 0
    kept: int = 0


def surgery(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``python -m surgery ARGUMENTS`` in ``folder``."""
    command = [sys.executable, "-m", "surgery", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def audited(file: str, folder: Path, *settings: str) -> dict[str, dict[str, Any]]:
    """The audits of ``file`` by target.

    Raises:
        RuntimeError: the audit itself ended with an error.
    """
    done = surgery("task=audit", f"model.path={file}", "json=true", *settings, folder=folder)
    if done.returncode:
        raise RuntimeError(f"{file}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["targets"]
    return found


def typed(command: str, file: Path, target: str, refused: int, nodes: int) -> str:
    """What is wrong with a printed command, "" for nothing."""
    words = shlex.split(command)
    if words[:3] != ["python", "-m", "surgery"]:
        return "is no call of python -m surgery"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(file, folder)
        done = surgery(*words[3:], folder=folder)
        if done.returncode:
            return f"exit code {done.returncode}: {(done.stderr or '-').strip().splitlines()[-1]}"
        graphs = [path for path in folder.rglob("*.onnx") if path != folder / file.name]
        backbones = [path for path in graphs if path.name == "backbone.onnx"]
        if len(backbones or graphs) != 1:
            return f"writes {len(graphs)} graphs"
        (graph,) = backbones or graphs
        left = audited(str(graph), folder, f"target=[{target}]", "try=false")[target]["refused"]
        removed = refused - len(left)
        return "" if removed >= nodes else f"removes {removed}, not {nodes}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--try", dest="limit", default="2", help="as of task=audit")
    parser.add_argument("--tried", action="store_true", help="only what the audit says it tried")
    given = parser.parse_args()
    print("| file | target | commands | run | remove what they say |")
    print("| --- | --- | ---: | ---: | ---: |")
    wrong, total = [], Count()
    for file in (path.resolve() for path in given.files):
        with tempfile.TemporaryDirectory() as name:
            shutil.copy(file, name)
            limit = f"try={given.limit}"
            found = audited(file.name, Path(name), "target=all", limit)
        for target, audit in found.items():
            count = Count()
            for action in audit["actions"]:
                if given.tried and not action["tried"]:
                    continue
                fault = typed(
                    action["command"], file, target, len(audit["refused"]), action["nodes"]
                )
                count.printed += 1
                count.ran += not fault.startswith(("exit", "is no"))
                count.kept += not fault
                if fault:
                    word = "tried" if action["tried"] else "not tried"
                    wrong.append(f"{file.name}, {target}, {word}: {fault}: {action['command']}")
            if count.printed:
                cells = (file.name, target, count.printed, count.ran, count.kept)
                print(f"| {' | '.join(map(str, cells))} |", flush=True)
            total.printed += count.printed
            total.ran += count.ran
            total.kept += count.kept
    print(f"| **all** | | {total.printed} | {total.ran} | {total.kept} |", end="\n\n")
    used = ("onnx", "onnxruntime", "onnxslim")
    print(", ".join(f"{name} {versions()[name]}" for name in used), end=".\n\n")
    print(*(f"- {line}" for line in wrong), sep=os.linesep)


if __name__ == "__main__":
    main()
