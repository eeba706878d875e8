"""What holds for failures of every kind of provider."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.runtime.redaction import redact
from tests.unit.providers.contract.subjects import ADVICE, FAILURES, PROVIDER_ID, RIGHT_KEY, WRONG_KEY, Fault, Running

DEADLINE = 60.0
"""Seconds after which a test gives up; the import of a library may take many of them on a busy machine."""


def check_failure(running: Running, fault: Fault, error: ServiceError) -> None:
    """The error is of the right kind, names the provider, says what to do, and quotes no key."""
    assert error.failure == FAILURES[fault], error.message
    assert error.code == "PROVIDER_ERROR"
    assert error.provider_id == PROVIDER_ID
    assert f"provider {PROVIDER_ID}" in error.message
    assert ADVICE[fault] in error.message
    for shown in (error.message, redact("".join(traceback.format_exception(error)))):  # the latter is in debugging logs
        assert RIGHT_KEY not in shown
        assert WRONG_KEY not in shown
    if fault is Fault.RATE_LIMIT:
        assert error.retry_after == running.service.retry_after


async def wait_until(condition: Callable[[], bool]) -> None:
    """Return once it holds; the caller sets the deadline."""
    while not condition():
        await asyncio.sleep(0.005)
