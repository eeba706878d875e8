from astrbot.api import logger
from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.message_components import *
from astrbot.api.provider import LLMResponse, ProviderRequest
from astrbot.api.star import Context, Star
from astrbot.core.star.register import register_on_agent_done


class SampleHooks(Star):
    def __init__(self, context: Context):
        self.context = context
        self.trail = []

    async def initialize(self):
        self.trail.append("initialize")

    async def terminate(self):
        self.trail.append("terminate")

    @filter.on_astrbot_loaded()
    async def loaded(self):
        self.trail.append("astrbot_loaded")

    @filter.on_platform_loaded()
    async def platform(self):
        self.trail.append("platform_loaded")

    @filter.on_plugin_loaded()
    async def plugin_loaded(self, metadata):
        self.trail.append(f"plugin_loaded {metadata.name}")

    @filter.on_plugin_unloaded()
    async def plugin_unloaded(self, metadata):
        self.trail.append(f"plugin_unloaded {metadata.name}")

    @filter.on_plugin_error()
    async def failed(self, event, plugin_name, handler_name, error, traceback_text):
        self.trail.append(f"plugin_error {plugin_name}.{handler_name}: {error}")
        if event is not None and "swallow" in str(error):
            event.stop_event()

    @filter.command("fail")
    async def fail(self, event: AstrMessageEvent, what: str):
        raise ValueError(what)

    @filter.on_waiting_llm_request()
    async def waiting(self, event: AstrMessageEvent):
        self.trail.append("waiting_llm_request")
        if "too busy" in event.message_str:
            event.set_result("come back later")
            event.stop_event()

    @filter.on_llm_request(priority=1)
    async def request(self, event: AstrMessageEvent, req: ProviderRequest):
        self.trail.append(f"llm_request {req.prompt}")
        req.system_prompt += "\nSpeak like a pirate."
        if "cancel" in req.prompt:
            event.stop_event()
        if "refuse" in req.prompt:
            event.set_result("not today")
            event.stop_event()
        if req.func_tool is not None and "no tools" in req.prompt:
            for name in list(req.func_tool.names()):
                req.func_tool.remove_tool(name)
        req.prompt = req.prompt.replace("secret", "***")

    @filter.on_agent_begin()
    async def begin(self, event, run_context):
        self.trail.append(f"agent_begin {run_context.context.event is event}")

    @filter.on_using_llm_tool()
    async def using(self, event, tool, args):
        self.trail.append(f"using_llm_tool {tool.name} {args}")

    @filter.on_llm_tool_respond()
    async def responded(self, event, tool, args, result):
        self.trail.append(f"llm_tool_respond {tool.name}")

    @filter.on_llm_response(priority=2)
    async def response(self, event: AstrMessageEvent, resp: LLMResponse):
        self.trail.append(f"llm_response {resp.role} {resp.completion_text}")
        if resp.result_chain is not None:
            assert resp.result_chain.get_plain_text() == resp.completion_text
        resp.completion_text = resp.completion_text + " Arr!"

    @register_on_agent_done()
    async def done(self, event, run_context, resp):
        self.trail.append(f"agent_done {resp.completion_text}")

    @filter.on_decorating_result(priority=-5)
    async def decorate(self, event: AstrMessageEvent):
        result = event.get_result()
        self.trail.append(f"decorating_result {result.is_llm_result()} {result.get_plain_text()}")
        if "suppress" in event.message_str:
            event.stop_event()
            return
        for part in result.chain:
            if isinstance(part, Plain):
                part.text = part.text.replace("pirate", "sailor")
        result.chain = [*result.chain, Face(id=1)]

    @filter.on_decorating_result(priority=5)
    async def fails_and_is_skipped(self, event: AstrMessageEvent):
        raise RuntimeError("a broken decorator disturbs nobody")

    @filter.after_message_sent(priority=1)
    async def after(self, event: AstrMessageEvent):
        self.trail.append("after_message_sent")
        logger.debug("sent")
