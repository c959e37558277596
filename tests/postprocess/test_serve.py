"""The server: the same JSON as the command line, clear refusals, health and metrics."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")
pytest.importorskip("httpx", reason="httpx, which FastAPI's test client needs, is not installed")

from fastapi.testclient import TestClient

from postprocess import load
from postprocess.preprocess import Image
from postprocess.serve.__main__ import main
from postprocess.serve.app import create_app
from postprocess.serve.settings import Settings

LIMIT = 50_000


@pytest.fixture
def client(tiny_bundle: Path) -> Iterator[TestClient]:
    settings = Settings(str(tiny_bundle), threads=1, limit=LIMIT)
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def png(blobs: Image) -> bytes:
    return cv2.imencode(".png", blobs)[1].tobytes()


def post(client: TestClient, path: str, data: bytes, name: str = "a.png") -> Any:
    return client.post(path, files={"image": (name, data)})


def test_predict_gives_what_the_command_line_prints(
    client: TestClient, tiny_bundle: Path, blobs: Image, png: bytes
) -> None:
    answer = post(client, "/predict", png)
    assert answer.status_code == 200
    expected = load(tiny_bundle, threads=1)(blobs).to_json("a.png")
    assert answer.json() == json.loads(json.dumps(expected))
    assert len(answer.json()["instances"]) == 2


def test_overlay_is_a_png_of_the_drawn_image(client: TestClient, png: bytes) -> None:
    answer = post(client, "/overlay", png)
    assert answer.headers["content-type"] == "image/png"
    drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert max(drawn.shape) >= 640


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        (b"GIF89a" + bytes(100), 415, "expected a JPEG, PNG, WebP or BMP file"),
        (b"", 415, "it is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), 422, "not an image that OpenCV can decode"),
        (b"\xff\xd8\xff" + bytes(LIMIT), 413, "expected at most 50,000 bytes"),
    ],
)
def test_a_refused_upload_gets_its_status_and_one_line(
    client: TestClient, data: bytes, status: int, message: str
) -> None:
    for path in ("/predict", "/overlay"):
        answer = post(client, path, data)
        assert answer.status_code == status
        assert message in answer.json()["detail"]
        assert "\n" not in answer.json()["detail"]


def test_a_body_without_length_is_cut_off_at_the_limit(client: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        while sent < 100 * LIMIT:
            sent += 10_000
            yield bytes(10_000)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/predict", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert "expected at most" in answer.json()["detail"]


def test_a_request_without_the_file_is_told_how(client: TestClient) -> None:
    for answer in (client.post("/predict"), client.post("/predict", data={"image": "text"})):
        assert answer.status_code == 422
        assert "curl -F image=@" in answer.json()["detail"]


def test_metrics_count_requests_by_path_and_status(client: TestClient, png: bytes) -> None:
    post(client, "/predict", png)
    post(client, "/predict", png)
    post(client, "/predict", b"text")
    client.get("/somewhere")
    lines = client.get("/metrics").text.splitlines()
    assert 'postprocess_requests_total{path="/predict",status="200"} 2.0' in lines
    assert 'postprocess_requests_total{path="/predict",status="415"} 1.0' in lines
    assert 'postprocess_requests_total{path="other",status="404"} 1.0' in lines
    assert "postprocess_instances_total 4.0" in lines
    assert "postprocess_work_seconds_count 2.0" in lines


def test_more_waiting_than_allowed_are_told_to_come_back(tiny_bundle: Path, png: bytes) -> None:
    app = create_app(Settings(str(tiny_bundle), threads=1, waiting=-1))
    answer = post(TestClient(app), "/predict", png)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("arguments", [("--port", "0"), ("--workers", "0"), ("--limit", "-1")])
def test_an_argument_at_fault_is_one_line(
    tiny_bundle: Path, arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tiny_bundle), *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {arguments[0]} expects ")
    assert len(captured.err.splitlines()) == 1


def test_a_port_in_use_and_a_bundle_that_is_none_are_one_line_each(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main([str(tiny_bundle), "--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
    for workers in ("1", "2"):
        arguments = ["--port", str(port), "--workers", workers]
        assert main([str(tmp_path / "none"), *arguments]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_without_the_extra_one_line_says_what_to_install(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("postprocess.serve.__main__.find_spec", lambda name: None)
    assert main([str(tiny_bundle)]) == 1
    assert "pip install 'model-surgery[serve]'" in capsys.readouterr().err


def test_two_workers_share_their_metrics_and_refuse_too_many_pixels(
    tiny_bundle: Path, png: bytes
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "postprocess.serve", str(tiny_bundle), "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*command, "--workers", "2"], stderr=subprocess.DEVNULL) as server:
        try:
            _until(lambda: urllib.request.urlopen(f"{url}/health", timeout=1).status == 200)
            for _ in range(6):
                assert _upload(f"{url}/predict", png) == 200
            text = urllib.request.urlopen(f"{url}/metrics", timeout=5).read().decode()
            assert 'postprocess_requests_total{path="/predict",status="200"} 6.0' in text
            bomb = bytearray(png)  # says 50,000 x 50,000 in its header
            bomb[16:24] = (50_000).to_bytes(4, "big") * 2
            bomb[29:33] = _crc(bytes(bomb[12:29]))
            assert _upload(f"{url}/predict", bytes(bomb)) == 413
        finally:
            server.terminate()
            server.wait(10)


def _crc(chunk: bytes) -> bytes:
    import zlib

    return zlib.crc32(chunk).to_bytes(4, "big")


def _until(ready: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if ready():
                return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.2)


def _upload(url: str, data: bytes) -> int:
    import httpx

    return httpx.post(url, files={"image": ("a.png", data)}, timeout=30).status_code
