import asyncio
import re

from astrbot.api import AstrBotConfig, logger
from astrbot.api.event import AstrMessageEvent, MessageChain, MessageEventResult, filter
from astrbot.api.event.filter import EventMessageType, PermissionType
from astrbot.api.star import Context, Star, register
from astrbot.core.star.filter.command import CommandFilter, GreedyStr
from astrbot.core.star.filter.command_group import CommandGroupFilter
from astrbot.core.star.filter.custom_filter import CustomFilter
from astrbot.core.star.star_handler import StarHandlerMetadata, star_handlers_registry
import astrbot.api.message_components as Comp


class FromVip(CustomFilter):
    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        return event.get_sender_name() == "vip"


class Shouting(CustomFilter):
    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        return event.message_str.isupper()


@register("sample_commands", "Sample Author", "Commands of every kind", "1.0.0", "https://github.com/sample/x")
class SampleCommands(Star):
    def __init__(self, context: Context):
        super().__init__(context)
        self.seen: list[str] = []

    # --- arguments

    @filter.command("add", alias={"加", "plus one"})
    async def add(self, event: AstrMessageEvent, a: int, b: int = 1):
        """adds two numbers"""
        yield event.plain_result(f"{a + b}")

    @filter.command("two words", "a description nobody reads", priority=5)
    async def two_words(self, event: AstrMessageEvent, rest: GreedyStr):
        yield event.plain_result(f"<{rest}>")

    @filter.command("maybe", is_admin=False, aliases=["ignored"])
    async def maybe(self, event: AstrMessageEvent, what: str | None = None, flag: bool = False, ratio: float = 0.5):
        yield event.plain_result(repr((what, flag, ratio)))

    @filter.command("echo")
    async def echo(self, event: AstrMessageEvent):
        text = event.message_str.removeprefix("echo").strip()
        yield event.plain_result(text)

    # --- ways to answer

    @filter.command("many")
    async def many(self, event: AstrMessageEvent):
        yield event.plain_result("one")
        yield "a string sends nothing"
        yield None
        yield event.plain_result("two")

    @filter.command("returned")
    async def returned(self, event: AstrMessageEvent):
        return event.plain_result("returned")

    @filter.command("resultset")
    async def resultset(self, event: AstrMessageEvent):
        event.set_result(MessageEventResult().message("set"))

    @filter.command("strresult")
    async def strresult(self, event: AstrMessageEvent):
        event.set_result("as text")
        result = event.get_result()
        assert event._result is result
        result.chain.append(Comp.Plain("more"))

    @filter.command("sent")
    async def sent(self, event: AstrMessageEvent):
        await event.send(MessageChain().message("at once"))
        await event.send(event.plain_result("and again"))
        return "not sent"

    @filter.command("chain")
    async def chain(self, event: AstrMessageEvent):
        yield event.chain_result([Comp.At(qq=event.get_sender_id(), name="x"), Comp.Plain("hi")])
        yield event.make_result().message("made")

    @filter.command("quiet")
    async def quiet(self, event: AstrMessageEvent):
        event.should_call_llm(True)

    @filter.command("cleared")
    async def cleared(self, event: AstrMessageEvent):
        event.set_result("never seen")
        event.clear_result()
        yield event.plain_result("seen")

    @filter.command("stopped")
    async def stopped(self, event: AstrMessageEvent):
        event.stop_event()
        yield event.plain_result("after stop")

    @filter.command("stopped", priority=-1)
    async def never_reached(self, event: AstrMessageEvent):
        yield event.plain_result("unreachable")

    @filter.command("stopresult")
    async def stopresult(self, event: AstrMessageEvent):
        yield event.plain_result("last words").stop_event()

    @filter.command("broken")
    async def broken(self, event: AstrMessageEvent):
        raise RuntimeError("as planned")

    @filter.command("who")
    async def who(self, event: AstrMessageEvent):
        event.set_extra("k", event.get_extra("absent", "default"))
        message = event.message_obj
        facts = [
            event.get_sender_id(),
            event.get_sender_name(),
            event.get_group_id(),
            event.get_self_id(),
            event.get_platform_name(),
            event.get_platform_id(),
            event.unified_msg_origin,
            event.session_id,
            str(event.session),
            event.get_session_id(),
            event.get_message_str(),
            event.get_message_outline(),
            event.get_message_type().value,
            str(event.is_admin()),
            str(event.is_private_chat()),
            str(event.is_at_or_wake_command),
            event.role,
            event.platform.name,
            event.platform_meta.id,
            message.sender.user_id,
            message.sender.nickname,
            message.group_id,
            message.self_id,
            str(bool(message.message_id)),
            str(message.raw_message),
            str(message.timestamp > 0),
            message.message_str,
            message.type.value,
            str(len(message.message)),
            str(len(event.get_messages())),
            str(await event.get_group()),
            event.get_extra("k"),
        ]
        await event.send_typing()
        yield event.plain_result("|".join(facts))

    # --- filters

    @filter.permission_type(PermissionType.ADMIN)
    @filter.command("secret")
    async def secret(self, event: AstrMessageEvent):
        yield event.plain_result("for admins")

    @filter.command("hidden")
    @filter.permission_type(PermissionType.ADMIN, raise_error=False)
    async def hidden(self, event: AstrMessageEvent):
        yield event.plain_result("hidden from others")

    @filter.regex(r"^(\d+)d(\d+)$", flags=re.IGNORECASE)
    async def dice(self, event: AstrMessageEvent):
        yield event.plain_result(f"dice {event.get_message_str()}")

    @filter.custom_filter(FromVip, False)
    @filter.command("vip")
    async def vip(self, event: AstrMessageEvent):
        yield event.plain_result("welcome")

    @filter.custom_filter(FromVip & Shouting)
    async def loud_vip(self, event: AstrMessageEvent):
        yield event.plain_result("no need to shout")

    @filter.platform_adapter_type(filter.PlatformAdapterType.TELEGRAM | filter.PlatformAdapterType.QQOFFICIAL)
    async def elsewhere(self, event: AstrMessageEvent):
        yield event.plain_result("telegram")

    @filter.event_message_type(EventMessageType.ALL, priority=10)
    async def watch(self, event: AstrMessageEvent):
        self.seen.append(event.get_message_outline())

    @filter.event_message_type(EventMessageType.GROUP_MESSAGE | EventMessageType.PRIVATE_MESSAGE)
    async def both(self, event: AstrMessageEvent):
        if event.message_str == "both?":
            yield event.plain_result("both")

    @filter.event_message_type(EventMessageType.GROUP_MESSAGE)
    async def in_groups(self, event: AstrMessageEvent):
        if event.message_str == "group?":
            yield event.plain_result("group")

    @filter.event_message_type(EventMessageType.PRIVATE_MESSAGE)
    async def in_private(self, event: AstrMessageEvent):
        if event.message_str == "group?":
            yield event.plain_result("private")

    # --- groups

    @filter.command_group("math", alias={"m"})
    def math(self):
        pass

    @math.command("mul", alias={"x"}, priority=3)
    async def mul(self, event: AstrMessageEvent, a: int, b: int):
        """multiplies"""
        yield event.plain_result(f"{a * b}")

    @filter.permission_type(PermissionType.ADMIN)
    @math.command("reset")
    async def math_reset(self, event: AstrMessageEvent, *args):
        yield event.plain_result("reset")

    @math.group("deep")
    def deep(self):
        pass

    @deep.command("er")
    async def deeper(self, event: AstrMessageEvent):
        yield event.plain_result("deeper")

    # --- introspection, as help menus do it

    @filter.command("menu")
    async def menu(self, event: AstrMessageEvent):
        lines = []
        for handler in star_handlers_registry:
            assert isinstance(handler, StarHandlerMetadata)
            if handler.handler_module_path != self.__module__ or not handler.enabled:
                continue
            for one in handler.event_filters:
                if isinstance(one, CommandFilter) and one.command_name == "add":
                    lines.append(f"{one.command_name} {sorted(one.alias)} {list(one.handler_params)} {handler.desc}")
                elif isinstance(one, CommandGroupFilter) and one.group_name == "math":
                    lines.append(f"{one.group_name} {len(one.sub_command_filters)}")
        logger.info("menu of %d lines", len(lines))
        yield event.plain_result("\n".join(lines))
