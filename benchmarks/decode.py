"""Time the compiled decoders against what people run today, in one process on one thread.

    python -m benchmarks.decode [--json FILE] [--repeats 50]      (or python benchmarks/decode.py)

Every row is the median CPU time of its repeats, taken in turns, so that other programs on the
machine count as little as they can; ratios are the thing to read. The cases are in
decode_cases.py, each with what it is compared to and the ratios that this project aims at.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as a script it stands alone
from benchmarks.decode_cases import Case, Runs, cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--repeats", type=int, default=50)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    report = {"machine": machine(), "milliseconds": {}}
    print("| case | run | ms | times cpp | aim |\n| --- | --- | --- | --- | --- |")
    for case in cases():
        times = medians(case.runs, arguments.repeats)
        report["milliseconds"][case.name] = times
        print("\n".join(rows(case, times)), flush=True)
    print("\n" + ", ".join(f"{key} {value}" for key, value in report["machine"].items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def rows(case: Case, times: dict[str, float]) -> list[str]:
    """Lines of the table, the compiled decoder's first."""
    lines = []
    for label, milliseconds in times.items():
        ratio = milliseconds / times["cpp"]
        aim = case.aims.get(label)
        verdict = "" if aim is None else f"{aim:.2f}: {'reached' if ratio >= aim else 'missed'}"
        lines.append(f"| {case.name} | {label} | {milliseconds:.3f} | {ratio:.2f} | {verdict} |")
    return lines


def machine() -> dict[str, str]:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if "model name" in line
        ]
        model = names[0] if names else model
    return {
        "cpu": model,
        "threads": "1",
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "torch": torch.__version__,
        "opencv": cv2.__version__,
    }


def medians(runs: Runs, repeats: int) -> dict[str, float]:
    """Median milliseconds of CPU time of one call of each run.

    Runs take turns; a turn is as many calls as take about two milliseconds, so that a short run
    does not pay for the caches that the one before it emptied.
    """
    calls = {name: max(1, round(2e-3 / seconds(run, 3))) for name, run in runs.items()}
    turns: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            turns[name].append(seconds(run, calls[name]))
    return {name: 1e3 * float(np.median(values)) for name, values in turns.items()}


def seconds(run: Callable[[], object], calls: int) -> float:
    """Mean CPU time of `calls` calls."""
    start = time.thread_time()
    for _ in range(calls):
        run()
    return (time.thread_time() - start) / calls


if __name__ == "__main__":
    main()
