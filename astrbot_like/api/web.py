"""For handlers of ``Context.register_web_api``: the request, and ways to answer it."""

from __future__ import annotations

import contextvars
import json as _json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

ValueT = TypeVar("ValueT")

UPLOAD_CHUNK = 1024 * 1024


class PluginMultiDict(Generic[ValueT]):
    """Values by key, in order; a key may have several."""

    def __init__(self, pairs: Iterable[tuple[str, ValueT]] = ()) -> None:
        self._pairs = list(pairs)

    def get(self, key: str, default: Any = None, type: Callable[[Any], Any] | None = None) -> Any:
        """The last value of a key.

        Args:
            default: When there is none, or ``type`` refuses it.
            type: Applied to the value; ValueError and TypeError mean that it does not fit.
        """
        values = self.getlist(key)
        if not values:
            return default
        if type is None:
            return values[-1]
        try:
            return type(values[-1])
        except (ValueError, TypeError):
            return default

    def getlist(self, key: str) -> list[ValueT]:
        """All values of a key."""
        return [value for name, value in self._pairs if name == key]

    def keys(self) -> list[str]:
        """The keys, each once."""
        return list(dict.fromkeys(name for name, _ in self._pairs))

    def values(self) -> list[ValueT]:
        """The last value of each key."""
        return [self[key] for key in self.keys()]

    def items(self) -> list[tuple[str, ValueT]]:
        """Each key with its last value."""
        return [(key, self[key]) for key in self.keys()]

    def to_dict(self) -> dict[str, ValueT]:
        """Each key with its last value."""
        return dict(self.items())

    def __getitem__(self, key: str) -> ValueT:
        values = self.getlist(key)
        if not values:
            raise KeyError(key)
        return values[-1]

    def __contains__(self, key: object) -> bool:
        return any(name == key for name, _ in self._pairs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __bool__(self) -> bool:
        return bool(self._pairs)


class PluginUploadFile:
    """An uploaded file.

    Args:
        stream: The file's content, a binary file object.
    """

    def __init__(
        self, stream: Any, filename: str | None, content_type: str | None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.stream = stream
        self.filename = filename
        self.content_type = content_type
        self.headers: Mapping[str, str] = headers or {}
        length = self.headers.get("content-length") or self.headers.get("Content-Length") or ""
        self.content_length = int(length) if length.isdigit() else None

    async def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; all with -1."""
        import asyncio

        return await asyncio.to_thread(self.stream.read, size)

    async def seek(self, offset: int) -> None:
        """Go to a byte."""
        import asyncio

        await asyncio.to_thread(self.stream.seek, offset)

    async def save(self, destination: str | Path) -> None:
        """Write the whole content into a file."""
        import asyncio

        await asyncio.to_thread(self._save, Path(destination))

    async def close(self) -> None:
        """Let go of the content."""
        self.stream.close()

    def _save(self, destination: Path) -> None:
        self.stream.seek(0)
        with destination.open("wb") as file:
            while chunk := self.stream.read(UPLOAD_CHUNK):
                file.write(chunk)


class RequestBody(Protocol):
    """How the web server gives a request's body."""

    async def body(self) -> bytes:
        """The raw body."""
        ...

    async def form(self) -> Iterable[tuple[str, str]]:
        """Fields of a form."""
        ...

    async def files(self) -> Iterable[tuple[str, PluginUploadFile]]:
        """Files of a form."""
        ...


@dataclass
class PluginRequest:
    """A request to a plugin's route.

    Attributes:
        query: The query's parameters.
        path_params: Values of ``<name>`` in the route.
        plugin_name: The plugin the route belongs to.
        username: Who is signed in.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    source: RequestBody
    query: PluginMultiDict[str] = field(default_factory=PluginMultiDict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    path_params: dict[str, Any] = field(default_factory=dict)
    content_type: str | None = None
    client_host: str | None = None
    plugin_name: str | None = None
    username: str | None = None

    async def body(self) -> bytes:
        """The raw body."""
        return await self.source.body()

    async def json(self, default: Any = None) -> Any:
        """The body as JSON; ``default`` when it is empty or not JSON."""
        raw = await self.source.body()
        try:
            return _json.loads(raw) if raw else default
        except ValueError:
            return default

    async def form(self) -> PluginMultiDict[str]:
        """Fields of a form."""
        return PluginMultiDict(await self.source.form())

    async def files(self) -> PluginMultiDict[PluginUploadFile]:
        """Files of a form."""
        return PluginMultiDict(await self.source.files())


_request: contextvars.ContextVar[PluginRequest | None] = contextvars.ContextVar("astrbot_like_web", default=None)


class PluginRequestProxy:
    """``request``: the request being answered."""

    def _current(self) -> PluginRequest:
        current = _request.get()
        if current is None:
            raise RuntimeError("request is available inside handlers of register_web_api only.")
        return current

    @property
    def method(self) -> str:
        """``GET``, ``POST`` …"""
        return self._current().method

    @property
    def path(self) -> str:
        """The URL's path."""
        return self._current().path

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names in any case."""
        return self._current().headers

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies."""
        return self._current().cookies

    @property
    def query(self) -> PluginMultiDict[str]:
        """The query's parameters."""
        return self._current().query

    @property
    def args(self) -> PluginMultiDict[str]:
        """The same as ``query``."""
        return self._current().query

    @property
    def path_params(self) -> dict[str, Any]:
        """Values of ``<name>`` in the route."""
        return self._current().path_params

    @property
    def content_type(self) -> str | None:
        """The body's type."""
        return self._current().content_type

    @property
    def client_host(self) -> str | None:
        """The client's address."""
        return self._current().client_host

    @property
    def plugin_name(self) -> str | None:
        """The plugin the route belongs to."""
        return self._current().plugin_name

    @property
    def username(self) -> str | None:
        """Who is signed in."""
        return self._current().username

    async def body(self) -> bytes:
        """The raw body."""
        return await self._current().body()

    async def json(self, default: Any = None) -> Any:
        """The body as JSON; ``default`` when it is empty or not JSON."""
        return await self._current().json(default)

    async def form(self) -> PluginMultiDict[str]:
        """Fields of a form."""
        return await self._current().form()

    async def files(self) -> PluginMultiDict[PluginUploadFile]:
        """Files of a form."""
        return await self._current().files()


request = PluginRequestProxy()
"""The request being answered."""


@contextmanager
def bind_request_context(bound: PluginRequest) -> Iterator[None]:
    """Make ``bound`` the request being answered; the web server calls it around handlers."""
    token = _request.set(bound)
    try:
        yield
    finally:
        _request.reset(token)


@dataclass
class PluginResponse:
    """An answer in one form for every web server.

    Attributes:
        body: Bytes, or chunks as they come.
        file: A file to send in place of ``body``.
    """

    body: bytes | AsyncIterator[bytes]
    status_code: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None


def json_response(data: Any = None, *, status_code: int = 200, headers: dict[str, str] | None = None) -> PluginResponse:
    """Answer with JSON."""
    body = _json.dumps(data, ensure_ascii=False, default=_encoded).encode()
    return PluginResponse(body, status_code, "application/json", dict(headers or {}))


def _encoded(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    for method in ("toDict", "model_dump", "isoformat"):
        if hasattr(value, method):
            return getattr(value, method)()
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    raise TypeError(f"{type(value).__name__} can't be given as JSON")


def error_response(
    message: str, *, status_code: int = 400, data: Any = None, headers: dict[str, str] | None = None
) -> PluginResponse:
    """Answer with ``{"status": "error", "message": …, "data": …}``."""
    body = {"status": "error", "message": message, "data": data}
    return json_response(body, status_code=status_code, headers=headers)


def file_response(
    path: str | Path,
    *,
    filename: str | None = None,
    content_type: str | None = None,
    headers: dict[str, str] | None = None,
) -> PluginResponse:
    """Answer with a file.

    Args:
        filename: Name to save it under; with it browsers download rather than show the file.
        content_type: The file's type; guessed from its name when left out.
    """
    import mimetypes
    from urllib.parse import quote

    guessed = content_type or mimetypes.guess_type(filename or str(path))[0] or "application/octet-stream"
    given = dict(headers or {})
    if filename:
        given.setdefault("Content-Disposition", f"attachment; filename*=UTF-8''{quote(filename)}")
    return PluginResponse(b"", 200, guessed, given, Path(path))


def stream_response(
    content: AsyncIterable[Any] | Iterable[Any],
    *,
    content_type: str = "text/event-stream",
    status_code: int = 200,
    headers: dict[str, str] | None = None,
) -> PluginResponse:
    """Answer piece by piece.

    Args:
        content: Pieces, text or bytes.
    """
    return PluginResponse(_pieces(content), status_code, content_type, {"Cache-Control": "no-cache", **(headers or {})})


async def _pieces(content: AsyncIterable[Any] | Iterable[Any]) -> AsyncIterator[bytes]:
    if isinstance(content, AsyncIterable):
        async for piece in content:
            yield piece.encode() if isinstance(piece, str) else bytes(piece)
    else:
        for piece in content:
            yield piece.encode() if isinstance(piece, str) else bytes(piece)


def __getattr__(name: str) -> Any:
    """The web framework's own responses, which AstrBot's module of this name lets be imported as well."""
    if name not in ("FileResponse", "JSONResponse", "StreamingResponse"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from starlette import responses

    return getattr(responses, name)


__all__ = [
    "PluginMultiDict",
    "PluginRequest",
    "PluginRequestProxy",
    "PluginResponse",
    "PluginUploadFile",
    "bind_request_context",
    "error_response",
    "file_response",
    "json_response",
    "request",
    "stream_response",
]
