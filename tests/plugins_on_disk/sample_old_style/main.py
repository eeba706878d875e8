from astrbot.api.all import *
from astrbot.api.event.filter import command, command_group, permission_type


@register("sample_old_style", "Sample Author", "Everything by star import", "1.0.0")
class Main(Star):
    def __init__(self, context: Context, config: AstrBotConfig = None) -> None:
        super().__init__(context)
        assert config is None
        put_config("sample_old_style", "Number", "number", 5, "a number")
        update_config("sample_old_style", "number", 6)

    @command("old")
    async def old(self, event: AstrMessageEvent):
        message: AstrBotMessage = event.message_obj
        assert isinstance(message.sender, MessageMember)
        assert message.type in (MessageType.FRIEND_MESSAGE, MessageType.GROUP_MESSAGE)
        return CommandResult().message(f"old {load_config('sample_old_style')['number']}")

    @event_message_type(EventMessageType.ALL)
    async def watch(self, event: AstrMessageEvent):
        logger.debug(event.message_str)
        if event.message_str == "odds":
            chain = [Dice(), RPS(), Shake(), Poke(id=1), Contact(_type="qq", id=1), Music(_type="qq", id=1)]
            chain += [Share(url="u", title="t"), Location(lat=1.0, lon=2.0), Json(data="{}")]
            yield event.chain_result(chain)

    @regex(r"^reg\d$")
    async def by_regex(self, event: AstrMessageEvent):
        yield event.plain_result("matched")

    @command_group("oldgroup")
    def group(self):
        pass

    @group.command("sub")
    async def sub(self, event: AstrMessageEvent):
        yield event.plain_result("sub")

    # The same name twice, as one plugin does it: both are there.
    @command("st")
    async def st(self, event: AstrMessageEvent, what: str = ""):
        yield event.plain_result(f"st {what}")

    @command_group("st")
    def st(self):
        pass

    @st.command("template")
    async def template(self, event: AstrMessageEvent):
        yield event.plain_result("template")
