"""A local Ollama: its list of models, and its chat in OpenAI's form.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md (``GET /api/tags``) and …/docs/openai.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from tests.standins.compatible import DONE, Compatible, chunk


@dataclass
class Ollama(Compatible):
    """Has one model, which says ``reply``."""

    reply: str = "Hello from the local model."

    def __post_init__(self) -> None:
        self.lines = [chunk({"role": "assistant", "content": self.reply}), chunk({"content": ""}, "stop"), DONE]

    def routes(self) -> Iterable[web.RouteDef]:
        return [*super().routes(), web.get("/api/tags", self._tags)]

    async def _tags(self, request: web.Request) -> web.Response:
        return web.json_response({"models": [{"name": "qwen3:latest", "model": "qwen3:latest", "size": 1}]})
