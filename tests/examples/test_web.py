"""The page of examples/web in Chromium against `python -m postprocess`."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import BUILD, ROOT, Json, assert_same, built, in_python, need, need_packages, run


@pytest.fixture(scope="module")
def chromium() -> str:
    need("emcmake", "cmake", "npm", "node")
    need_packages("nlohmann_json")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium: see docs/web.md")
    return found


@pytest.fixture(scope="module")
def e2ec(chromium: str, bundle: Callable[..., Path]) -> Path:
    return bundle("e2ec", "surgery.dcn=native")


@pytest.fixture(scope="module")
def page(e2ec: Path) -> Iterator[str]:
    """Address of the page, served as plain files."""
    site = BUILD / "site"
    built(ROOT / "examples/web/build.sh", site, e2ec)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Print nothing."""

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def in_browser(chromium: str, page: str, *photos: Path | str) -> list[Json]:
    check = BUILD / "web-build" / "check.mjs"
    done = run("node", check, page, chromium, "-", *photos)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_page_finds_what_python_finds(
    chromium: str, page: str, e2ec: Path, scenes: list[Path]
) -> None:
    assert_same(
        in_browser(chromium, page, *scenes), in_python(e2ec, *scenes), pixels=0.5, score=1e-3
    )


def test_the_same_photo_can_be_chosen_again(chromium: str, page: str, scenes: list[Path]) -> None:
    first, again = in_browser(chromium, page, scenes[0], scenes[0])
    assert first["instances"] == again["instances"]


def test_page_takes_the_webcam(chromium: str, page: str) -> None:
    (result,) = in_browser(chromium, page, "webcam")
    assert result["instances"]


def test_page_refuses_a_changed_file(chromium: str, page: str) -> None:
    graph = BUILD / "site" / "bundle" / "refine.onnx"
    content = graph.read_bytes()
    try:
        graph.write_bytes(content + b"\0")
        done = run("node", BUILD / "web-build" / "check.mjs", page, chromium, "-")
    finally:
        graph.write_bytes(content)
    assert done.returncode != 0
    assert "refine.onnx: the file was changed or cut short" in done.stderr
