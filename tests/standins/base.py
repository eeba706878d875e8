"""What every stand-in shares: serving, a record of requests, and faults to order."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Faults:
    """What is to go wrong.

    Attributes:
        status: Answer every request with this HTTP status.
        spared: So many requests are answered before that.
        cut_after: Cut the connection after so many pieces of a stream.
        hang_after: Fall silent after so many pieces.
        error_after: Report an error in the protocol's own way after so many pieces.
        pause: Seconds between pieces.
        out_of_quota: Say in the service's own way that the account has nothing left.
        nonsense: Answer with what is not of the protocol, as a captive portal does.
    """

    status: int = 0
    spared: int = 0
    cut_after: int = -1
    hang_after: int = -1
    error_after: int = -1
    pause: float = 0.0
    out_of_quota: bool = False
    nonsense: bool = False

    @property
    def breaks_off(self) -> bool:
        """Whether an answer is to stop in its middle."""
        return self.cut_after >= 0 or self.hang_after >= 0


class Cut(Exception):
    """The stand-in cuts the connection here."""


class Reported(Exception):
    """The stand-in reports an error here."""


@dataclass
class Recorded:
    """One request."""

    path: str
    headers: dict[str, str]
    query: dict[str, str]
    body: Any


@dataclass
class StandIn(ABC):
    """A service on a free loopback port.

    Attributes:
        key: The only key that is accepted.
        aborted: Answers whose client went away before their end.
        under_way: Requests that are being answered.
        heard: Bytes of sound that came in while its speaker was still speaking.
        released: Set: streams that fell silent go on.
    """

    key: str = "right-key"
    faults: Faults = field(default_factory=Faults)
    requests: list[Recorded] = field(default_factory=list)
    aborted: int = 0
    under_way: int = 0
    heard: int = 0
    url: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """The service's routes."""

    @abstractmethod
    def error(self, status: int, message: str) -> web.Response:
        """An error in the service's own form."""

    @abstractmethod
    def key_of(self, request: web.Request) -> str:
        """The key a request carries."""

    def out_of_quota(self) -> web.Response:
        """The account has nothing left."""
        return self.error(429, "the account has nothing left")

    async def refuse_for_quota(self, request: web.Request) -> web.StreamResponse:
        """Answer that the account has nothing left; services with a socket may say so on it."""
        return self.out_of_quota()

    @property
    def last(self) -> Recorded:
        """The latest request."""
        return self.requests[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[StandIn]:
        """Serve while the block runs."""
        app = web.Application(middlewares=[self._gate], client_max_size=64 * 1024 * 1024)
        app.add_routes(self.routes())
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def paced(self, pieces: Iterable[Any]) -> AsyncIterator[Any]:
        """The pieces of a stream, with the faults that were ordered."""
        for index, piece in enumerate(pieces):
            if index == self.faults.cut_after:
                raise Cut
            if index == self.faults.error_after:
                raise Reported
            if index == self.faults.hang_after:
                await self.released.wait()
            if self.faults.pause:
                await asyncio.sleep(self.faults.pause)
            yield piece

    async def stream(
        self, request: web.Request, pieces: Iterable[bytes], *, content_type: str, reported: bytes = b""
    ) -> web.StreamResponse:
        """Send the pieces as one chunked answer.

        Args:
            reported: What is sent where ``error_after`` strikes.
        """
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        try:
            async for piece in self.paced(pieces):
                await response.write(piece)
        except Cut:
            assert request.transport is not None
            request.transport.abort()
        except Reported:
            await response.write(reported)
        return response

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        is_json = request.content_type == "application/json" and request.can_read_body
        body = json.loads(await request.read()) if is_json else None
        self.requests.append(Recorded(request.path, dict(request.headers), dict(request.query), body))

        if self.faults.out_of_quota:
            return await self.refuse_for_quota(request)
        if self.faults.status and len(self.requests) > self.faults.spared:
            refused = self.error(self.faults.status, f"the stand-in was told to answer {self.faults.status}")
            if self.faults.status == 429:
                refused.headers["Retry-After"] = "3"
            return refused
        if self.key and (given := self.key_of(request)) != self.key:
            return self.error(401, f"the key is not known: {given}")
        if self.faults.nonsense:
            return await self.nonsense(request)
        self.under_way += 1
        try:
            response = await handler(request)
            if isinstance(response, web.Response) and response.status == 200 and self.faults.breaks_off:
                return await self._broken_off(request, response)
            return response
        except (asyncio.CancelledError, ConnectionError):
            self.aborted += 1
            raise
        finally:
            self.under_way -= 1

    async def nonsense(self, request: web.Request) -> web.StreamResponse:
        """What is not of the protocol: by default the page of a captive portal."""
        return web.Response(text="<html><body>It works!</body></html>", content_type="text/html")

    async def _broken_off(self, request: web.Request, whole: web.Response) -> web.StreamResponse:
        """Half of an answer, then a cut or silence."""
        assert isinstance(whole.body, bytes)
        half = web.StreamResponse(headers={"Content-Type": whole.content_type})
        half.content_length = len(whole.body)
        await half.prepare(request)
        await half.write(whole.body[: len(whole.body) // 2])
        if self.faults.cut_after >= 0:
            assert request.transport is not None
            request.transport.abort()
            return half
        await asyncio.Event().wait()
        return half


def event(value: Any, name: str = "") -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def words(text: str) -> list[str]:
    """The text in pieces."""
    parts = text.split(" ")
    return [part + " " for part in parts[:-1]] + parts[-1:]
