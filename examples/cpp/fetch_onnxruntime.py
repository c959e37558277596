"""Assemble ONNX Runtime for C++ from package registries: DIR/include and DIR/lib.

The headers are those of the Android archive in the npm package com.github.asus4.onnxruntime, which
are the official ones; the library is the one of the installed `onnxruntime` wheel, so that C++ and
Python run the same code. The headers may be older than the library, not newer: its C API is
versioned and serves every older one.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "com.github.asus4.onnxruntime"
VERSION = "0.4.9"
ARCHIVE = "package/Plugins/Android/onnxruntime.aar"


def main() -> int:
    """Run; 1 and a line on stderr where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where include/ and lib/ go")
    parser.add_argument(
        "--android", type=Path, metavar="DIR", help="unpack the whole Android archive there"
    )
    options = parser.parse_args()
    try:
        headers = options.folder / "include"
        if not (headers / "onnxruntime_cxx_api.h").is_file() or options.android:
            archive = download()
            unpack_headers(archive, headers)
            if options.android:
                with zipfile.ZipFile(io.BytesIO(archive)) as file:
                    file.extractall(options.android)
        copy_library(options.folder / "lib")
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"-DONNXRUNTIME_ROOT={options.folder.resolve()}")
    return 0


def download() -> bytes:
    """The Android archive of the npm package."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is needed to fetch the headers (apt-get install npm)")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (package,) = Path(folder).glob("*.tgz")
        with tarfile.open(package) as archive:
            member = archive.extractfile(ARCHIVE)
            if member is None:
                raise RuntimeError(f"{PACKAGE}@{VERSION} has no {ARCHIVE}")
            return member.read()


def unpack_headers(archive: bytes, folder: Path) -> None:
    """The headers of the Android archive, without the folder that they are in there."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        for name in file.namelist():
            directory, _, header = name.partition("/")
            if directory == "headers" and header:
                (folder / header).write_bytes(file.read(name))


def copy_library(folder: Path) -> None:
    """The wheel's library under its soname, libonnxruntime.so.1, and under the linker's name."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise RuntimeError(f"no onnxruntime in {sys.executable}: pip install onnxruntime")
    (library,) = (Path(spec.origin).parent / "capi").glob("libonnxruntime.so.*")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(library, folder / "libonnxruntime.so.1")
    link = folder / "libonnxruntime.so"
    link.unlink(missing_ok=True)
    link.symlink_to("libonnxruntime.so.1")


if __name__ == "__main__":
    sys.exit(main())
