"""A server process whose model, ears and mouth are behind a recording stand-in for their service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from astrbot_like.bench.mock_behaviour import Behaviour
from astrbot_like.bench.mock_upstream import MockUpstream, start
from tests.support.server_process import ServerProcess, make_key

SETTINGS = """
[[providers]]
id = "chat"
type = "openai_chat_completion"
api_base = "{url}"
key = ["sk-test"]
model = "mock"

[[providers]]
id = "ears"
type = "openai_whisper_api"
api_base = "{url}"
api_key = "sk-test"

[[providers]]
id = "mouth"
type = "openai_tts_api"
api_base = "{url}"
api_key = "sk-test"

[profiles.default]
llm = ["chat"]
stt = ["ears"]
tts = ["mouth"]
"""


class Chain(NamedTuple):
    """A server process, the service behind its model, and a key."""

    server: ServerProcess
    upstream: MockUpstream
    key: str

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was posted to a route of the service."""
        return [request["body"] for request in self.upstream.requests if request["path"] == path]

    def asked(self) -> Any:
        """What the model was asked last: the content of the user's message."""
        messages = self.bodies("/v1/chat/completions")[-1]["messages"]
        assert messages[-1]["role"] == "user"
        return messages[-1]["content"]

    def asked_text(self) -> str:
        """The same, where it must be text."""
        content = self.asked()
        assert isinstance(content, str) or [part["type"] for part in content] == ["text"], content
        return content if isinstance(content, str) else content[0]["text"]


@asynccontextmanager
async def upstream_server(folder: Path, behaviour: Behaviour, **settings: str) -> AsyncIterator[Chain]:
    """Run both; ``settings`` are options of the server by environment variable without its prefix."""
    upstream = MockUpstream(behaviour)
    runner, url = await start(upstream)
    file = folder / "settings.toml"
    file.write_text(SETTINGS.format(url=url))
    try:
        async with ServerProcess(folder / "data", config=str(file), **settings) as server:
            yield Chain(server, upstream, await make_key(server.url))
    finally:
        await runner.cleanup()
