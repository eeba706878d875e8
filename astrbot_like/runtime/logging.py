"""Logs: one line an event, static messages with values as fields, the turn's id on each, secrets masked.

Library code only uses ``logging.getLogger(__name__)`` and ``extra={…}``. The host calls ``start_logging`` once; the
``LogBus`` it returns keeps the newest lines for the dashboard and hands new ones to those who watch.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Literal, TextIO, TypeAlias

import msgspec

from astrbot_like.runtime.clock import iso_utc
from astrbot_like.runtime.redaction import redact

LogFormat: TypeAlias = Literal["json", "logfmt"]

HISTORY_LIMIT = 5000
"""Lines the bus keeps."""

WATCHER_LIMIT = 1000
"""Lines a watcher may lag behind; then its oldest are dropped and counted."""

PLUGIN_LOGGERS = "astrbot.plugin."
"""Names of plugins' own loggers begin so; their threads log without a context."""

LONGEST_VALUE = 4000
"""Characters of one field; the rest is cut, tracebacks at the front."""

_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, further ends of lines, and those that turn text round."""

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default={})  # noqa: B039 - never mutated

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def add_log_context(**fields: str) -> None:
    """Put ``turn_id``, ``session_id``, ``plugin`` … on every line logged from now on in the running context, which is
    that of a task or was made for some code alone; tasks started there have it, too."""
    _context.set({**_context.get(), **fields})


class LogLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of the log.

    Attributes:
        id: Increasing within the process.
        ts: Seconds since the epoch.
        level: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or ``CRITICAL``.
        logger: Who said it.
        message: Static text.
        fields: The values.
        plugin, session_id, turn_id: Where it happened; empty: nowhere in particular.
        error: The traceback of a failure, for the operator; empty when there is none.
    """

    id: int
    ts: float
    level: str
    logger: str
    message: str
    fields: dict[str, Any] = {}
    plugin: str = ""
    session_id: str = ""
    turn_id: str = ""
    error: str = ""


class LogFilter(msgspec.Struct, frozen=True):
    """What a reader of the log wants to see; empty fields leave everything through."""

    level: str = ""
    plugin: str = ""
    session_id: str = ""
    turn_id: str = ""

    def admits(self, line: LogLine) -> bool:
        """Whether ``line`` is wanted; ``level`` admits that level and what is graver."""
        if self.level and _level_number(line.level) < _level_number(self.level):
            return False
        return (
            (not self.plugin or line.plugin == self.plugin)
            and (not self.session_id or line.session_id == self.session_id)
            and (not self.turn_id or line.turn_id == self.turn_id)
        )


def to_line(record: logging.LogRecord, number: int) -> LogLine:
    """A record with its context, redacted."""
    context = getattr(record, "log_context", None) or _context.get()
    fields = {key: _plain(value) for key, value in vars(record).items() if key not in _STANDARD | {"log_context"}}
    named = {key: str(fields.pop(key, context.get(key, ""))) for key in ("plugin", "session_id", "turn_id")}
    if not named["plugin"] and record.name.startswith(PLUGIN_LOGGERS):
        named["plugin"] = record.name[len(PLUGIN_LOGGERS) :]
    fields.update({key: value for key, value in context.items() if key not in named and key not in fields})
    error = ""
    if record.exc_info and record.exc_info[0] is not None:
        # Cut before it is looked through as well, for a stranger decides how long some texts are.
        traceback = logging.Formatter().formatException(record.exc_info)[-2 * LONGEST_VALUE :]
        error = redact(traceback)[-LONGEST_VALUE:]
    return LogLine(
        id=number,
        ts=record.created,
        level=record.levelname,
        logger=record.name,
        message=_bounded(record.getMessage()),
        fields=fields,
        error=error,
        **named,
    )


def format_json(line: LogLine) -> str:
    """A line as one JSON object."""
    shown: dict[str, Any] = {"ts": iso_utc(line.ts), "level": line.level, "logger": line.logger, "msg": line.message}
    shown.update({key: value for key, value in _named(line) if value})
    return _one_line(msgspec.json.encode({**shown, **line.fields}, enc_hook=str).decode())


def format_logfmt(line: LogLine) -> str:
    """A line as ``key=value`` pairs."""
    message = _one_line(line.message.replace("\n", "\\n"))
    pairs = [f"{iso_utc(line.ts)} {line.level:<7} {line.logger}: {message}"]
    values = [*((key, value) for key, value in _named(line) if value and key != "error"), *line.fields.items()]
    pairs += [f"{key}={_quoted(value)}" for key, value in values]
    if line.error:
        pairs.append(f"error={_quoted(line.error)}")
    return " ".join(pairs)


