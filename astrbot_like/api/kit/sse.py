"""Server-sent events out of raw bytes, with as little work for each event as Python allows.

Source: the event stream format of the HTML standard (section 9.2.6). Field names other than ``data`` are skipped:
all language-model services repeat the event's type inside the data.
"""

from __future__ import annotations

_MOST = 32 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_END = b"[DONE]"


def is_end(data: bytes) -> bool:
    """Whether an event is the end mark of OpenAI's streams, and of those that imitate them."""
    return data.startswith(b"[") and data.strip() == _END


class EventTooLarge(ValueError):
    """An event that does not end."""


class SseParser:
    """Feed it what the network gives; it returns the data of every event that is complete."""

    __slots__ = ("_data", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that this chunk completes.

        Raises:
            EventTooLarge: An event outgrew 32 MiB.
        """
        buffer = self._rest + chunk if self._rest else chunk
        lines = buffer.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _MOST:
            raise EventTooLarge("an event of more than 32 MiB")
        events: list[bytes] = []
        for line in lines:
            if line.endswith(b"\r"):
                line = line[:-1]
            line = line.removeprefix(_BYTE_ORDER_MARK)
            if not line:
                if self._data:
                    events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                    self._data = []
            elif line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        return events

    def close(self) -> list[bytes]:
        """The data of a last event whose closing blank line never came; some servers leave it out."""
        events = self.feed(b"\n\n") if self._rest or self._data else []
        self._rest, self._data = b"", []
        return events
