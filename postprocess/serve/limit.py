"""ASGI middleware that refuses a body that is too large, by its header or while it comes in."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Answers 413 where a request's body is over the limit.

    Args:
        app: what answers the others.
        limit: bytes.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what comes in."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        message = f"expected at most {self._limit:,} bytes: scale the image down, or raise --limit"
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self._limit:
            response = JSONResponse({"detail": f"{message} (got {int(announced):,})"}, 413)
            return await response(scope, receive, send)
        came = 0

        async def counted() -> Message:
            nonlocal came
            part = await receive()
            came += len(part.get("body", b""))
            if came > self._limit:
                raise HTTPException(413, message)
            return part

        return await self._app(scope, counted, send)
