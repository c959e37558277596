"""The main job under several versions of torch: which strategies run, and how close they stay.

    python -m benchmarks.torch_versions PYTHON...

Each PYTHON is an interpreter with the project and its dependencies installed. Prints a table in
Markdown: docs/torch-versions.md holds one. The last column is of a distillation of one minute in
that environment: the heatmap's error on images that it has not seen, by its scale.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

STRATEGIES = ("plain", "decomposed", "native", "distilled")
_EXPORT = "torch operated, ONNX Runtime"  # as bundle.json calls the comparison
_VERSIONS = """
import json, platform
from importlib.metadata import version
names = ("torch", "numpy", "onnx", "onnxruntime", "pydantic", "opencv-python-headless")
print(json.dumps([platform.python_version(), *(version(name) for name in names)]))
"""


FIT = ("surgery.fit.again=true", "surgery.fit.save=false", "surgery.fit.minutes=1")


def versions(python: str) -> list[str]:
    """Versions of Python, torch, numpy, onnx, onnxruntime, pydantic and OpenCV."""
    done = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    return [str(each) for each in json.loads(done.stdout)]


def run(python: str, strategy: str, out: Path, *settings: str) -> str | None:
    """Run the main job into ``out``; its last line where it ends with an error."""
    fixed = ["model=e2ec", "surgery.exporter=torchscript", f"surgery.dcn={strategy}"]
    command = [python, "-m", "surgery", *fixed, "surgery.compare=[]", *settings, f"out={out}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=out.parent, check=False)
    if done.returncode == 1:
        return (done.stderr or done.stdout).strip().splitlines()[-1].removeprefix("surgery: ")[:90]
    return None


def exported(python: str, strategy: str, folder: Path) -> str:
    """ONNX Runtime's largest difference from the operated network by its scale, or why none."""
    out = folder / strategy
    if problem := run(python, strategy, out):
        return problem
    outputs = json.loads((out / "bundle.json").read_text())["parity"][_EXPORT]["outputs"]
    return f"{max(found['max'] / found['scale'] for found in outputs.values()):.2g}"


def fitted(python: str, folder: Path) -> str:
    """The heatmap's held-back error after a minute's fit, or why there is none."""
    out = folder / "fitted"
    if problem := run(python, "distilled", out, *FIT):
        return problem
    summary = json.loads((out / "report.json").read_text())["fit"]["summary"]
    return f"{summary['distilled.ct_hm']:.3f}"


def main() -> None:
    """Print a row for each interpreter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("python", nargs="+")
    packages = ("torch", "numpy", "onnx", "onnxruntime", "pydantic", "OpenCV")
    names = ("Python", *packages, *STRATEGIES, "fit of a minute")
    print(f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}", sep="\n")
    for python in parser.parse_args().python:
        with tempfile.TemporaryDirectory() as folder:
            found = [exported(python, strategy, Path(folder)) for strategy in STRATEGIES]
            found.append(fitted(python, Path(folder)))
        print(f"| {' | '.join([*versions(python), *found])} |", flush=True)


if __name__ == "__main__":
    main()
