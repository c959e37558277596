"""The command line: quick help, one line and exit code 1 for bad input, nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch


def surgery(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "surgery", *(str(argument) for argument in arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of a refused run; stages that went well may stand above it."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("surgery:")]
    assert len(lines) == 1, done.stderr
    assert done.stderr.splitlines()[-1] == lines[0]
    return lines[0]


def test_help_imports_neither_torch_nor_onnx(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv = ['surgery', '--help']\n"
        "from surgery.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "assert not {'torch', 'onnx', 'onnxruntime', 'cv2', 'hydra'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "python -m surgery model=e2ec" in done.stdout
    assert "\ntarget: all, coreml" in done.stdout
    assert "\nweights: null           # `random`" in done.stdout
    assert "\n  dcn:\n    name: auto " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["model=e2eq"], "e2eq"),
        (["model=3"], "must be a string"),
        ([f"model={'x' * 5000}"], "too long"),
        (["-m", "hydra.launcher._target_=os.system"], "refused"),
        (["+hydra.callbacks.x={_target_: os.system, command: 'touch ran'}"], "refused"),
        (["hydra.job_logging.handlers.console={'()': os.mkdir, path: ran}"], "refused"),
        (["hydra.searchpath=[file:///tmp]"], "refused"),
        (["+model@surgery.dcn=snake", "surgery.dcn=nonsense"], "surgery"),
        (["image=${oc.env:NO_SUCH_VARIABLE}"], "NO_SUCH_VARIABLE"),
        (["surgery.dcm=plain"], "unknown setting 'surgery.dcm'"),
        (["+device=cuda"], "'device' is unknown"),
        (["+surgery.depth=2"], "'surgery.depth' is unknown"),
        (["e2ec"], "KEY=VALUE, as in model=e2ec"),
        (["surgery.dcn.layers={dla.*:"], "the shell wants quotes"),
        (["surgery.dcn.layers={nowhere.*: native}"], "no deformable layer fits 'nowhere.*'"),
        (["surgery.compare=[plane]", "weights=random"], "did you mean 'dcn.plain'"),
        (["surgery.dcn=plane"], "did you mean 'dcn.plain'"),
        (["task=exprot"], "exprot"),
        (["surgery.opset=12", "surgery.dcn=native"], "too low for dcn.native"),
        (["surgery.opset=five"], "surgery.opset"),
        (["input.size=[100,128]"], "multiples of 32"),
        (["model=e2ec_coco"], "github.com/zhang-tao-whu/e2ec"),
        (["checkpoint=missing.pth"], "missing.pth"),
        (["image=missing.jpg", "weights=random"], "missing.jpg"),
        (["image=text.jpg", "weights=random"], "not an image"),
        (["surgery.passes.skip=[slimm]", "weights=random"], "slimm"),
        (["task=evaluate"], "bundle=DIR"),
        (["task=scenes"], "out=DIR"),
        (["out=text.jpg", "weights=random"], "is a file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(
    arguments: list[str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    assert told in refusal(surgery(*arguments, cwd=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) in (
        ["text.jpg"],
        ["outputs", "text.jpg"],
    )
    assert not any((tmp_path / "outputs").rglob("*.*"))


def test_a_checkpoint_of_another_network_is_one_line_that_says_so(tmp_path: Path) -> None:
    torch.save({"net": {"conv.weight": torch.zeros(1)}}, tmp_path / "other.pth")
    line = refusal(surgery("checkpoint=other.pth", cwd=tmp_path))
    assert "other.pth" in line
    assert "another network" in line


def test_a_truncated_checkpoint_is_one_line_that_says_so(tmp_path: Path) -> None:
    torch.save({"net": {"conv.weight": torch.zeros(1000)}}, tmp_path / "cut.pth")
    data = (tmp_path / "cut.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(data[: len(data) // 2])
    assert "cut.pth" in refusal(surgery("checkpoint=cut.pth", cwd=tmp_path))


def test_a_killed_run_leaves_the_old_bundle_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    out.mkdir()
    (out / "bundle.json").write_text('{"files": {}}')
    command = [sys.executable, "-m", "surgery", "weights=random", f"out={out}"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:  # the first stage is over: the work has begun
        if "load its weights" in line:
            break
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert (out / "bundle.json").read_text() == '{"files": {}}'
    assert [path.name for path in out.iterdir()] == ["bundle.json"]


def test_scenes_are_coco_files_that_pycocotools_reads(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    done = surgery("task=scenes", "count=3", "seed=5", "out=scenes", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    coco = COCO(tmp_path / "scenes" / "annotations.json")
    assert len(coco.imgs) == 3
    assert all(np.any(coco.annToMask(annotation)) for annotation in coco.anns.values())


def test_the_list_names_every_kind_and_where_it_is_from(tmp_path: Path) -> None:
    done = surgery("task=list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("e2ec", "dcn.native", "slim", "nnapi", "model-surgery"):
        assert name in done.stdout


def small_files(bytes_each: int) -> None:
    """Let no file grow beyond a size, as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_each, bytes_each))


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on files")
@pytest.mark.parametrize("job", ["graph", "bundle"])
def test_a_full_disk_is_one_line_and_leaves_nothing_behind(tmp_path: Path, job: str) -> None:
    value = onnx.helper.make_tensor_value_info
    weight = np.random.default_rng(0).standard_normal((64, 3, 32, 32)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Conv", ["x", "w"], ["y"], strides=[32, 32])],
        "large",
        [value("x", 1, [1, 3, 64, 64])],
        [value("y", 1, [1, 64, 2, 2])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "m.onnx")
    more = {
        "graph": ["task=graph", "graph.steps=[{rename: {x: image}}]", "out=made.onnx"],
        "bundle": ["model.decoder={name: none}", "surgery.safe=false", "out=made"],
    }[job]
    command = [sys.executable, "-m", "surgery", "model=onnx", "model.path=m.onnx", *more]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: small_files(100_000),
    )
    assert "File too large" in refusal(done)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_output_that_nobody_takes_is_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "surgery", "task=list"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["surgery: No space left on device"]