class LogBus(logging.Handler):
    """Writes lines out, keeps the newest, and hands each to those who watch. Safe to log to from any thread.

    Args:
        stream: Where lines are written; None: nowhere.
        style: ``json`` or ``logfmt``.
        limit: Lines kept.
    """

    def __init__(
        self, stream: TextIO | None = None, style: LogFormat = "logfmt", *, limit: int = HISTORY_LIMIT
    ) -> None:
        super().__init__()
        self._stream = stream
        self._format: Callable[[LogLine], str] = format_json if style == "json" else format_logfmt
        self._lines: deque[LogLine] = deque(maxlen=limit)
        self._numbers = itertools.count(1)
        self._watchers: set[LogWatcher] = set()
        self._watchers_lock = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record in."""
        try:
            line = to_line(record, next(self._numbers))
            self._lines.append(line)
            if self._stream is not None:
                self._stream.write(self._format(line) + "\n")
                self._stream.flush()
            with self._watchers_lock:
                watchers = tuple(self._watchers)
            for watcher in watchers:
                watcher.offer(line)
        except Exception:  # noqa: BLE001 - a line that can't be logged must not harm who logged it
            self.handleError(record)

    def history(self, wanted: LogFilter | None = None, *, before: int | None = None, limit: int = 500) -> list[LogLine]:
        """The newest lines that ``wanted`` admits, oldest first.

        Args:
            wanted: None admits all.
            before: Only lines with a smaller id.
            limit: At most so many.
        """
        with self.lock or threading.RLock():
            lines = tuple(self._lines)
        found: list[LogLine] = []
        for line in reversed(lines):
            if (before is None or line.id < before) and (wanted is None or wanted.admits(line)):
                found.append(line)
                if len(found) >= limit:
                    break
        found.reverse()
        return found

    def watch(self, wanted: LogFilter | None = None) -> LogWatcher:
        """New lines from now on, read on the running event loop."""
        watcher = LogWatcher(asyncio.get_running_loop(), wanted or LogFilter(), self._forget)
        with self._watchers_lock:
            self._watchers.add(watcher)
        return watcher

    def _forget(self, watcher: LogWatcher) -> None:
        with self._watchers_lock:
            self._watchers.discard(watcher)


class LogWatcher:
    """A bounded view of new lines. Iterate; ``close`` when done. ``dropped`` counts lines lost by lagging behind."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, wanted: LogFilter, forget: Callable[[LogWatcher], None]
    ) -> None:
        self._loop = loop
        self._wanted = wanted
        self._forget = forget
        self._lines: deque[LogLine] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self.dropped = 0

    def offer(self, line: LogLine) -> None:
        """Queue a line, from any thread."""
        if self._closed or not self._wanted.admits(line):
            return
        if len(self._lines) >= WATCHER_LIMIT:
            self._lines.popleft()
            self.dropped += 1
        self._lines.append(line)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def close(self) -> None:
        """End the watch; idempotent."""
        self._closed = True
        self._forget(self)
        self._wake.set()

    async def __aiter__(self) -> AsyncIterator[LogLine]:
        while not self._closed:
            while self._lines:
                yield self._lines.popleft()
            self._wake.clear()
            if not self._lines:
                await self._wake.wait()


def start_logging(
    *, level: str = "INFO", style: LogFormat = "logfmt", stream: TextIO | None = None, quiet: Iterable[str] = ()
) -> LogBus:
    """Send all logs of the process through a new bus; ``stop_logging`` undoes it.

    Args:
        level: Name of the lowest level that is kept.
        style: ``json`` or ``logfmt``.
        stream: Default is standard error.
        quiet: Loggers of libraries of which only warnings matter.
    """
    bus = LogBus(sys.stderr if stream is None else stream, style)
    root = logging.getLogger()
    root.addHandler(bus)
    root.setLevel(level.upper())
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
    return bus


def stop_logging(bus: LogBus) -> None:
    """Take the bus out again."""
    logging.getLogger().removeHandler(bus)
    bus.close()


def _named(line: LogLine) -> list[tuple[str, str]]:
    return [
        ("turn_id", line.turn_id),
        ("session_id", line.session_id),
        ("plugin", line.plugin),
        ("error", line.error),
    ]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _bounded(str(value))


def _bounded(text: str) -> str:
    return redact(text[: 2 * LONGEST_VALUE])[:LONGEST_VALUE]


def _quoted(value: Any) -> str:
    text = str(value)
    if text and not any(char in text for char in ' "=') and not _UNSHOWN.search(text):
        return text
    return _one_line(msgspec.json.encode(text).decode())


def _one_line(text: str) -> str:
    """``text`` with what would end its line, turn it round or drive a terminal written as ``\\uXXXX``, as in JSON."""
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _level_number(name: str) -> int:
    number = logging.getLevelNamesMapping().get(name.upper(), logging.NOTSET)
    return number if number else logging.NOTSET
