"""The one tree of errors people and programs see.

Every class has a stable ``code``. The same code stands in the wire frame, the HTTP envelope, the
documentation (``docs/errors.md``) and the web UI. ``message`` is written for the person who reads it:
what happened and what to do. It never holds a stack trace, a path on the server or a secret.
"""

from __future__ import annotations

from typing import ClassVar


class BotError(Exception):
    """Base of every error with a stable code.

    Args:
        message: What happened and what to do, for the person who reads it.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    default_message: ClassVar[str] = "Something went wrong on the server. Its log has the details."

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)


class InternalError(BotError):
    """A defect of the server itself; the log holds the details."""


# --- what a client sent ------------------------------------------------------------------------


class InvalidMessageFormat(BotError):
    """A frame that is not JSON, not an object, of unknown type, or with a missing or wrong field."""

    code = "INVALID_MESSAGE_FORMAT"
    default_message = "The message has the wrong format."


class InvalidMessage(BotError):
    """A connection parameter with a value outside its set."""

    code = "INVALID_MESSAGE"
    default_message = "The message is invalid."


class BadRequest(BotError):
    """Input of an HTTP route that does not fit its schema."""

    code = "BAD_REQUEST"
    default_message = "The request is invalid."


class InvalidAudio(BotError):
    """Audio that is not Base64 or not whole 16-bit samples."""

    code = "INVALID_AUDIO"
    default_message = "Audio must be Base64 of 16-bit little-endian PCM."


class StampMismatch(BotError):
    """``end_speaking`` names another segment than the open one."""

    code = "STAMP_MISMATCH"
    default_message = "The stamp is not that of the open voice segment."


class NoAudio(BotError):
    """A voice segment without any audio."""

    code = "NO_AUDIO"
    default_message = "The voice segment holds no audio."


class NoSpeech(BotError):
    """A voice segment in which no speech was recognised."""

    code = "NO_SPEECH"
    default_message = "No speech was recognised. Please speak again."


class TooLarge(BotError):
    """Input over a configured limit."""

    code = "TOO_LARGE"
    default_message = "The input is over the limit."


class UnsupportedMediaType(BotError):
    """A request body or file of a type the route does not take."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    default_message = "This media type is not supported here."


# --- who is asking -----------------------------------------------------------------------------


class Unauthorized(BotError):
    """No credential, or one that is wrong, expired or revoked."""

    code = "UNAUTHORIZED"
    default_message = "Not signed in."


class Forbidden(BotError):
    """A valid credential that does not allow this."""

    code = "FORBIDDEN"
    default_message = "Not allowed."


class BadUser(BotError):
    """The user named is missing or is not the connection's user."""

    code = "BAD_USER"
    default_message = "The user does not fit this connection."


class SessionError(BotError):
    """A session that does not exist for this user."""

    code = "SESSION_ERROR"
    default_message = "session_id belongs to another username"


class NotFound(BotError):
    """The object named does not exist."""

    code = "NOT_FOUND"
    default_message = "Not found."


class MethodNotAllowed(BotError):
    """The route exists, but not for this HTTP method."""

    code = "METHOD_NOT_ALLOWED"
    default_message = "This method is not allowed here."


class Conflict(BotError):
    """The change clashes with what is there."""

    code = "CONFLICT"
    default_message = "This clashes with what is already there."


class RateLimited(BotError):
    """Too many requests.

    Args:
        message: For the reader.
        retry_after: Seconds until a new try makes sense.
    """

    code = "RATE_LIMITED"
    default_message = "Too many requests. Please wait."

    def __init__(self, message: str | None = None, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


# --- the state of the house --------------------------------------------------------------------


class ConfigError(BotError):
    """A setting or profile that is missing, unknown or of the wrong type."""

    code = "CONFIG_ERROR"
    default_message = "A setting is wrong."


class Unavailable(BotError):
    """A part that is not there right now: starting, stopping, or without its store."""

    code = "UNAVAILABLE"
    default_message = "The service is not available right now. Please try again."


class StorageError(Unavailable):
    """The data directory or database could not be read or written."""

    code = "STORAGE_ERROR"
    default_message = "The server could not store or read its data. Check the disk and the server's log."


class AtCapacity(Unavailable):
    """The process takes no further live session."""

    code = "AT_CAPACITY"
    default_message = "The server is at capacity. Please try again in a moment."


# --- a turn ------------------------------------------------------------------------------------


class ProcessingError(BotError):
    """A turn that can't be started or can't go on."""

    code = "PROCESSING_ERROR"
    default_message = "The message could not be processed."


class SessionBusy(ProcessingError):
    """New input while a turn runs and barge-in is off."""

    default_message = "Session is busy"


class Interrupted(BotError):
    """The turn was stopped by its user."""

    code = "INTERRUPTED"
    default_message = "The reply was interrupted."


class SttNotConfigured(BotError):
    """No speech-to-text provider in the profile's chain."""

    code = "STT_NOT_CONFIGURED"
    default_message = "No speech-to-text provider is configured. Add one under Providers."


class LlmNotConfigured(BotError):
    """No chat model in the profile's chain."""

    code = "LLM_NOT_CONFIGURED"
    default_message = "No chat model is configured. Add one under Providers."


class ProviderError(BotError):
    """A provider failed.

    Args:
        message: The provider's name and what a user can act on; no stack trace, no secret.
        provider_id: Id of the provider that failed.
        retryable: Whether another provider of the chain may be tried.
    """

    code = "PROVIDER_ERROR"
    default_message = "The provider failed."

    def __init__(self, message: str | None = None, provider_id: str = "", retryable: bool = True) -> None:
        super().__init__(message)
        self.provider_id = provider_id
        self.retryable = retryable


class TurnTimeout(BotError):
    """A stage of a turn went over its deadline."""

    code = "TIMEOUT"
    default_message = "The reply took too long and was given up."


class PluginError(BotError):
    """A plugin failed to install, load, start or handle an event.

    Args:
        message: The plugin's name and what went wrong.
        plugin: The plugin's name.
    """

    code = "PLUGIN_ERROR"
    default_message = "A plugin failed."

    def __init__(self, message: str | None = None, plugin: str = "") -> None:
        super().__init__(message)
        self.plugin = plugin


def error_tree() -> dict[str, type[BotError]]:
    """Every stable code with the class that introduces it (the most general one where several share it)."""
    found: dict[str, type[BotError]] = {}
    pending: list[type[BotError]] = [BotError]
    while pending:
        cls = pending.pop(0)
        found.setdefault(cls.code, cls)
        pending.extend(cls.__subclasses__())
    return found
