from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star
from astrbot.core.utils.session_waiter import SessionController, SessionFilter, session_waiter


class ByGroup(SessionFilter):
    def filter(self, event: AstrMessageEvent) -> str:
        return event.get_group_id() or event.unified_msg_origin


class SampleWaiter(Star):
    def __init__(self, context: Context):
        super().__init__(context)

    @filter.command("guess")
    async def guess(self, event: AstrMessageEvent):
        yield event.plain_result("guess a number")

        @session_waiter(timeout=30, record_history_chains=True)
        async def waiter(controller: SessionController, event: AstrMessageEvent):
            if event.message_str == "quit":
                controller.stop()
                return
            if event.message_str == "explode":
                controller.stop(KeyError("asked for"))
                return
            if event.message_str != "7":
                await event.send(event.plain_result("no"))
                controller.keep(timeout=30, reset_timeout=True)
                return
            await event.send(event.plain_result(f"yes, after {len(controller.get_history_chains())}"))
            controller.stop()

        try:
            await waiter(event)
        except TimeoutError:
            yield event.plain_result("too late")
        except KeyError as error:
            yield event.plain_result(f"error {error}")
        else:
            yield event.plain_result("over")
        event.stop_event()

    @filter.command("vote")
    async def vote(self, event: AstrMessageEvent):
        votes = []

        @session_waiter(30)
        async def waiter(controller: SessionController, event: AstrMessageEvent):
            votes.append(event.get_sender_id())
            if len(votes) == 2:
                controller.stop()

        await waiter(event, session_filter=ByGroup())
        yield event.plain_result("votes: " + ", ".join(votes))

    @filter.command("soon")
    async def soon(self, event: AstrMessageEvent):
        @session_waiter(timeout=0.05)
        async def waiter(controller: SessionController, event: AstrMessageEvent): ...

        try:
            await waiter(event)
        except TimeoutError:
            yield event.plain_result("timed out")
