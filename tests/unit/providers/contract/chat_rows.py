"""The chat models."""

from __future__ import annotations

import json
from typing import Any

from astrbot_like.bench.mock_behaviour import Behaviour, answer_tokens
from plugins.anthropic.chat import AnthropicChat
from plugins.gemini.chat import GeminiChat
from plugins.openai.chat import OpenAIChat
from plugins.openai.responses import OpenAIResponses
from tests.standins.anthropic import AnthropicStandIn
from tests.standins.gemini import GeminiStandIn
from tests.unit.providers.contract.services import MockService, mock_upstream, standin
from tests.unit.providers.contract.subjects import Service, Subject

MOCK_ANSWER = "".join(answer_tokens(Behaviour(), ""))


def _keyed(url: str, key: str) -> dict[str, Any]:
    return {"key": [key], "api_base": url, "model": "mock"}


def _let_the_mock_call_a_tool(service: Service) -> None:
    assert isinstance(service, MockService)
    service.behave(tool="get_weather", args=json.dumps({"city": "Berlin"}), calls=2)


CHAT_MODELS = [
    Subject(
        name,
        kind,
        mock_upstream,
        _keyed,
        expected=MOCK_ANSWER,
        arrange=_let_the_mock_call_a_tool,
    )
    for name, kind in (("openai_chat_completion", OpenAIChat), ("openai_responses", OpenAIResponses))
] + [
    Subject(
        "anthropic_chat_completion", AnthropicChat, standin(AnthropicStandIn), _keyed, expected="Hello from Claude."
    ),
    Subject("googlegenai_chat_completion", GeminiChat, standin(GeminiStandIn), _keyed, expected="Hello from Gemini."),
]
