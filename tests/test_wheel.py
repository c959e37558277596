"""The wheel holds everything, works anywhere, and its run time needs none of the heavy packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

RUNTIME_ONLY = ("numpy", "onnxruntime", "opencv-python-headless")


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True
    )


def checked(*command: str | Path, cwd: Path | None = None) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def environment(folder: Path) -> Path:
    """A new virtual environment; its Python is returned."""
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    arguments = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    checked(sys.executable, "-m", "pip", *arguments, "-C", f"build-dir={folder}/build", repository)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that holds the wheel, and this one's packages but not this tree."""
    folder = tmp_path_factory.mktemp("installed")
    python = environment(folder)
    checked(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    site = Path(
        checked(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    )
    # The directory alone: .pth files in it, such as an editable install's, are not read.
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with packages of the caller's own, named like ours."""
    for name in ("models", "configs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(
            f"raise ImportError('the caller\\'s own {name}')\n"
        )
    return tmp_path


def test_the_wheel_holds_configs_weights_headers_and_the_native_library(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "configs/config.yaml",
        "configs/model/e2ec.yaml",
        "models/weights/e2ec_scenes.safetensors",
        "postprocess/bundle.schema.json",
        "postprocess/include/postprocess/decode.h",
        "surgery/report/page.html.j2",
    ):
        assert wanted in names
    assert any(name.startswith("postprocess/_native") and name.endswith(".so") for name in names)


def test_the_main_job_runs_beside_the_callers_own_models_and_configs(
    installed: Path, elsewhere: Path
) -> None:
    checked(installed, "-m", "surgery", "model=e2ec", cwd=elsewhere)
    assert (elsewhere / "outputs" / "e2ec" / "bundle.json").is_file()


def test_the_run_time_works_where_torch_onnx_and_hydra_are_not_installed(
    repository: Path, wheel: Path, installed: Path, tmp_path: Path
) -> None:
    checked(installed, "-m", "surgery", "model=e2ec", f"out={tmp_path / 'bundle'}", cwd=tmp_path)
    python = environment(tmp_path / "bare")
    pins = repository / "constraints.txt"
    checked(python, "-m", "pip", "install", "--quiet", "--constraint", pins, *RUNTIME_ONLY)
    checked(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    for heavy in ("torch", "onnx", "hydra"):
        assert run(python, "-c", f"import {heavy}").returncode != 0
    surgery = run(python, "-m", "surgery", cwd=tmp_path)
    assert surgery.returncode == 1
    assert "here is the run time alone" in surgery.stderr
    assert "Traceback" not in surgery.stderr
    scenes = ("task=scenes", "count=1", f"out={tmp_path / 'scenes'}")
    checked(installed, "-m", "surgery", *scenes, cwd=tmp_path)
    image = next((tmp_path / "scenes" / "images").glob("*.png"))
    command = (python, "-m", "postprocess", tmp_path / "bundle", image, "--json")
    printed = checked(*command, cwd=tmp_path)  # not this tree, which would be imported
    assert json.loads(printed)["instances"]
