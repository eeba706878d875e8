"""What holds for all tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from astrbot_like.client.transport import Socket
from tests.support.frames import check_frame


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test a second and a third try; a long run speaks for itself.

    Nearly all run real processes, sockets, files and speech, and say within what time something has to happen. A
    machine that is busy with something else can make one of them late; a defect fails each time.
    """
    for item in items:
        if item.get_closest_marker("soak") is None:
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(autouse=True)
def _the_typed_client_checks_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own client takes what it does not know for news; in a test that is a fault of the server."""
    receive = Socket.receive

    async def checked(self: Socket) -> str | bytes:
        frame = await receive(self)
        if isinstance(frame, str):
            check_frame(frame)
        return frame

    monkeypatch.setattr(Socket, "receive", checked)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A temporary folder that every user can enter; pytest closes its own to others each time that it starts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
