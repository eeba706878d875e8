"""Conversations of a session: listing, choosing, naming."""

from __future__ import annotations

from astrbot_like.api.conversations import Conversation
from astrbot_like.api.event import AstrMessageEvent
from astrbot_like.api.star import Context

from .texts import say

PAGE = 10
"""Lines a page."""

SHORT = 4
"""Characters of an id that are shown."""


def pages_of(count: int) -> int:
    """Number of pages."""
    return max(1, -(-count // PAGE))


class Talks:
    """The conversations of sessions."""

    def __init__(self, context: Context) -> None:
        self._manager = context.conversation_manager

    async def new(self, event: AstrMessageEvent, title: str) -> str:
        """Start one."""
        cid = await self._manager.new_conversation(
            event.unified_msg_origin, event.get_platform_id(), title=title.strip() or None
        )
        return say("new", cid=cid[:SHORT])

    async def current(self, event: AstrMessageEvent) -> Conversation | None:
        """The current one."""
        cid = await self._manager.get_curr_conversation_id(event.unified_msg_origin)
        return await self._manager.get_conversation(event.unified_msg_origin, cid) if cid else None

    async def reset(self, event: AstrMessageEvent) -> str:
        """Empty the current one."""
        current = await self.current(event)
        if current is None:
            return say("none")
        await self._manager.update_conversation(event.unified_msg_origin, current.cid, history=[])
        return say("reset")

    async def listed(self, event: AstrMessageEvent, page: int) -> str:
        """One page of the list."""
        every = await self._manager.get_conversations(event.unified_msg_origin)
        if not every:
            return say("none")
        pages = pages_of(len(every))
        page = min(max(page, 1), pages)
        current = await self._manager.get_curr_conversation_id(event.unified_msg_origin)
        first = (page - 1) * PAGE
        lines = [
            say(
                "ls.line",
                number=number,
                title=title_of(one),
                cid=one.cid[:SHORT],
                current=say("ls.current") if one.cid == current else "",
            )
            for number, one in enumerate(every[first : first + PAGE], first + 1)
        ]
        return say("ls", page=page, pages=pages, lines="\n".join(lines)) + say("ls.hint")

    async def find(self, event: AstrMessageEvent, wanted: str) -> Conversation | None:
        """By its number in the list or the beginning of its id."""
        every = await self._manager.get_conversations(event.unified_msg_origin)
        if wanted.isdigit() and 0 < int(wanted) <= len(every):
            return every[int(wanted) - 1]
        return next((one for one in every if wanted and one.cid.startswith(wanted)), None)

    async def switch(self, event: AstrMessageEvent, wanted: str) -> str:
        """Make another one the current one."""
        found = await self.find(event, wanted)
        if found is None:
            return say("unknown", what=wanted)
        await self._manager.switch_conversation(event.unified_msg_origin, found.cid)
        return say("switch", title=title_of(found), cid=found.cid[:SHORT])

    async def rename(self, event: AstrMessageEvent, title: str) -> str:
        """Rename the current one."""
        current = await self.current(event)
        if current is None:
            return say("none")
        await self._manager.update_conversation(event.unified_msg_origin, current.cid, title=title)
        return say("rename", title=title)

    async def delete(self, event: AstrMessageEvent, wanted: str) -> str:
        """Delete one; the current one when none is named."""
        found = await self.find(event, wanted) if wanted else await self.current(event)
        if found is None:
            return say("unknown", what=wanted) if wanted else say("none")
        await self._manager.delete_conversation(event.unified_msg_origin, found.cid)
        return say("del", title=title_of(found), cid=found.cid[:SHORT])

    async def history(self, event: AstrMessageEvent, page: int) -> str:
        """One page of the current one, latest first."""
        current = await self.current(event)
        if current is None:
            return say("none")
        lines, pages = await self._manager.get_human_readable_context(
            event.unified_msg_origin, current.cid, max(page, 1), PAGE
        )
        if not lines:
            return say("history.empty")
        return say("history", page=max(page, 1), pages=pages, lines="\n".join(lines))


def title_of(conversation: Conversation) -> str:
    """What it is called in a list."""
    return conversation.title or say("ls.untitled")
