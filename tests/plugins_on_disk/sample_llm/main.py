import json
from dataclasses import dataclass, field

from astrbot.api import FunctionTool, ToolSet, llm_tool, logger
from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.provider import LLMResponse, Personality, ProviderRequest
from astrbot.api.star import Context, Star, StarTools
from astrbot.core.agent.message import ImageURLPart, Message, TextPart
from astrbot.core.agent.run_context import ContextWrapper
from astrbot.core.agent.tool import ToolExecResult
from astrbot.core.astr_agent_context import AstrAgentContext
from astrbot.core.exceptions import ProviderNotFoundError
from astrbot.core.provider.entities import ProviderType, ToolCallsResult
from astrbot.core.provider.func_tool_manager import FunctionToolManager
from astrbot.core.provider.provider import EmbeddingProvider, Provider, TTSProvider
from astrbot.core.provider.register import llm_tools


@dataclass
class Lookup(FunctionTool[AstrAgentContext]):
    name: str = "lookup"
    description: str = "Looks a word up"
    parameters: dict = field(
        default_factory=lambda: {
            "type": "object",
            "properties": {"word": {"type": "string", "description": "the word"}},
            "required": ["word"],
        }
    )

    async def call(self, context: ContextWrapper[AstrAgentContext], **kwargs) -> ToolExecResult:
        event = context.context.event
        assert context.context.context is not None
        return f"{kwargs['word']} for {event.get_sender_id()} within {context.tool_call_timeout} s"


