"""Throughput of ``task=predict`` against a plain loop, and the arithmetic to many pictures.

    python -m benchmarks.predict BUNDLE IMAGES [--workers 1 2] [--rounds 3] [--write]

In one run, taken in turn: a loop in this process that does the same parts (reads, runs, encodes,
writes), then Ray Data with each number of workers, one thread each. Rates are counted from the
first picture to the last part; what Ray takes to start and to stop stands beside. ``--write`` puts
the tables into docs/scale.md. Stages are in processor time, so that what else runs on the machine
does not count.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import cv2

from postprocess.bundle import sha256
from postprocess.runtime import Runtime, load
from surgery.tasks.predict.cluster import done_by, require_ray, started
from surgery.tasks.predict.inputs import find_pictures, read_picture
from surgery.tasks.predict.parts import Part, plan
from surgery.tasks.predict.rows import encoded, instance_fields
from surgery.tasks.predict.worker import Work, do_part

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scale.md"
MACHINES, CORES, MANY = 100, 64, 10**9
LARGE = (4000, 3000)  # of a phone's photo
HEAD = """| | pictures a second | of a plain loop | start and stop, s |
| --- | ---: | ---: | ---: |"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("images")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--block", type=int, default=64)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scale.md")
    options = parser.parse_args()
    require_ray()
    cv2.setNumThreads(1)
    runtime = load(options.bundle, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        fields, model = instance_fields(runtime), sha256(options.bundle / "bundle.json")
        bundle = str(options.bundle.absolute())
        work = Work(bundle, model, {}, fields, "parquet", folder, 1)
        parts = plan(find_pictures([options.images]), options.block, work.key, "parquet")
        rates: dict[str, list[float]] = {"a plain loop": []}
        starts: dict[str, list[float]] = {}
        for turn in range(options.rounds):
            rates["a plain loop"].append(
                loop(runtime, parts, replace(work, out=f"{folder}/{turn}"))
            )
            for count in options.workers:
                name = f"Ray Data, {count} worker{'s' * (count > 1)}"
                job = replace(work, out=f"{folder}/{turn}-{count}")
                rate, start = pool(parts, job, count)
                rates.setdefault(name, []).append(rate)
                starts.setdefault(name, []).append(start)
        written = sum(path.stat().st_size for path in Path(folder, "0").iterdir())
        costs = stages(runtime, parts, work)
    tables = {
        "throughput": throughput(rates, starts, parts),
        "cost": cost(costs, parts, written),
    }
    print("\n\n".join(tables.values()))
    if options.write:
        page = PAGE.read_text()
        for name, table in tables.items():
            marked = rf"(<!-- table:{name} -->\n).*?(<!-- /table:{name} -->)"
            page = re.sub(marked, lambda m, t=table: f"{m[1]}{t}\n{m[2]}", page, flags=re.DOTALL)
        PAGE.write_text(page)


def loop(runtime: Runtime, parts: Sequence[Part], work: Work) -> float:
    """Pictures a second of a plain loop."""
    Path(work.out).mkdir()
    begun = time.perf_counter()
    for part in parts:
        do_part(runtime, part, work)
    return count_of(parts) / (time.perf_counter() - begun)


def pool(parts: Sequence[Part], work: Work, workers: int) -> tuple[float, float]:
    """Pictures a second of a pool, and the seconds that the run took besides."""
    Path(work.out).mkdir()
    entered = time.time()
    with started(None, workers, work.threads) as count:
        begun, ended = float("inf"), 0.0
        for done in done_by(work, parts, count):
            begun, ended = min(begun, done.begun), time.time()
    shutil.rmtree(work.out)
    return count_of(parts) / (ended - begun), time.time() - entered - (ended - begun)


def stages(runtime: Runtime, parts: Sequence[Part], work: Work) -> dict[str, float]:
    """Milliseconds of processor time a picture, by stage."""
    spent = {"read and decode the picture": 0.0, "run the bundle": 0.0, "encode and write": 0.0}
    for part in parts:
        marks = [time.process_time()]
        images = [read_picture(path) for path in part.paths]
        marks.append(time.process_time())
        results = [runtime(image) for image in images]
        marks.append(time.process_time())
        rows = [
            {**result.to_json(path), "width": 1, "height": 1, "model": work.model}
            for result, path in zip(results, part.paths, strict=True)
        ]
        Path(work.out, "rows").write_bytes(encoded(rows, work.fields, work.form))
        marks.append(time.process_time())
        for name, before, after in zip(spent, marks, marks[1:], strict=False):
            spent[name] += after - before
    return {name: 1e3 * seconds / count_of(parts) for name, seconds in spent.items()}


def large_jpeg(path: str) -> float:
    """Milliseconds of a core to decode a picture enlarged to that of a phone, as JPEG."""
    data = cv2.imencode(".jpg", cv2.resize(read_picture(path), LARGE))[1]
    times = []
    for _ in range(7):
        begun = time.process_time()
        cv2.imdecode(data, cv2.IMREAD_COLOR)
        times.append(1e3 * (time.process_time() - begun))
    return median(times)


def count_of(parts: Sequence[Part]) -> int:
    return sum(len(part.paths) for part in parts)


def throughput(
    rates: dict[str, list[float]], starts: dict[str, list[float]], parts: Sequence[Part]
) -> str:
    plain, rounds = rates["a plain loop"], len(rates["a plain loop"])
    lines = [HEAD]
    for name, values in rates.items():
        ratio = median(a / b for a, b in zip(values, plain, strict=True))
        start = f"{median(starts[name]):.1f}" if name in starts else ""
        lines.append(f"| {name} | {median(values):.1f} | {ratio:.2f} | {start} |")
    lines.append(
        f"\n{count_of(parts)} pictures in {len(parts)} parts, {os.cpu_count()} cores, median of "
        f"{rounds} rounds in turn; load average {os.getloadavg()[0]:.1f}."
    )
    return "\n".join(lines)


def cost(costs: dict[str, float], parts: Sequence[Part], written: int) -> str:
    total = sum(costs.values())
    lines = ["| stage | ms of a core a picture | share |\n| --- | ---: | ---: |"]
    lines += [f"| {name} | {ms:.2f} | {ms / total:.0%} |" for name, ms in costs.items()]
    paths = [path for part in parts for path in part.paths]
    read = sum(os.path.getsize(path) for path in paths) / len(paths)
    hours = total / 1e3 / 3600 * MANY
    wall = hours / (MACHINES * CORES)
    rate = MANY / (wall * 3600)
    lines.append(
        f"\nA picture costs {total:.2f} ms of a core, {read:,.0f} bytes to read and "
        f"{written / len(paths):,.0f} to write. For 10^9 such pictures that is {hours:,.0f} core "
        f"hours: {wall:.1f} hours on {MACHINES} machines of {CORES} cores like these, which read "
        f"{rate * read / 1e6 / MACHINES:,.0f} MB a second each, and "
        f"{MANY * written / len(paths) / 1e12:.1f} TB of Parquet. To decode a JPEG of "
        f"{LARGE[0]}x{LARGE[1]} alone takes {large_jpeg(paths[0]):.0f} ms."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
