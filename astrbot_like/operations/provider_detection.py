"""Model services that this machine already has access to: keys in the environment, and a local Ollama.

Nothing is set up without a person's word: what is found is shown, and added like any other provider. Keys are not read
into configurations; these refer to the variable (``env:OPENAI_API_KEY``).
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

PROBE_SECONDS = 0.5
"""How long a local server may take to answer."""

OLLAMA_ADDRESS = "http://127.0.0.1:11434"
LONGEST_ANSWER = 1024 * 1024

CHAT = "openai_chat_completion"

# Where the key of a service is for another server that speaks its protocol.
BASES = {"OPENAI_API_KEY": "OPENAI_BASE_URL", "ANTHROPIC_API_KEY": "ANTHROPIC_BASE_URL"}

# Variable, name, provider type, address of the service (None: the type's own).
KEYS: tuple[tuple[str, str, str, str | None], ...] = (
    ("OPENAI_API_KEY", "OpenAI", CHAT, None),
    ("ANTHROPIC_API_KEY", "Anthropic", "anthropic_chat_completion", None),
    ("GEMINI_API_KEY", "Google Gemini", "googlegenai_chat_completion", None),
    ("GOOGLE_API_KEY", "Google Gemini", "googlegenai_chat_completion", None),
    ("DEEPSEEK_API_KEY", "DeepSeek", CHAT, "https://api.deepseek.com/v1"),
    ("DASHSCOPE_API_KEY", "Alibaba DashScope", CHAT, "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    ("MOONSHOT_API_KEY", "Moonshot", CHAT, "https://api.moonshot.cn/v1"),
    ("OPENROUTER_API_KEY", "OpenRouter", CHAT, "https://openrouter.ai/api/v1"),
    ("GROQ_API_KEY", "Groq", CHAT, "https://api.groq.com/openai/v1"),
    ("MISTRAL_API_KEY", "Mistral", CHAT, "https://api.mistral.ai/v1"),
    ("XAI_API_KEY", "xAI", CHAT, "https://api.x.ai/v1"),
    ("SILICONFLOW_API_KEY", "SiliconFlow", CHAT, "https://api.siliconflow.cn/v1"),
)


class DetectedProvider(msgspec.Struct, frozen=True):
    """A service that was found.

    Attributes:
        name: For people.
        source: The environment variable, or the address.
        config: What to add it with; its key is a reference to the variable.
        models: What a local server offers; empty for services of which only the key was found.
    """

    name: str
    source: str
    config: dict[str, Any]
    models: list[str]


class ProviderDetection:
    """Looks for services.

    Args:
        environment: The process's variables.
        ollama: Address of the local Ollama when ``OLLAMA_HOST`` does not say another.
    """

    def __init__(self, environment: Mapping[str, str], ollama: str = OLLAMA_ADDRESS) -> None:
        self._environment = environment
        self._ollama = ollama

    async def find(self, known: Collection[str] = ()) -> list[DetectedProvider]:
        """What there is, keys first.

        Args:
            known: Ids of the providers there are already; what was added under its own id is not offered again.
        """
        found: list[DetectedProvider] = []
        for variable, name, kind, base in KEYS:
            again = any(one.name == name for one in found)
            if self._has(variable) and not again:
                address = self._has(BASES.get(variable, "")) or base
                found.append(DetectedProvider(name, variable, _config(name, kind, f"env:{variable}", address), []))
        if (address := self._has("OPENAI_BASE_URL")) and not self._has("OPENAI_API_KEY"):
            config = _config("OpenAI compatible", CHAT, "", address)
            found.append(DetectedProvider("OpenAI compatible", "OPENAI_BASE_URL", config, []))
        if (local := await asyncio.to_thread(self._probe_ollama)) is not None:
            found.append(local)
        return [one for one in found if one.config["id"] not in known]

    def _has(self, variable: str) -> str:
        return self._environment.get(variable, "").strip()

    def _probe_ollama(self) -> DetectedProvider | None:
        address = self._has("OLLAMA_HOST") or self._ollama
        if "//" not in address:
            address = f"http://{address}"
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "127.0.0.1", parts.port or 11434
        except ValueError:
            return None
        # A server told to listen on every address is reached on this machine's own.
        host = "127.0.0.1" if host == "0.0.0.0" else host
        connection = http.client.HTTPConnection(host, port, timeout=PROBE_SECONDS)
        try:
            connection.request("GET", "/api/tags")
            answer = json.loads(connection.getresponse().read(LONGEST_ANSWER))
            models = [str(model["name"]) for model in answer["models"]]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return None  # none there, or something else
        finally:
            connection.close()
        base = f"http://{host}:{port}"
        config = _config("Ollama", CHAT, "ollama", f"{base}/v1")
        config["model"] = models[0] if models else ""
        return DetectedProvider("Ollama", base, config, models)


def _config(name: str, kind: str, key: str, base: str | None) -> dict[str, Any]:
    config: dict[str, Any] = {
        "id": name.lower().replace(" ", "-"),
        "type": kind,
        "provider_type": "chat_completion",
        "enable": True,
        "key": [key] if key else [],
    }
    if base is not None:
        config["api_base"] = base
    return config
