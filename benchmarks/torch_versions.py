"""The main job under several versions of torch: which strategies run, and how close they stay.

    python -m benchmarks.torch_versions PYTHON...

Each PYTHON is an interpreter with the project and its dependencies installed. Prints a table in
Markdown: docs/torch-versions.md holds one.
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
names = ("torch", "numpy", "onnx", "onnxruntime")
print(json.dumps([platform.python_version(), *(version(name) for name in names)]))
"""


def versions(python: str) -> list[str]:
    """Versions of Python, torch, numpy, onnx and onnxruntime."""
    done = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    return [str(each) for each in json.loads(done.stdout)]


def ran(python: str, strategy: str, folder: Path) -> str:
    """ONNX Runtime's largest difference from the operated network by its scale, or why none."""
    out = folder / strategy
    settings = ["model=e2ec", "surgery.exporter=torchscript", f"surgery.dcn={strategy}"]
    command = [python, "-m", "surgery", *settings, "surgery.compare=[]", f"out={out}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode == 1:
        return (done.stderr or done.stdout).strip().splitlines()[-1].removeprefix("surgery: ")[:90]
    outputs = json.loads((out / "bundle.json").read_text())["parity"][_EXPORT]["outputs"]
    return f"{max(found['max'] / found['scale'] for found in outputs.values()):.2g}"


def main() -> None:
    """Print a row for each interpreter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("python", nargs="+")
    names = ("Python", "torch", "numpy", "onnx", "onnxruntime", *STRATEGIES)
    print(f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}", sep="\n")
    for python in parser.parse_args().python:
        with tempfile.TemporaryDirectory() as folder:
            found = [ran(python, strategy, Path(folder)) for strategy in STRATEGIES]
        print(f"| {' | '.join([*versions(python), *found])} |", flush=True)


if __name__ == "__main__":
    main()
