"""What the contract suite needs to know of a provider, and of the service behind it.

A row of the suite is a ``Subject``: a registered type, how it is configured, and how its service is started. The tests
(``test_chat.py``, ``test_speech.py``, ``test_recognition.py``, ``test_embedding.py``) ask the same of each row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest

from astrbot_like.api.kit.errors import Failure

RIGHT_KEY = "right-key"
WRONG_KEY = "sk-wrong0123456789abcdef"
PROVIDER_ID = "mine"
TIMEOUT = 0.5
"""Seconds after which a provider gives up a service that is silent for good."""
PATIENCE = 60.0
"""Seconds that a provider waits for one that answers, on a machine that may be busy."""


class Fault(StrEnum):
    """What can go wrong with a service."""

    BAD_KEY = "bad key"
    RATE_LIMIT = "rate limit"
    QUOTA = "out of quota"
    SERVER = "server error"
    CUT = "cut in mid-stream"
    SILENCE = "silent in mid-stream"
    NONSENSE = "nonsense"
    REFUSED = "connection refused"


FAILURES: dict[Fault, Failure] = {
    Fault.BAD_KEY: "auth",
    Fault.RATE_LIMIT: "rate_limit",
    Fault.QUOTA: "rate_limit",
    Fault.SERVER: "server",
    Fault.CUT: "cut",
    Fault.SILENCE: "timeout",
    Fault.NONSENSE: "protocol",
    Fault.REFUSED: "unreachable",
}
ADVICE: dict[Fault, str] = {
    Fault.BAD_KEY: "Check the key",
    Fault.RATE_LIMIT: "Wait a moment or check the account",
    Fault.QUOTA: "heck the account",
    Fault.SERVER: "Try again later",
    Fault.CUT: "Try again",
    Fault.SILENCE: "Try again, or choose a longer timeout",
    Fault.NONSENSE: "Check that the base URL",
    Fault.REFUSED: "Check the base URL, the network, and that the service runs",
}
"""What the error tells people to do."""


class Service(ABC):
    """The service behind a provider under test.

    Attributes:
        url: Where it is.
        retry_after: Seconds it asks to wait when it is over its rate limit; None when it does not say.
    """

    url: str
    retry_after: float | None = None

    @abstractmethod
    def meet(self, fault: Fault) -> None:
        """Fail in this way from now on."""

    @abstractmethod
    def slow_down(self) -> None:
        """Leave some time between the pieces of a stream from now on."""

    @abstractmethod
    def hold(self) -> None:
        """Fall silent after the first pieces of a stream, until ``release``."""

    @abstractmethod
    def release(self) -> None:
        """Go on with what is held."""

    @abstractmethod
    def hurry(self) -> None:
        """Be as fast as possible again."""

    @property
    @abstractmethod
    def aborted(self) -> int:
        """Answers whose client went away before their end."""

    @property
    @abstractmethod
    def under_way(self) -> int:
        """Requests that are being answered."""

    @property
    def heard(self) -> int:
        """Bytes of sound that came in while its speaker was still speaking."""
        raise NotImplementedError(f"{type(self).__name__} takes no speech while it is spoken")

    @property
    @abstractmethod
    def sent(self) -> str:
        """What the latest request carried: address, headers and body as text."""


@dataclass(frozen=True)
class Subject:
    """A provider under test.

    Attributes:
        type: Its registered type name.
        make: Its class.
        serve: Starts its service.
        config: Options beside id, type and timeout; takes the service's address and a key.
        faults: The failures its service can have.
        expected: What comes of an input, such as the samples of a text or the transcript of any sound.
        arrange: Called with the service where a test needs the model to call a tool.
        moved: Makes the provider look for its service elsewhere, where no option does.
        variant: Tells subjects of one type apart, such as by the service's interface.
    """

    type: str
    make: Callable[[dict[str, Any], dict[str, Any]], Any]
    serve: Callable[[], AbstractAsyncContextManager[Service]]
    config: Callable[[str, str], Mapping[str, Any]]
    faults: Sequence[Fault] = tuple(Fault)
    expected: Any = None
    arrange: Callable[[Service], None] = field(default=lambda service: None)
    moved: Callable[[str], AbstractContextManager[None]] = field(default=lambda url: nullcontext())
    variant: str = ""

    @property
    def name(self) -> str:
        """How it is called in reports of the tests."""
        return f"{self.type}-{self.variant}" if self.variant else self.type

    def provider(self, url: str, key: str = RIGHT_KEY, timeout: float = PATIENCE) -> Any:
        """An instance that looks for its service there."""
        return self.make({**self.options(url, key, timeout), "id": PROVIDER_ID, "type": self.type}, {})

    def options(self, url: str, key: str = RIGHT_KEY, timeout: float = PATIENCE) -> dict[str, Any]:
        """Its configuration, without id and type."""
        return {"timeout": timeout, **self.config(url, key)}


@dataclass
class Running:
    """A provider under test with its service.

    Attributes:
        closed_url: An address at which nobody listens.
    """

    subject: Subject
    service: Service
    provider: Any
    closed_url: str

    @asynccontextmanager
    async def failing(self, fault: Fault) -> AsyncIterator[Any]:
        """A provider that meets this fault."""
        url = self.closed_url if fault is Fault.REFUSED else self.service.url
        if fault is not Fault.REFUSED:
            self.service.meet(fault)
        with self.subject.moved(url):
            key = WRONG_KEY if fault is Fault.BAD_KEY else RIGHT_KEY
            provider = self.subject.provider(url, key, TIMEOUT if fault is Fault.SILENCE else PATIENCE)
            try:
                yield provider
            finally:
                await ended(provider)


async def ended(provider: Any) -> None:
    """Let a provider close its connections; not all have any."""
    if hasattr(provider, "terminate"):
        await provider.terminate()


def each(subjects: Sequence[Subject], ability: str) -> pytest.MarkDecorator:
    """Run a test with each of these, and note that it exercises the ability."""
    rows = [pytest.param(one, id=one.name, marks=pytest.mark.exercises(one.type, ability)) for one in subjects]
    return pytest.mark.parametrize("running", rows, indirect=True)


def each_fault(subjects: Sequence[Subject]) -> pytest.MarkDecorator:
    """Run a test with each of these and each failure that its service can have."""
    rows = [
        pytest.param(one, fault, id=f"{one.name}-{fault}", marks=pytest.mark.exercises(one.type, "error mapping"))
        for one in subjects
        for fault in one.faults
    ]
    return pytest.mark.parametrize(("running", "fault"), rows, indirect=["running"])
