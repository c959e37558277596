"""The server as a FastAPI application: /predict, /overlay, /health, /metrics.

One image at a time goes through the network of a worker; others wait their turn, and those over
`Settings.waiting` are asked to come back later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import cv2
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, HTTPException, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from ..draw import overlay
from ..errors import InputError
from ..preprocess import Image
from ..result import Result
from .finder import Finder, FormatError, SizeError, load_finder
from .limit import BodyLimit
from .metrics import Measured, Metrics
from .settings import Settings

PATHS = ("/predict", "/overlay", "/health", "/metrics")
T = TypeVar("T")


def create_app(settings: Settings) -> FastAPI:
    """Load the bundle and build the application around it.

    Raises:
        InputError: what is wrong with the bundle.
    """
    finder, metrics = load_finder(settings), Metrics()
    name = finder.runtime.bundle.name
    app = FastAPI(title=f"{name}: objects in images", version="1")
    app.add_middleware(BodyLimit, limit=settings.limit)
    app.add_middleware(Measured, metrics=metrics, paths=PATHS)
    app.add_exception_handler(InputError, _at_fault)
    app.add_exception_handler(RequestValidationError, _no_image)
    turns = _Turns(finder, metrics, settings.waiting)

    @app.post("/predict")
    async def predict(image: UploadFile) -> dict[str, Any]:
        """Objects of the image as JSON, as `python -m postprocess --json` prints them."""
        return await turns.take(image, lambda file, _, result: result.to_json(file))

    @app.post("/overlay", response_class=Response)
    async def drawn(image: UploadFile) -> Response:
        """The image with its objects drawn, PNG."""
        png = await turns.take(image, lambda _, picture, result: _png(picture, result))
        return Response(png, media_type="image/png")

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Answers once the bundle is loaded, also while the network is busy."""
        return {"status": "ok", "model": name}

    @app.get("/metrics", response_class=Response)
    def text() -> Response:
        """Counters and times of all workers."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return app


def from_environment() -> FastAPI:
    """The application of a worker process."""
    return create_app(Settings.from_environment())


class _Turns:
    """Lets one image after another through the network, off the event loop."""

    def __init__(self, finder: Finder, metrics: Metrics, most: int) -> None:
        self._finder, self._metrics, self._most = finder, metrics, most
        self._one = CapacityLimiter(1)
        self._waiting = 0

    async def take(self, upload: UploadFile, finish: Callable[[str, Image, Result], T]) -> T:
        if self._waiting > self._most:
            raise HTTPException(503, "busy: try again in a second", {"Retry-After": "1"})
        data, name = await upload.read(), upload.filename or "image"

        def work() -> T:
            started = time.perf_counter()
            picture, result = self._finder(data, name)
            answer = finish(name, picture, result)
            self._metrics.work_seconds.observe(time.perf_counter() - started)
            self._metrics.instances.inc(len(result.instances))
            return answer

        self._waiting += 1
        try:
            return await to_thread.run_sync(work, limiter=self._one)
        finally:
            self._waiting -= 1


def _png(image: Image, result: Result) -> bytes:
    return cv2.imencode(".png", overlay(image, result))[1].tobytes()


def _at_fault(request: Request, error: Exception) -> JSONResponse:
    codes: dict[type[Exception], int] = {FormatError: 415, SizeError: 413}
    return JSONResponse({"detail": str(error)}, codes.get(type(error), 422))


def _no_image(request: Request, error: Exception) -> JSONResponse:
    detail = "expected a form with a file named image: curl -F image=@photo.jpg"
    return JSONResponse({"detail": detail}, 422)
