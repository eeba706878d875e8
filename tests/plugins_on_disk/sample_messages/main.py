import asyncio
import os
import tempfile

from astrbot.api.event import AstrMessageEvent, MessageChain, filter
from astrbot.api.message_components import At, AtAll, Face, File, Forward, Image, Node, Nodes, Plain, Record, Reply, Video
from astrbot.api.platform import AstrBotMessage, Group, MessageMember, MessageType
from astrbot.api.star import Context, Star, StarTools
from astrbot.core.message.components import BaseMessageComponent, ComponentType
from astrbot.core.platform.message_session import MessageSesion
from astrbot.core.utils.active_event_registry import active_event_registry

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000" "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


class SampleMessages(Star):
    def __init__(self, context: Context):
        super().__init__(context)
        self.runs = []
        self.task = None

    async def initialize(self):
        self.task = asyncio.create_task(self.background())

    async def background(self):
        await asyncio.Event().wait()

    async def terminate(self):
        self.task.cancel()

    @filter.command("push")
    async def push(self, event: AstrMessageEvent):
        origin = event.unified_msg_origin
        await self.context.send_message(origin, MessageChain().message("pushed"))
        await StarTools.send_message(MessageSesion.from_str(origin), MessageChain().message("again").at("n", "5"))
        nobody = await self.context.send_message("nowhere:FriendMessage:1", MessageChain([Plain("x")]))
        yield event.plain_result(str(nobody))

    @filter.command("inject")
    async def inject(self, event: AstrMessageEvent):
        message = await StarTools.create_message(
            type=MessageType.FRIEND_MESSAGE.value,
            self_id=event.get_self_id(),
            session_id="made-up",
            sender=MessageMember(user_id="made-up", nickname="Nobody"),
            message=[Plain("injected")],
            message_str="injected",
        )
        assert isinstance(message, AstrBotMessage)
        await StarTools.create_event(message, platform=event.get_platform_name())
        yield event.plain_result("injected one")

    @filter.command("again")
    async def again(self, event: AstrMessageEvent):
        platform = self.context.get_platform_inst(event.get_platform_id())
        assert platform in self.context.platform_manager.get_insts()
        assert platform in self.context.platform_manager.platform_insts
        assert platform.get_client() is None
        made = AstrBotMessage()
        made.type = MessageType.GROUP_MESSAGE
        made.self_id, made.session_id, made.message_id = "bot", "900", "m"
        made.sender, made.message, made.message_str = MessageMember("7", "seven"), [Plain("/noted")], "/noted"
        made.raw_message = {"some": "thing"}
        made.group = Group(group_id="900", group_name="nine hundred")
        self.context.get_event_queue().put_nowait(platform.create_event(made))
        yield event.plain_result("queued")

    @filter.command("noted")
    async def noted(self, event: AstrMessageEvent):
        self.runs.append(f"noted {event.unified_msg_origin} {event.message_obj.group.group_name}")
        event.should_call_llm(True)

    @filter.event_message_type(filter.EventMessageType.ALL)
    async def listen(self, event: AstrMessageEvent):
        if event.message_str == "injected":
            self.runs.append(f"injected {event.is_at_or_wake_command} {event.unified_msg_origin}")
            event.stop_event()

    @filter.command("job")
    async def job(self, event: AstrMessageEvent):
        async def tick(**payload):
            self.runs.append(f"tick {payload}")

        made = await self.context.cron_manager.add_basic_job(
            name="tick", cron_expression="0 0 1 1 *", handler=tick, payload={"a": 1}, description="once a year"
        )
        jobs = await self.context.cron_manager.list_jobs()
        await self.context.cron_manager.delete_job(made.job_id)
        left = await self.context.cron_manager.list_jobs()
        yield event.plain_result(f"{made.name} {len(jobs)} {len(left)}")

    @filter.command("kept")
    async def kept(self, event: AstrMessageEvent):
        manager = self.context.message_history_manager
        await manager.insert(
            platform_id=event.get_platform_id(),
            user_id=event.session_id,
            content={"type": "user", "message": [{"type": "plain", "text": "x"}]},
            sender_id=event.get_sender_id(),
            sender_name=event.get_sender_name(),
        )
        rows = await manager.get(event.get_platform_id(), event.session_id)
        yield event.plain_result(f"{len(rows)} {rows[0].sender_name}")

    @filter.command("picture")
    async def picture(self, event: AstrMessageEvent):
        handle, path = tempfile.mkstemp(suffix=".png")
        os.write(handle, PNG)
        os.close(handle)
        yield event.image_result(path)
        os.remove(path)
        yield event.chain_result([Image.fromBytes(PNG), Plain("caption")])

    @filter.command("parts")
    async def parts(self, event: AstrMessageEvent):
        chain = [
            At(qq=1, name="one"),
            AtAll(),
            Face(id=1),
            Plain("text"),
            Image.fromURL("https://example.org/a.png"),
            Image(file="https://example.org/b.png"),
            File(name="f.txt", file="/tmp/f.txt"),
            File(name="g.txt", url="https://example.org/g.txt"),
            Video.fromFileSystem("/tmp/v.mp4"),
            Reply(id="5"),
            Forward(id="6"),
            Node(uin="10", name="n", content=[Plain("in a node")]),
            Nodes([Node(uin="10", name="n", content=[Plain("deep")])]),
            Record(file="https://example.org/a.wav", url="https://example.org/a.wav", text="spoken"),
        ]
        assert all(isinstance(one, BaseMessageComponent) for one in chain)
        assert chain[3].type == "Plain" and str(chain[3].type).split(".")[1] == "Plain"
        assert chain[3].type is ComponentType.Plain
        yield event.chain_result(chain)

    @filter.command("built")
    async def built(self, event: AstrMessageEvent):
        chain = MessageChain().message("built").url_image("https://example.org/a.png").file_image("/tmp/a.png").at_all()
        await event.send(chain)

    @filter.command("records")
    async def records(self, event: AstrMessageEvent):
        made = [Record.fromFileSystem("/tmp/a.wav"), Record.fromURL("https://example.org/a.wav"), Record.fromBase64("aGk=")]
        yield event.chain_result([Plain("text before"), made[0], Plain("  ")])

    @filter.command("busy")
    async def busy(self, event: AstrMessageEvent):
        active = active_event_registry.stop_all(event.unified_msg_origin, exclude=event)
        yield event.plain_result(f"{active} others")

    @filter.command("drawn")
    async def drawn(self, event: AstrMessageEvent):
        path = await self.text_to_image("# title\n\ntext", return_url=False)
        yield event.image_result(path)

    @filter.command("html")
    async def html(self, event: AstrMessageEvent):
        try:
            url = await self.html_render("<h1>{{ name }}</h1>", {"name": "x"}, options={"type": "png"})
        except RuntimeError:
            yield event.plain_result("not rendered")
        else:
            yield event.image_result(url)
