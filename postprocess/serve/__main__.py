"""Command line of the server: `python -m postprocess.serve BUNDLE [--host --port --workers]`.

What is wrong with the bundle, the port or the installation is said here in one line, before a
worker starts. Workers are processes; they get their settings through the environment.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec

from ..errors import InputError, open_streams
from .settings import Settings

REQUIRED = ("fastapi", "multipart", "prometheus_client", "uvicorn")
MOST_PIXELS = 64_000_000
"""Larger images are refused before they are decoded; what an image says of its size is cheap."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; 1 if an argument was at fault (one line on stderr)."""
    open_streams()
    options = _parser().parse_args(arguments)
    try:
        _serve(options)
    except (InputError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m postprocess.serve",
        description="Find objects in uploaded images with a bundle that the surgery wrote.",
        epilog="POST an image to /predict or /overlay: curl -F image=@photo.jpg URL/predict",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder that holds bundle.json")
    parser.add_argument("--host", default="127.0.0.1", help="address (default: this machine's own)")
    parser.add_argument("--port", type=int, default=8000, help="port (default: 8000)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads within an operator, of each worker (default: the cores, shared out)",
    )
    parser.add_argument("--detector", metavar="BUNDLE", help="find persons with this bundle first")
    parser.add_argument(
        "--limit",
        type=int,
        default=20,
        metavar="MB",
        help="largest upload, in units of 1,000,000 bytes (default: 20)",
    )
    return parser


def _serve(options: argparse.Namespace) -> None:
    missing = [name for name in REQUIRED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the server needs {', '.join(missing)}: pip install 'model-surgery[serve]'"
        )
    for name in ("workers", "limit"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} expects at least 1, got {getattr(options, name)}")
    _check_address(options.host, options.port)
    # OpenCV reads it once, when it is imported.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_PIXELS))
    settings = Settings(
        bundle=options.bundle,
        threads=options.threads or max(1, (os.cpu_count() or 1) // options.workers),
        detector=options.detector,
        limit=options.limit * 1_000_000,
    )
    if options.workers == 1:
        _run_one(settings, options)
    else:
        _run_several(settings, options)


def _run_one(settings: Settings, options: argparse.Namespace) -> None:
    import uvicorn

    from .app import create_app

    uvicorn.run(create_app(settings), host=options.host, port=options.port)


def _run_several(settings: Settings, options: argparse.Namespace) -> None:
    import uvicorn

    from .finder import load_finder

    load_finder(settings)  # a worker that cannot start would be started again and again
    with tempfile.TemporaryDirectory(prefix="postprocess-metrics-") as shared:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
        settings.to_environment()
        uvicorn.run(
            "postprocess.serve.app:from_environment",
            factory=True,
            host=options.host,
            port=options.port,
            workers=options.workers,
        )


def _check_address(host: str, port: int) -> None:
    if not 0 < port < 65536:
        raise InputError(f"--port expects 1 to 65535, got {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        raise InputError(f"cannot listen on {host}:{port}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
