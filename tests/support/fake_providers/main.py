"""Providers for tests, written as a third party would: what they do is chosen by their options."""

import asyncio
import io
import json
import wave

from astrbot.api.provider import (
    LLMResponse,
    Provider,
    ProviderType,
    STTProvider,
    TTSProvider,
    register_provider_adapter,
)
from astrbot.api.star import Context, Star


class Main(Star):
    def __init__(self, context: Context):
        super().__init__(context)


@register_provider_adapter("fake_chat", "a scripted model", ProviderType.CHAT_COMPLETION, {"reply": "", "gap": 0.0})
class FakeChat(Provider):
    """Says ``reply`` word by word with ``gap`` seconds between; without one it says what it was sent."""

    def get_current_key(self):
        return ""

    def set_key(self, key):
        pass

    async def get_models(self):
        return ["fake"]

    def _reply(self, prompt, contexts, image_urls, system_prompt):
        script = self.provider_config.get("reply") or ""
        if script == "#contexts":
            return json.dumps(contexts or [], ensure_ascii=False)
        if script == "#digest":
            size = sum(len(str(m["content"])) for m in contexts or [])
            heads = [str(m["content"])[:60] for m in contexts or []]
            return json.dumps({"size": size, "heads": heads}, ensure_ascii=False)
        if script == "#request":
            asked = {"prompt": prompt, "images": len(image_urls or []), "system": system_prompt}
            return json.dumps(asked, ensure_ascii=False)
        return script or f"You said: {prompt}"

    async def text_chat(self, prompt=None, session_id=None, image_urls=None, **kwargs):
        parts = [c async for c in self.text_chat_stream(prompt, session_id, image_urls, **kwargs)]
        return parts[-1]

    async def text_chat_stream(
        self, prompt=None, session_id=None, image_urls=None, contexts=None, func_tool=None, system_prompt=None, **kwargs
    ):
        fail = self.provider_config.get("fail")
        if fail == "raise":
            raise RuntimeError("the model is broken; api_key=sk-secretsecretsecret")
        if fail == "hang":
            await asyncio.sleep(3600)
        options = self.provider_config
        rounds = sum(1 for m in contexts or [] if m.get("tool_calls"))
        if func_tool and rounds < len(options.get("tool_rounds", ())):
            name, arguments = options["tool_rounds"][rounds]
            yield LLMResponse(
                "tool", tools_call_name=[name], tools_call_args=[arguments], tools_call_ids=[f"r{rounds}"]
            )
            return
        unasked = options.get("tool_unasked")
        tool = unasked or options.get("tool")
        answered = any(m.get("role") == "tool" for m in contexts or [])
        if unasked or (tool and func_tool and (options.get("tool_always") or not answered)):
            count = options.get("tool_calls", 1)
            yield LLMResponse(
                "tool",
                tools_call_name=[tool] * count,
                tools_call_args=[options.get("tool_args", {})] * count,
                tools_call_ids=[f"call_{number}" for number in range(count)],
            )
            return
        if self.provider_config.get("reply") in ("#nothing", "#thoughts"):
            thought = "hm" if self.provider_config["reply"] == "#thoughts" else None
            yield LLMResponse("assistant", completion_text="", reasoning_content=thought)
            return
        text = self._reply(prompt, contexts, image_urls, system_prompt)
        words = text.split(" ")
        for number, word in enumerate(words):
            if number == self.provider_config.get("cut_after"):
                raise ConnectionError("the connection was cut")
            if gap := self.provider_config.get("gap"):
                await asyncio.sleep(gap)
            yield LLMResponse(
                "assistant", completion_text=word + (" " if number < len(words) - 1 else ""), is_chunk=True
            )
        yield LLMResponse("assistant", completion_text=text)


@register_provider_adapter("fake_stt", "hears what its options say", ProviderType.SPEECH_TO_TEXT, {"text": "hello"})
class FakeStt(STTProvider):
    async def get_text(self, audio_url):
        if self.provider_config.get("fail") == "hang":
            await asyncio.sleep(3600)
        if self.provider_config.get("fail"):
            raise RuntimeError("no ears")
        return self.provider_config["text"]


@register_provider_adapter("fake_tts", "a tone for each sentence", ProviderType.TEXT_TO_SPEECH, {"seconds": 0.2})
class FakeTts(TTSProvider):
    def support_stream(self):
        return True

    async def get_audio(self, text):
        raise NotImplementedError

    async def get_audio_stream(self, text_queue, audio_queue):
        while (text := await text_queue.get()) is not None:
            if self.provider_config.get("fail_on", "\0") in text:
                raise RuntimeError("no voice")
            for _ in range(int(self.provider_config["seconds"] / 0.1)):
                await audio_queue.put((text, _wav(0.1)))
        await audio_queue.put(None)


def _wav(seconds):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24000)
        file.writeframes(b"\x10\x20" * int(24000 * seconds))
    return buffer.getvalue()
