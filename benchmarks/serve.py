"""Load-test `python -m postprocess.serve` and write its figures into docs/runtime.md.

    python -m benchmarks.serve BUNDLE IMAGE [--seconds 10] [--workers 1 2] [--clients 1 4] [--write]

For each number of workers a server of its own; for each number of clients, that many threads post
the image to /predict, each anew as soon as it has its answer. Times are those of the clients, on
the same machine, which they share with the server.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

PAGE = Path(__file__).resolve().parent.parent / "docs" / "runtime.md"
MARKED = re.compile(r"(<!-- table:serve -->\n).*?(<!-- /table:serve -->)", re.DOTALL)
HEAD = """| workers | clients | answers a second | median ms | p95 ms | other than 200 |
| --- | --- | --- | --- | --- | --- |"""


@dataclass
class Load:
    """What the clients saw."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def row(self, workers: int, clients: int, wall: float) -> str:
        median, late = np.percentile(self.seconds, [50, 95]) * 1000
        rate = self.statuses[200] / wall
        others = self.statuses.total() - self.statuses[200]
        return f"| {workers} | {clients} | {rate:.1f} | {median:.0f} | {late:.0f} | {others} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle")
    parser.add_argument("image", type=Path)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--write", action="store_true", help="put the table into docs/runtime.md")
    options = parser.parse_args()
    rows = [HEAD]
    for workers in options.workers:
        with server(options.bundle, workers) as url:
            put(url, options.image, 1, 2)  # each worker's first answers take longer
            for clients in options.clients:
                started = time.monotonic()
                load = put(url, options.image, clients, options.seconds)
                rows.append(load.row(workers, clients, time.monotonic() - started))
    busy = os.getloadavg()[0]
    rows.append(f"\n{options.image.name}, {os.cpu_count()} cores, load average {busy:.1f}")
    print("\n".join(rows))
    if options.write:
        table = "\n".join(rows) + "\n"
        page = PAGE.read_text()
        PAGE.write_text(MARKED.sub(lambda m: m[1] + table + m[2], page))


@contextmanager
def server(bundle: str, workers: int) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "postprocess.serve", bundle]
    command += ["--port", str(port), "--workers", str(workers)]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            httpx.get(f"{url}/health", timeout=1)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    sys.exit("the server did not start: run it by hand to see why")


def put(url: str, image: Path, clients: int, seconds: float) -> Load:
    """Keep so many clients busy for so long."""
    data, load, lock = image.read_bytes(), Load(), threading.Lock()
    end = time.monotonic() + seconds

    def client() -> None:
        with httpx.Client(timeout=60) as own:
            while time.monotonic() < end:
                started = time.perf_counter()
                answer = own.post(f"{url}/predict", files={"image": (image.name, data)})
                took = time.perf_counter() - started
                with lock:
                    load.seconds.append(took)
                    load.statuses[answer.status_code] += 1

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load


if __name__ == "__main__":
    main()
