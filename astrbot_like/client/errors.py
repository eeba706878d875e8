"""What can go wrong between a client and the bot."""

from __future__ import annotations


class ClientError(Exception):
    """Base of everything the client raises."""


class ApiError(ClientError):
    """The server refused a request.

    Attributes:
        status: HTTP status.
        code: Code of the error tree (docs/errors.md), or empty.
    """

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Refused(ClientError):
    """An error frame in answer to something this client sent.

    Attributes:
        code: Code of the frame.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ConnectionClosed(ClientError):
    """The socket is closed.

    Attributes:
        code: WebSocket close code; 1006 when the connection was lost.
        reason: The server's reason.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"connection closed ({code}{': ' + reason if reason else ''})")
        self.code = code
        self.reason = reason

    @property
    def final(self) -> bool:
        """Whether connecting again with the same credential makes no sense (1008: refused)."""
        return self.code == 1008
