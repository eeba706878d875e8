"""Base class of platform adapters."""

from __future__ import annotations

import abc
import asyncio
import enum
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from astrbot_like.api.chain import MessageChain
from astrbot_like.api.incoming import AstrBotMessage, MessageSession, PlatformMetadata
from astrbot_like.api.message_event import AstrMessageEvent

KEPT_ERRORS = 50
"""Errors an adapter remembers; older ones are forgotten."""


class PlatformStatus(enum.Enum):
    """What an adapter is doing."""

    PENDING = "pending"
    RUNNING = "running"
    ERROR = "error"
    STOPPED = "stopped"


@dataclass
class PlatformError:
    """Something that went wrong in an adapter."""

    message: str
    timestamp: datetime = field(default_factory=datetime.now)
    traceback: str | None = None


class Platform(abc.ABC):
    """A connection to a messenger.

    The host builds it as ``cls(platform_config, platform_settings, event_queue)``; subclasses call
    ``super().__init__(config, event_queue)``. Old ones call it with the queue alone, which is accepted.

    Args:
        config: The instance's configuration.
        event_queue: Where events go; see ``commit_event``.
    """

    def __init__(self, config: Any = None, event_queue: Any = None) -> None:
        if event_queue is None:
            config, event_queue = {}, config
        self.config: dict[str, Any] = config
        self._event_queue: asyncio.Queue[Any] = event_queue
        self.client_self_id = uuid.uuid4().hex
        self._status = PlatformStatus.PENDING
        self._errors: list[PlatformError] = []
        self._started_at: datetime | None = None

    @property
    def status(self) -> PlatformStatus:
        """What the adapter is doing."""
        return self._status

    @status.setter
    def status(self, value: PlatformStatus) -> None:
        self._status = value
        if value == PlatformStatus.RUNNING and self._started_at is None:
            self._started_at = datetime.now()

    @property
    def errors(self) -> list[PlatformError]:
        """The latest errors, oldest first."""
        return self._errors

    @property
    def last_error(self) -> PlatformError | None:
        """The latest error."""
        return self._errors[-1] if self._errors else None

    def record_error(self, message: str, traceback_str: str | None = None) -> None:
        """Note an error; the status becomes ERROR."""
        self._errors.append(PlatformError(message, traceback=traceback_str))
        del self._errors[:-KEPT_ERRORS]
        self._status = PlatformStatus.ERROR

    def clear_errors(self) -> None:
        """Forget the errors; an adapter in ERROR counts as running again."""
        self._errors.clear()
        if self._status == PlatformStatus.ERROR:
            self._status = PlatformStatus.RUNNING

    def unified_webhook(self) -> bool:
        """Whether the platform calls the host's webhook address."""
        return bool(self.config.get("unified_webhook_mode") and self.config.get("webhook_uuid"))

    def get_stats(self) -> dict[str, Any]:
        """Figures for the dashboard."""
        meta = self.meta()
        last = self.last_error
        shown_error = last and {
            "message": last.message,
            "timestamp": last.timestamp.isoformat(),
            "traceback": last.traceback,
        }
        display_name = meta.adapter_display_name or meta.name
        return {
            "id": meta.id or self.config.get("id"),
            "type": meta.name,
            "display_name": display_name,
            "status": self._status.value,
            "started_at": self._started_at.isoformat() if self._started_at else None,
            "error_count": len(self._errors),
            "last_error": shown_error,
            "unified_webhook": self.unified_webhook(),
            "meta": {
                "id": meta.id,
                "name": meta.name,
                "display_name": display_name,
                "description": meta.description,
                "support_streaming_message": meta.support_streaming_message,
                "support_proactive_message": meta.support_proactive_message,
            },
        }

    @abc.abstractmethod
    def run(self) -> Coroutine[Any, Any, None]:
        """The coroutine that lives as long as the platform does."""
        raise NotImplementedError

    @abc.abstractmethod
    def meta(self) -> PlatformMetadata:
        """This instance's metadata; ``id`` is the instance's."""
        raise NotImplementedError

    async def terminate(self) -> None:  # noqa: B027 - optional
        """Stop; override to close connections."""

    async def send_by_session(self, session: MessageSession, message_chain: MessageChain) -> None:  # noqa: B027
        """Send without an event; override where the platform can."""

    def commit_event(self, event: AstrMessageEvent) -> None:
        """Hand an event to the host."""
        self._event_queue.put_nowait(event)

    def create_event(self, message: AstrBotMessage) -> AstrMessageEvent:
        """The event for a message; override to give an event class of your own."""
        return AstrMessageEvent(
            message_str=message.message_str,
            message_obj=message,
            platform_meta=self.meta(),
            session_id=message.session_id,
        )

    def get_client(self) -> object:
        """The platform's client object, for plugins that know it."""
        return None

    async def webhook_callback(self, request: Any) -> Any:
        """Answer a call of the host's webhook address.

        Raises:
            NotImplementedError: The platform has none.
        """
        raise NotImplementedError(f"Platform {self.meta().name} takes no webhook calls.")


__all__ = [
    "KEPT_ERRORS",
    "Platform",
    "PlatformError",
    "PlatformStatus",
]
