"""The circuit breaker: who is left out, for how long, and that a chain is never empty for it."""

from __future__ import annotations

import asyncio

import pytest

from astrbot_like.api.kit.errors import Failure, ServiceError
from astrbot_like.domain.errors import ProviderError
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.engine.breaker import LONGEST_PAUSE, Breaker
from astrbot_like.engine.providers import ProviderDirectory
from astrbot_like.runtime.clock import SystemClock
from tests.support.admin_house import FakeCatalogue
from tests.support.virtual_time import VirtualTimeLoop, run_virtual


def failed(breaker: Breaker, error: BaseException, now: float = 0.0) -> float:
    """Seconds for which the provider is left out after this failure."""
    breaker.failed(error, now, limit=3, pause=30.0)
    return max(0.0, breaker.open_until - now)


def test_it_opens_after_three_failures_and_stays_open_longer_each_time() -> None:
    breaker = Breaker()
    error = ProviderError("down")
    assert [failed(breaker, error) for _ in range(5)] == [0, 0, 30, 60, 120]
    assert not breaker.allows(119.9)
    assert breaker.allows(120.0)
    assert [failed(breaker, error) for _ in range(5)] == [240, 480, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    breaker.succeeded()
    assert breaker.allows(0.0)
    assert failed(breaker, error) == 0


@pytest.mark.parametrize(
    ("failure", "retry_after", "seconds"),
    [
        ("bad_request", None, 0),
        ("timeout", None, 0),
        ("auth", None, 30),
        ("missing", None, 30),
        ("rate_limit", None, 0),
        ("rate_limit", 7.0, 7),
        ("rate_limit", 86_400.0, LONGEST_PAUSE),
    ],
)
def test_what_a_single_failure_means(failure: Failure, retry_after: float | None, seconds: float) -> None:
    assert failed(Breaker(), ServiceError("x", failure=failure, retry_after=retry_after)) == seconds


def test_rejected_inputs_never_open_it() -> None:
    breaker = Breaker()
    assert [failed(breaker, ServiceError("x", failure="bad_request")) for _ in range(20)] == [0] * 20


def test_a_chain_goes_round_a_dead_provider_and_is_never_empty() -> None:
    async def scenario() -> list[list[str]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        directory = ProviderDirectory(FakeCatalogue(), dict, SystemClock())
        for name in ("first", "second"):
            await directory.put(ProviderConfig(name, "fake_chat", "chat_completion", {}))
        entries = {entry.id: entry for entry in directory.entries()}

        def chain() -> list[str]:
            return [entry.id for entry in directory.chain("chat_completion", ["first", "second"])]

        seen = [chain()]
        directory.failed(entries["first"], ServiceError("x", failure="auth"))
        seen.append(chain())
        directory.failed(entries["second"], ServiceError("x", failure="auth"))
        seen.append(chain())
        directory.succeeded(entries["second"])
        loop.advance(30.0)
        seen.append(chain())
        await directory.aclose()
        return seen

    assert run_virtual(scenario()) == [["first", "second"], ["second"], ["first", "second"], ["first", "second"]]
