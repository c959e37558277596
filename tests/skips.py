"""What skipped tests lack, and the command that brings it: the table that ends a run of pytest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol, TypeVar

MISSING = (
    (r"mmcv", "mmcv with its operators", "make mmcv"),
    (r"reference outputs|photos|is missing", "the authors' outputs", "SURGERY_REFERENCE=FOLDER"),
    (r"openvino|ncnn|litert|ai.edge", "run times of docs/targets.md", "make runtimes"),
    (r"\bRay\b", "Ray Data and PyArrow", "make predict"),
    (r"onnx2tf", "onnx2tf", "make onnx2tf"),
    (r"onnxruntime-web", "onnxruntime-web", "make onnxruntime-web"),
    (r"AArch64", "surgery-run for AArch64", "make examples-aarch64"),
    (r"for C\+\+|docs/cpp", "Debian's OpenCV, OpenSSL, JSON and zlib headers", "see docs/cpp.md"),
    (r"Chromium|docs/web", "emscripten and Chromium", "see docs/web.md"),
    (r"jni|JDK|javac", "a JDK", "apt-get install default-jdk-headless"),
    (r"C compiler", "a C compiler", "apt-get install gcc"),
)
OTHER = "this machine or these versions"


def grouped(reasons: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Yield (tests, what is missing, what brings it), most tests first."""
    found = Counter[tuple[str, str]]()
    for reason in reasons:
        known = ((what, how) for pattern, what, how in MISSING if re.search(pattern, reason))
        found[next(known, (OTHER, reason.removeprefix("Skipped: ")))] += 1
    for (what, how), count in found.most_common():
        yield count, what, how


class _Named(Protocol):
    @property
    def nodeid(self) -> str: ...


Item = TypeVar("Item", bound=_Named)


def among(items: Iterable[Item], listed: Collection[str]) -> list[Item]:
    """The tests that are listed themselves, or whose file is."""
    names = frozenset(listed)
    return [i for i in items if i.nodeid in names or i.nodeid.partition("::")[0] in names]
