"""The stages of a first run, and the time until ``--help`` answers.

    python -m benchmarks.first_run [--runs 3] [SETTING...]

Runs ``python -m surgery model=e2ec SETTING...`` as a user does, each time in a process and a folder
of its own, and prints the median seconds of each stage in Markdown.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from statistics import median

STAGE = re.compile(r"^\s*(\d+\.\d+) s\s+(.+)$")


def timed(*arguments: str) -> tuple[float, list[tuple[str, float]]]:
    """Seconds of ``python -m surgery ARGUMENTS`` in all, and of the stages that it names."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "surgery", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        total = time.perf_counter() - begun
    found = (STAGE.match(line) for line in done.stderr.splitlines())
    return total, [(match[2], float(match[1])) for match in found if match]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("settings", nargs="*", default=[])
    given = parser.parse_args()
    helps = [timed("--help")[0] for _ in range(given.runs)]
    runs = [timed("model=e2ec", *given.settings) for _ in range(given.runs)]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch "
        f"{version('torch')}; median of {given.runs} runs\n"
    )
    print("| stage | seconds |\n| --- | ---: |")
    for number, (stage, _) in enumerate(runs[0][1]):
        print(f"| {stage} | {median(stages[number][1] for _, stages in runs):.2f} |")
    stages = median(sum(seconds for _, seconds in found) for _, found in runs)
    print(f"| start, imports and what no stage names | {median(t for t, _ in runs) - stages:.2f} |")
    print(f"| **in all** | {median(t for t, _ in runs):.2f} |")
    print(f"| `--help` | {median(helps):.2f} |")


if __name__ == "__main__":
    main()
