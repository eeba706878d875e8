import asyncio

from astrbot.api.event import MessageChain
from astrbot.api.message_components import Plain
from astrbot.api.platform import AstrBotMessage, MessageMember, MessageType, Platform, PlatformMetadata, register_platform_adapter
from astrbot.api.star import Context, Star
from astrbot.core.platform import AstrMessageEvent
from astrbot.core.platform.astr_message_event import MessageSesion
from astrbot.core.platform.platform_metadata import PlatformMetadata as DeepMetadata
from astrbot.core.platform.register import platform_cls_map
from astrbot.core.provider.entites import ProviderRequest
from astrbot.core.provider.entities import LLMResponse, ProviderMetaData, RerankResult
from astrbot.core.provider.provider import EmbeddingProvider, Provider, RerankProvider, STTProvider, TTSProvider
from astrbot.core.provider.register import ProviderType, provider_cls_map, provider_registry, register_provider_adapter

assert DeepMetadata is PlatformMetadata and ProviderRequest and MessageSesion


@register_provider_adapter("sample_parrot", "Repeats", default_config_tmpl={"prefix": "parrot"}, provider_display_name="Parrot")
class Parrot(Provider):
    def __init__(self, provider_config: dict, provider_settings: dict):
        super().__init__(provider_config, provider_settings)
        self.set_model("polly")
        self.ready = False

    async def initialize(self):
        self.ready = True

    def get_current_key(self):
        return self.get_keys()[0]

    def set_key(self, key):
        self.provider_config["key"] = [key]

    async def get_models(self):
        return ["polly"]

    async def text_chat(self, prompt=None, **kwargs) -> LLMResponse:
        assert self.ready
        return LLMResponse("assistant", f"{self.provider_config['prefix']}: {prompt}")


@register_provider_adapter("sample_ear", "Hears", provider_type=ProviderType.SPEECH_TO_TEXT)
class Ear(STTProvider):
    async def get_text(self, audio_url: str) -> str:
        return f"heard {audio_url}"


@register_provider_adapter("sample_voice", "Speaks", provider_type=ProviderType.TEXT_TO_SPEECH)
class Voice(TTSProvider):
    async def get_audio(self, text: str) -> str:
        return f"/tmp/{text}.wav"


@register_provider_adapter("sample_vectors", "Embeds", ProviderType.EMBEDDING)
class Vectors(EmbeddingProvider):
    async def get_embedding(self, text):
        return [float(len(text))]

    async def get_embeddings(self, text):
        return [[float(len(one))] for one in text]

    def get_dim(self):
        return 1


@register_provider_adapter("sample_order", "Reranks", ProviderType.RERANK)
class Order(RerankProvider):
    async def rerank(self, query, documents, top_n=None):
        return [RerankResult(index=i, relevance_score=1.0) for i, _ in enumerate(documents)]


class WireEvent(AstrMessageEvent):
    def __init__(self, message, meta, session_id, wire):
        super().__init__(message.message_str, message, meta, session_id)
        self.wire = wire

    async def send(self, message: MessageChain):
        self.wire.out.append((self.unified_msg_origin, message.get_plain_text()))
        await super().send(message)


@register_platform_adapter("sample_wire", "A wire", default_config_tmpl={"tone": "high"}, adapter_display_name="Wire", support_streaming_message=False)
class Wire(Platform):
    def __init__(self, platform_config: dict, platform_settings: dict, event_queue: asyncio.Queue):
        super().__init__(event_queue)
        self.config = platform_config
        self.settings = platform_settings
        self.out = []
        self.stopped = asyncio.Event()

    def meta(self) -> PlatformMetadata:
        return PlatformMetadata(name="sample_wire", description="A wire", id=self.config.get("id", "sample_wire"))

    async def run(self):
        await self.stopped.wait()

    async def terminate(self):
        self.stopped.set()

    def get_client(self):
        return self

    async def send_by_session(self, session: MessageSesion, message_chain: MessageChain):
        self.out.append((str(session), message_chain.get_plain_text()))
        await super().send_by_session(session, message_chain)

    async def webhook_callback(self, request):
        if request.headers.get("X-Signature") != "right":
            return "invalid signature", 400
        if request.method == "GET":
            return request.args["challenge"]
        payload = await request.get_json()
        self.hear(payload["text"])
        return {"heard": payload["text"], "bytes": len(await request.get_data())}

    def hear(self, text: str, sender: str = "w1"):
        message = AstrBotMessage()
        message.type = MessageType.FRIEND_MESSAGE
        message.self_id = self.client_self_id
        message.session_id = sender
        message.message_id = "1"
        message.sender = MessageMember(sender, "Wired")
        message.message = [Plain(text)]
        message.message_str = text
        message.raw_message = text
        self.commit_event(WireEvent(message, self.meta(), sender, self))


class SampleProviders(Star):
    def __init__(self, context: Context):
        super().__init__(context)

    async def let_go(self):
        await self.context.provider_manager.terminate_provider("my-sample_parrot")
        await self.context.platform_manager.terminate_platform("wire-1")

    def registered(self):
        assert isinstance(provider_cls_map["sample_parrot"], ProviderMetaData)
        return sorted(one.type for one in provider_registry if one.type.startswith("sample_")), "sample_wire" in platform_cls_map
