"""A provider under test, with its service."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.providers.contract.subjects import Running, Subject, ended


@pytest.fixture
async def running(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    """The provider that the test is parametrised with."""
    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))
    subject: Subject = request.param
    async with subject.serve() as service:
        with subject.moved(service.url), socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # bound, so that nobody else takes the port; not listening
            provider = subject.provider(service.url)
            yield Running(subject, service, provider, f"http://127.0.0.1:{closed.getsockname()[1]}")
            await ended(provider)
