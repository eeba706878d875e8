"""Azure OpenAI: OpenAI's interfaces behind addresses of deployments, or behind ``/openai/v1``.

Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference (dated versions) and …/openai/latest (v1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from tests.standins.base import event
from tests.standins.openai_audio import OpenAIAudioStandIn

VERSION = "2024-10-21"


@dataclass
class AzureOpenAIStandIn(OpenAIAudioStandIn):
    """One resource with a deployment called ``mine``."""

    deployment: str = "mine"

    def routes(self) -> Iterable[web.RouteDef]:
        within = {
            "/audio/speech": self._speak,
            "/audio/transcriptions": self._transcribe,
            "/embeddings": self._embed,
            "/chat/completions": self._chat,
        }
        for path, handler in within.items():
            yield web.post(f"/openai/deployments/{self.deployment}{path}", self._dated(handler))
            yield web.post(f"/openai/v1{path}", handler)
        yield web.post("/openai/responses", self._dated(self._respond))
        yield web.get("/openai/models", self._dated(self._models))
        yield web.get("/openai/v1/models", self._models)

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("api-key", "")

    def _dated(self, handler):
        async def checked(request: web.Request) -> web.StreamResponse:
            if not request.query.get("api-version"):
                return self.error(404, "Resource not found")  # Azure's answer where the version is missing
            return await handler(request)

        return checked

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        chunk = {"choices": [{"index": 0, "delta": {"content": "Hello from Azure."}, "finish_reason": "stop"}]}
        filtered = {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}  # it comes first
        pieces = [event(filtered), event(chunk), b"data: [DONE]\n\n"]
        return await self.stream(request, pieces, content_type="text/event-stream")

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        done = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}
        pieces = [event({"type": "response.output_text.delta", "delta": "Hello from Azure."}), event(done)]
        return await self.stream(request, pieces, content_type="text/event-stream")
