"""Failures of remote services as coded errors with a sentence that helps."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from astrbot_like.domain.errors import ProviderError

Failure: TypeAlias = Literal[
    "auth", "not_found", "rate_limit", "bad_request", "server", "timeout", "unreachable", "cut", "protocol", "missing"
]
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|key|AIza|xox[bp]|gsk|Bearer)[-_ ][\w-]{6,}|\bAIza[\w-]{10,}|[\w-]{40,}", re.IGNORECASE
)
_MOST = 240
_FOREIGN = "an answer that is not of its protocol"
_Decoded = TypeVar("_Decoded")
_REMEDIES: dict[Failure, str] = {
    "auth": " Check the key under Providers.",
    "not_found": " Check the names of model and voice under Providers.",
    "rate_limit": " Wait a moment or check the account.",
    "timeout": " Try again.",
    "server": " Try again later.",
}
_KINDS: dict[int, Failure] = {
    401: "auth",
    402: "rate_limit",
    403: "auth",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    504: "timeout",
}


class ServiceError(ProviderError):
    """A remote service or local engine behind a provider failed.

    Args:
        message: What happened and what to do.
        provider_id: Id of the provider that failed.
        failure: What kind of failure, for circuit breakers and retries.
        status: HTTP status, 0 where there was none.
        retry_after: Seconds the service asks to wait, where it says so.
    """

    def __init__(
        self,
        message: str,
        provider_id: str = "",
        *,
        failure: Failure = "server",
        status: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, provider_id=provider_id, retryable=True)
        self.failure: Failure = failure
        self.status = status
        self.retry_after = retry_after


class Blame:
    """Words every failure of one provider in the same way.

    Args:
        provider_id: The provider's id, as people know it from the dashboard.
        service: The service's name, such as ``OpenAI``.
    """

    def __init__(self, provider_id: str, service: str) -> None:
        self.provider_id = provider_id
        self.service = service

    @property
    def _who(self) -> str:
        return f"{self.service} (provider {self.provider_id})" if self.provider_id else self.service

    def status(
        self,
        status: int,
        body: bytes | str,
        *,
        model: str = "",
        retry_after: str | None = None,
        failure: Failure | None = None,
    ) -> ServiceError:
        """The error for an HTTP answer that is none of the 2xx.

        Args:
            status: HTTP status.
            body: The answer's body; its own message is quoted, shortened and without secrets.
            model: The model asked for, named where it may be the reason.
            retry_after: The header of that name.
            failure: What kind of failure it is, where the service means something else by this status.
        """
        if 300 <= status < 400:
            text = f"{self._who} redirects to another address ({status}). Set the base URL under Providers to that one."
            return ServiceError(text, self.provider_id, failure="protocol", status=status)
        kind = failure or _kind_of(status)
        match kind:
            case "auth":
                text = f"refused the API key ({status}). Check the key under Providers."
            case "not_found":
                subject = f"the model {model!r} or the address" if model else "the address"
                text = f"does not know {subject} ({status}). Check the model's name and the base URL under Providers."
            case "rate_limit" if status == 402:
                text = "asks for payment (402). Check the account's balance."
            case "rate_limit":
                text = f"is over its rate limit or out of quota ({status}). Wait a moment or check the account."
            case "timeout":
                text = f"took too long ({status}). Try again."
            case "server":
                text = f"has a fault of its own ({status}). Try again later."
            case _:
                text = f"rejected the request ({status})."
        return ServiceError(
            f"{self._who} {text}{_quoted(service_message(body))}",
            self.provider_id,
            failure=kind,
            status=status,
            retry_after=_seconds(retry_after),
        )

    def said(self, message: str, failure: Failure = "server") -> ServiceError:
        """The error for a failure that the service reports within a good answer or a stream."""
        quoted, remedy = _quoted(message), _REMEDIES.get(failure, "")
        stop = "." if quoted and remedy and quoted[-1] not in ".!?…。！？" else ""
        return ServiceError(f"{self._who} reported an error.{quoted}{stop}{remedy}", self.provider_id, failure=failure)

    def timeout(self, what: str = "answer", seconds: float | None = None) -> ServiceError:
        """The error for a wait that was given up."""
        after = f" within {seconds:g} s" if seconds else ""
        return ServiceError(
            f"{self._who} gave no {what}{after}. Try again, or choose a longer timeout.",
            self.provider_id,
            failure="timeout",
        )

    def unreachable(self, where: str, why: str = "") -> ServiceError:
        """The error for a service that can't be connected to."""
        reason = f" ({why})" if why else ""
        return ServiceError(
            f"{self._who} can't be reached at {where}{reason}. "
            "Check the base URL, the network, and that the service runs.",
            self.provider_id,
            failure="unreachable",
        )

    def cut(self) -> ServiceError:
        """The error for an answer that ends in the middle."""
        return ServiceError(
            f"{self._who} broke off in the middle of its answer. Try again.", self.provider_id, failure="cut"
        )

    def nonsense(self, what: str = _FOREIGN) -> ServiceError:
        """The error for an answer that can't be understood."""
        return ServiceError(
            f"{self._who} gave {what}. Check that the base URL is that of such a service.",
            self.provider_id,
            failure="protocol",
        )

    def decoded(self, decoder: msgspec.json.Decoder[_Decoded], data: bytes | str, what: str = _FOREIGN) -> _Decoded:
        """What the service sent, decoded.

        Raises:
            ServiceError: It gave ``what`` instead.
        """
        try:
            return decoder.decode(data)
        except ValueError as error:  # msgspec's errors are of this kind, and those of UTF-8
            raise self.nonsense(what) from error

    def missing(self, what: str, remedy: str) -> ServiceError:
        """The error for a library, model or setting that is not there."""
        return ServiceError(f"{self._who} needs {what}. {remedy}", self.provider_id, failure="missing")


def service_message(body: bytes | str) -> str:
    """The sentence in an error body, whichever of the services' forms it has; else the text."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        decoded: Any = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError):
        return "" if text.lstrip().startswith("<") else text.strip()
    return _find_message(decoded) or ""


def _kind_of(status: int) -> Failure:
    return _KINDS.get(status) or ("server" if status >= 500 else "bad_request")


def _find_message(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _find_message(value[0]) if value else ""
    if isinstance(value, dict):
        for key in ("error", "detail", "Exception", "message", "msg", "error_msg", "Message", "errors"):
            if value.get(key):
                return _find_message(value[key])
    return ""


def redact(text: str) -> str:
    """The text with everything that looks like a key taken out."""
    return _SECRET.sub("[redacted]", text)


def _quoted(message: str) -> str:
    bare = redact(" ".join(message.split()))
    return f" It said: {bare[:_MOST]}{'…' if len(bare) > _MOST else ''}" if bare else ""


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None  # the HTTP date form; callers fall back to their own back-off
