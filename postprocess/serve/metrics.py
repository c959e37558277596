"""What a server counts, in Prometheus' text format; over all workers where there are several.

Several workers share files in PROMETHEUS_MULTIPROC_DIR, which prometheus-client reads when it is
imported, and which `postprocess.serve` sets before its workers start.
"""

from __future__ import annotations

import os
import time

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "postprocess_requests",
            "Requests by path and status.",
            ["path", "status"],
            registry=self._registry,
        )
        self.request_seconds = Histogram(
            "postprocess_request_seconds",
            "Time from a request's header to the end of its answer.",
            ["path"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.work_seconds = Histogram(
            "postprocess_work_seconds",
            "Time to decode an image, find its objects and draw them, without waiting.",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.instances = Counter(
            "postprocess_instances", "Objects that were found.", registry=self._registry
        )

    def text(self) -> bytes:
        """All metrics as Prometheus reads them."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)


class Measured:
    """ASGI middleware that counts and times every request.

    Args:
        app: what answers.
        metrics: where to count.
        paths: paths with their own series; others are "other", so that nobody can add series.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: tuple[str, ...]) -> None:
        self._app, self._metrics, self._paths = app, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its status and time."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path = scope["path"] if scope["path"] in self._paths else "other"
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            return await self._app(scope, receive, noted)
        finally:
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.request_seconds.labels(path).observe(time.perf_counter() - started)
