"""Official client libraries of services: imported in a thread, on an HTTP client of ours, failing in our words.

The libraries that are used (``anthropic``, ``google-genai``) take a client of ``httpx2``, on which they depend anyway.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import socket
import ssl
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from astrbot_like.api.kit.chat_provider import ServiceChatProvider
from astrbot_like.api.kit.connections import CONNECT_SECONDS, CONNECTIONS, IDLE_SECONDS, host_of
from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.domain.errors import BotError

if TYPE_CHECKING:
    import httpx2


class Call:
    """One call of a service.

    Attributes:
        begun: Something of the answer has come.
        response: The answer, once its head is there.
    """

    __slots__ = ("begun", "response")

    def __init__(self) -> None:
        self.begun = False
        self.response: httpx2.Response | None = None


_call: ContextVar[Call | None] = ContextVar("call of a service", default=None)


class SdkChatProvider(ServiceChatProvider):
    """A chat provider that speaks through the official library of its service.

    A subclass names its ``module`` and ``package``, makes the library's client and tells how to read its errors. The
    import begins when the provider is made, in a thread: it takes a second and more, in which conversations go on.
    """

    module = ""
    package = ""

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self._making: asyncio.Task[Any] | None = None
        self._http: httpx2.AsyncClient | None = None

    async def initialize(self) -> None:
        """Begin to import the library.

        Raises:
            ServiceError: It is not installed.
        """
        if await asyncio.to_thread(_is_missing, self.module):
            raise self._not_installed()
        self._begin()

    async def terminate(self) -> None:
        """Close the connections."""
        making, self._making = self._making, None
        if making is not None:
            await asyncio.wait({making})
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    @abstractmethod
    def make_client(self, library: Any, http: httpx2.AsyncClient) -> Any:
        """The library's client over that HTTP client; runs in a thread."""

    @abstractmethod
    def refusal(self, error: Exception) -> tuple[int, Any, str | None] | None:
        """Status, body and ``Retry-After`` of a failure that the service itself reported; None for any other."""

    async def client(self) -> Any:
        """The library's client; the first call waits for the import.

        Raises:
            ServiceError: The library is not installed.
        """
        making = self._begin()
        try:
            return await asyncio.shield(making)
        except ImportError as error:
            raise self._not_installed() from error

    @asynccontextmanager
    async def calling(self, model: str = "") -> AsyncIterator[Call]:
        """Turn what the library raises into coded errors, and close an answer that is left before its end.

        Args:
            model: Named where it may be the reason.
        """
        call = Call()
        _call.set(call)
        try:
            yield call
            if call.response is not None and call.response.headers.get("content-type", "").startswith("text/html"):
                # The libraries take a web page for a stream without an event.
                raise self.blame.nonsense("a web page")
        except BotError:
            raise
        except Exception as error:
            raise self._coded(error, model, begun=call.begun) from error
        finally:
            if call.response is not None:
                # Not left to the library: the Gemini one holds its answers in a cycle until the garbage is collected.
                await call.response.aclose()

    def _begin(self) -> asyncio.Task[Any]:
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._make), name=f"import of {self.module}")
            # A failure is told to whoever calls; where nobody does, it is not worth a line in the log.
            self._making.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._making

    def _make(self) -> Any:
        library = importlib.import_module(self.module)
        import httpx2

        self._http = httpx2.AsyncClient(
            timeout=None,
            limits=httpx2.Limits(max_connections=CONNECTIONS, keepalive_expiry=IDLE_SECONDS),
            proxy=self.proxy or None,
            trust_env=False,
            event_hooks={"request": [self._limit], "response": [_note]},
        )
        return self.make_client(library, self._http)

    async def _limit(self, request: httpx2.Request) -> None:
        """Set the time-outs of a request here: both libraries hand over ones of their own."""
        waits = {"connect": min(CONNECT_SECONDS, self.timeout), "pool": CONNECT_SECONDS}
        request.extensions["timeout"] = {"read": self.timeout, "write": self.timeout, **waits}

    def _coded(self, error: Exception, model: str, *, begun: bool) -> ServiceError:
        if (refused := self.refusal(error)) is not None:
            status, body, retry_after = refused
            said = body if isinstance(body, str) else json.dumps(body)
            return self.blame.status(status, said, model=model, retry_after=retry_after)
        import httpx2

        # The libraries wrap what the network did, if it fails before the answer begins.
        cause = error if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL)) else error.__cause__
        if isinstance(cause, (httpx2.HTTPError, httpx2.InvalidURL)):
            return self._network(cause, begun=begun)
        if isinstance(error, ValueError):  # JSON, Unicode and pydantic's errors are of this kind
            return self.blame.nonsense()
        return self.blame.said(f"{type(error).__name__}: {error}", "protocol")

    def _network(self, error: Exception, *, begun: bool) -> ServiceError:
        import httpx2

        where = host_of(self.base_url)
        match error:
            case httpx2.ConnectTimeout():
                return self.blame.unreachable(where, "no connection")
            case httpx2.TimeoutException():
                return self.blame.timeout("further output" if begun else "answer", self.timeout)
            case httpx2.ConnectError():
                return self.blame.unreachable(where, _why(error))
            case httpx2.ProxyError():
                return self.blame.unreachable(where, "the proxy failed")
            case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
                return self.blame.unreachable(where, "the address is not valid")
            case httpx2.DecodingError():
                return self.blame.nonsense()
            case _ if begun:
                return self.blame.cut()
            case _:
                return self.blame.unreachable(where, "it closed the connection without an answer")

    def _not_installed(self) -> ServiceError:
        remedy = f"Install it, for example with: pip install {self.package}"
        return self.blame.missing(f"the library {self.package}", remedy)


async def _note(response: httpx2.Response) -> None:
    if (call := _call.get()) is not None:
        call.response = response


def _is_missing(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is None
    except ImportError:
        return True  # the package that would hold it is not there either


def _why(error: BaseException) -> str:
    """What was behind a connection that was not made."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return "the connection was refused"
        if isinstance(cause, socket.gaierror):
            return "the name is not known"
        if isinstance(cause, ssl.SSLError):
            return "its TLS certificate was not accepted"
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
            continue
        cause = cause.__cause__ or cause.__context__
    return "no connection"
