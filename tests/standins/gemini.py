"""Google's Gemini API.

Source: https://ai.google.dev/api/generate-content (streamGenerateContent, GenerateContentResponse),
https://ai.google.dev/api/models, https://ai.google.dev/api/embeddings,
https://ai.google.dev/gemini-api/docs/thought-signatures and …/troubleshooting (errors).
The provider reads it through the official client.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.standins.base import StandIn, event, words


@dataclass
class GeminiStandIn(StandIn):
    """Answers with ``reply``; calls ``tool`` (by default the first offered) when the user says "tool"."""

    reply: str = "Hello from Gemini."
    tool: str = ""

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/{version:v1|v1beta}/models/{model}:streamGenerateContent", self._generate),
            web.post("/{version:v1|v1beta}/models/{model}:batchEmbedContents", self._embed),
            web.get("/{version:v1|v1beta}/models", self._models),
        ]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("x-goog-api-key", "")

    def error(self, status: int, message: str) -> web.Response:
        names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
        error = {"code": status, "message": message, "status": names.get(status, "INTERNAL")}
        # The streaming method wraps its error in an array.
        headers = {"retry-after": "3"} if status == 429 else None
        return web.json_response(
            [{"error": error}] if status == 400 else {"error": error}, status=status, headers=headers
        )

    async def _models(self, request: web.Request) -> web.Response:
        models = [
            {"name": "models/gemini-b", "supportedGenerationMethods": ["generateContent", "countTokens"]},
            {"name": "models/gemini-a", "supportedGenerationMethods": ["generateContent"]},
            {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]},
        ]
        return web.json_response({"models": models})

    async def _embed(self, request: web.Request) -> web.Response:
        wanted = (await request.json())["requests"]
        vectors = [[float(len(one["content"]["parts"][0]["text"]))] * one["outputDimensionality"] for one in wanted]
        return web.json_response({"embeddings": [{"values": vector} for vector in vectors]})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("alt") != "sse":
            return self.error(400, "the stand-in streams server-sent events only")
        model = request.match_info["model"]
        if model == "no-such-model":
            return self.error(404, "models/no-such-model is not found")
        body: dict[str, Any] = await request.json()
        if flaw := _flaw(body):
            return self.error(400, flaw)
        parts = body["contents"][-1]["parts"]
        said = " ".join(part.get("text", "") for part in parts)
        if said == "forbidden":
            chunks: list[dict[str, Any]] = [{"promptFeedback": {"blockReason": "SAFETY"}}]
        else:
            answer = self._answer(body, parts, said)
            if "thinkingConfig" in body.get("generationConfig", {}):
                answer.insert(0, {"text": "hm, let me think", "thought": True})
            chunks = [{"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]} for part in answer]
            chunks[-1]["candidates"][0]["finishReason"] = "STOP"
            chunks[-1]["usageMetadata"] = {
                "promptTokenCount": 15,
                "cachedContentTokenCount": 3,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 2,
            }
        reported = event({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})
        return await self.stream(request, map(event, chunks), content_type="text/event-stream", reported=reported)

    def _answer(self, body: dict[str, Any], parts: list[dict[str, Any]], said: str) -> list[dict[str, Any]]:
        result = next((part["functionResponse"] for part in parts if "functionResponse" in part), None)
        if result is not None:
            return [{"text": f"The tool said {result['response']['result']}"}]
        if body.get("tools") and "tool" in said:
            name = self.tool or body["tools"][0]["functionDeclarations"][0]["name"]
            return [
                {"functionCall": {"name": name, "args": {"city": "Berlin"}}, "thoughtSignature": "c2lnLTE="},
                {"functionCall": {"name": name, "args": {"city": "Paris"}}},
            ]
        return [{"text": word} for word in words(self.reply)]


def _flaw(body: dict[str, Any]) -> str:
    """What the service would refuse."""
    asked = body["contents"][-2]["parts"] if len(body["contents"]) > 1 else []
    calls = [part for part in asked if "functionCall" in part]
    answered = [part for part in body["contents"][-1]["parts"] if "functionResponse" in part]
    if answered and len(answered) != len(calls):
        return "the number of function response parts is not equal to the number of function call parts"
    if answered and "thoughtSignature" not in calls[0]:
        return "Function call is missing a thought_signature in functionCall parts"
    return ""