class SampleLLM(Star):
    def __init__(self, context: Context):
        super().__init__(context)
        context.add_llm_tools(Lookup())

    @filter.llm_tool(name="weather")
    async def weather(self, event: AstrMessageEvent, city: str, days: list):
        """Tells the weather.

        Args:
            city(string): name of the city
            days(array[string]): which days
        """
        return f"sunny in {city} on {', '.join(days)}"

    @filter.llm_tool()
    async def picture(self, event: AstrMessageEvent):
        """Sends a picture."""
        yield event.plain_result("[the picture itself]")

    @llm_tool("silent")
    async def silent(self, event: AstrMessageEvent):
        """Does something and says nothing."""
        await event.send(event.plain_result("done silently"))

    @filter.command("ask")
    async def ask(self, event: AstrMessageEvent):
        question = event.message_str.removeprefix("ask").strip()
        yield event.request_llm(
            prompt=question,
            tool_set=ToolSet([self.context.get_llm_tool_manager().get_func("weather")]),
            contexts=[{"role": "user", "content": "earlier"}],
            system_prompt="Be brief.",
        )

    @filter.command("talk")
    async def talk(self, event: AstrMessageEvent):
        umo = event.unified_msg_origin
        manager = self.context.conversation_manager
        cid = await manager.get_curr_conversation_id(umo) or await manager.new_conversation(umo)
        conversation = await manager.get_conversation(umo, cid)
        yield event.request_llm(prompt="continue", conversation=conversation)

    @filter.command("generate")
    async def generate(self, event: AstrMessageEvent):
        try:
            provider_id = await self.context.get_current_chat_provider_id(event.unified_msg_origin)
        except ProviderNotFoundError:
            yield event.plain_result("no model")
            return
        response = await self.context.llm_generate(
            chat_provider_id=provider_id, prompt="p", contexts=[Message(role="user", content="c")]
        )
        yield event.plain_result(f"{response.role}: {response.completion_text}")

    @filter.command("direct")
    async def direct(self, event: AstrMessageEvent):
        provider = self.context.get_using_provider(event.unified_msg_origin)
        assert isinstance(provider, Provider)
        assert provider is self.context.get_provider_by_id(provider.meta().id)
        assert provider in self.context.get_all_providers()
        assert provider in self.context.provider_manager.get_insts()
        await provider.test()
        response = await provider.text_chat(
            prompt="direct", session_id=event.session_id, contexts=[], system_prompt="s", image_urls=[], func_tool=None
        )
        pieces = [chunk async for chunk in provider.text_chat_stream(prompt="stream")]
        yield event.plain_result(
            f"{response.completion_text} {provider.get_model()} {provider.meta().id} "
            f"{provider.provider_config['id']} {len(pieces)} {response.usage.total > 0} {response.raw_completion} "
            f"{response.reasoning_content} {response.tools_call_name} {response.tools_call_extra_content}"
        )

    @filter.command("agent")
    async def agent(self, event: AstrMessageEvent):
        response = await self.context.tool_loop_agent(
            event=event,
            chat_provider_id=await self.context.get_current_chat_provider_id(event.unified_msg_origin),
            prompt="use the tool",
            tools=ToolSet([Lookup()]),
            max_steps=5,
        )
        yield event.plain_result(f"agent: {response.completion_text}")

    @filter.command("all_tools")
    async def all_tools(self, event: AstrMessageEvent):
        response = await self.context.tool_loop_agent(
            event=event,
            chat_provider_id=await self.context.get_current_chat_provider_id(event.unified_msg_origin),
            prompt="use any tool",
            tools=self.context.get_llm_tool_manager(),
        )
        yield event.plain_result(f"agent: {response.completion_text}")

    @filter.command("voices")
    async def voices(self, event: AstrMessageEvent):
        tts = self.context.get_using_tts_provider(event.unified_msg_origin)
        assert tts is None or isinstance(tts, TTSProvider)
        embeddings = self.context.get_all_embedding_providers()
        assert all(isinstance(one, EmbeddingProvider) for one in embeddings)
        yield event.plain_result(f"{tts is not None} {len(embeddings)} {ProviderType.EMBEDDING.value}")

    @filter.command("tools")
    async def tools(self, event: AstrMessageEvent):
        manager = self.context.get_llm_tool_manager()
        assert isinstance(manager, FunctionToolManager)

        async def late(event, x):
            return x

        manager.add_func("late", [{"type": "string", "name": "x", "description": "x"}], "added later", late)
        llm_tools.get_func("late").handler_module_path = self.__module__
        StarTools.deactivate_llm_tool("picture")
        names = manager.get_full_tool_set().names()
        StarTools.activate_llm_tool("picture")
        manager.remove_func("late")
        yield event.plain_result(" ".join(sorted(names)) + f" {len(manager.func_list)}")

    @filter.command("history")
    async def history(self, event: AstrMessageEvent):
        umo = event.unified_msg_origin
        manager = self.context.conversation_manager
        cid = await manager.new_conversation(umo, content=[{"role": "user", "content": "made by a plugin"}])
        conversation = await manager.get_conversation(umo, cid)
        before = json.loads(conversation.history)
        await manager.update_conversation(umo, cid, history=[*before, {"role": "assistant", "content": "indeed"}])
        after = json.loads((await manager.get_conversation(umo, cid)).history)
        yield event.plain_result(f"{len(before)} {len(after)} {conversation.cid == cid} {conversation.user_id == umo}")

    @filter.command("knowledge")
    async def knowledge(self, event: AstrMessageEvent):
        manager = self.context.kb_manager
        helper = await manager.get_kb_by_name("recipes") or await manager.create_kb("recipes", description="to cook")
        await helper.upload_document("soup.md", b"Tomato soup needs tomatoes.\n\nOnion soup needs onions.", "md", 30, 0)
        found = await manager.retrieve("tomato soup", ["recipes"], top_m_final=1)
        kbs = await manager.list_kbs()
        yield event.plain_result(f"{len(kbs)} {kbs[0].doc_count} {found['results'][0]['content']}")

    @filter.command("persona")
    async def persona(self, event: AstrMessageEvent):
        manager = self.context.persona_manager
        chosen: Personality = await manager.get_default_persona_v3(event.unified_msg_origin)
        same = manager.selected_default_persona_v3["name"] == chosen["name"]
        listed = [one["name"] for one in manager.personas_v3]
        found = await manager.get_persona(chosen["name"])
        also = len(self.context.provider_manager.personas)
        yield event.plain_result(f"{chosen['name']} {same} {listed} {bool(found.system_prompt)} {also}")

    @filter.on_llm_request()
    async def add_parts(self, event: AstrMessageEvent, req: ProviderRequest):
        if "with parts" in (req.prompt or ""):
            req.extra_user_content_parts.append(TextPart(text="an extra part").mark_as_temp())
            req.contexts.append({"role": "user", "content": "slipped in"})
            assert req.conversation is not None
            assert isinstance(req.tool_calls_result, ToolCallsResult | list | None)
            logger.info("%s", ImageURLPart(image_url={"url": "https://example.org/a.png"}).type)

    @filter.on_llm_response()
    async def look(self, event: AstrMessageEvent, resp: LLMResponse):
        assert resp.role in ("assistant", "tool", "err")
