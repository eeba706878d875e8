"""The mock upstream within the test's own process, and files to recognise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from astrbot_like.api.kit.wav import wav_bytes
from astrbot_like.bench.mock_upstream import MockUpstream, start


@dataclass
class Upstream:
    """The running mock and where it is."""

    mock: MockUpstream
    url: str

    def last_body(self) -> dict:
        """The body of the latest request."""
        return self.mock.requests[-1]["body"]


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """An OpenAI-compatible service."""
    mock = MockUpstream()
    runner, url = await start(mock)
    yield Upstream(mock, url)
    await runner.cleanup()


@pytest.fixture
def wav_file(tmp_path: Path) -> Path:
    """A tenth of a second of silence."""
    path = tmp_path / "speech.wav"
    path.write_bytes(wav_bytes(bytes(3200), 16000))
    return path
