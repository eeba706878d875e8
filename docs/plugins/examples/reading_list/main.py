"""A reading list for everybody: a command group, a tool for the model, a hook, values that last."""

from astrbot.api import AstrBotConfig, logger
from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.provider import ProviderRequest
from astrbot.api.star import Context, Star
from astrbot.api.util import SessionController, session_waiter
from astrbot.core.star.filter.command import GreedyStr


class ReadingList(Star):
    def __init__(self, context: Context, config: AstrBotConfig):
        super().__init__(context)
        self.config = config

    async def things_of(self, event: AstrMessageEvent) -> list[str]:
        return await self.get_kv_data(event.get_sender_id(), [])

    @filter.command_group("read", alias={"读"})
    def read(self):
        """The reading list"""

    @read.command("add")
    async def add(self, event: AstrMessageEvent, thing: GreedyStr):
        """puts something on your list"""
        things = await self.things_of(event)
        if len(things) >= self.config["most"]:
            yield event.plain_result("Your list is full. Read something first.")
            return
        await self.put_kv_data(event.get_sender_id(), [*things, thing])
        logger.info("list grew", extra={"length": len(things) + 1})
        yield event.plain_result(f"Noted: {thing}")

    @read.command("show")
    async def show(self, event: AstrMessageEvent):
        """shows your list"""
        things = await self.things_of(event)
        lines = [f"{number}. {thing}" for number, thing in enumerate(things, 1)]
        yield event.plain_result("\n".join([self.config["greeting"], *lines]))

    @read.command("clear")
    async def clear(self, event: AstrMessageEvent):
        """empties your list, after asking"""
        yield event.plain_result("Really? Say yes.")

        @session_waiter(timeout=30)
        async def answer(controller: SessionController, event: AstrMessageEvent):
            if event.message_str == "yes":
                await self.delete_kv_data(event.get_sender_id())
                await event.send(event.plain_result("Your list is empty."))
            controller.stop()

        try:
            await answer(event)
        except TimeoutError:
            yield event.plain_result("Then not.")
        event.stop_event()

    @filter.llm_tool(name="reading_list")
    async def look_up(self, event: AstrMessageEvent):
        """Tells what is on the user's reading list."""
        return "\n".join(await self.things_of(event)) or "The list is empty."

    @filter.on_llm_request()
    async def mention(self, event: AstrMessageEvent, request: ProviderRequest):
        things = await self.things_of(event)
        if things:
            request.system_prompt += f"\nThe user means to read {len(things)} things."
