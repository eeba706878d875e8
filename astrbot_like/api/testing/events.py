"""Events for tests: they keep what is sent."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from astrbot_like.api.chain import MessageChain
from astrbot_like.api.components.base import BaseMessageComponent
from astrbot_like.api.components.basic import Plain
from astrbot_like.api.incoming import AstrBotMessage, MessageMember, MessageType, PlatformMetadata
from astrbot_like.api.message_event import AstrMessageEvent

TEST_PLATFORM = PlatformMetadata(name="test", description="For tests", id="test")

_numbers = itertools.count(1)


class FakeEvent(AstrMessageEvent):
    """An event that keeps what is sent.

    Attributes:
        sent: Chains in the order they were sent.
    """

    sent: list[MessageChain]

    async def send(self, message: MessageChain) -> None:
        """Keep a chain."""
        self.sent.append(message)
        await super().send(message)

    @property
    def sent_texts(self) -> list[str]:
        """What was sent, as text; other components as ``[ClassName]``."""
        return [chain.get_plain_text(with_other_comps_mark=True) for chain in self.sent]


def make_message(
    content: str | Sequence[BaseMessageComponent],
    *,
    sender: str = "10001",
    nickname: str = "tester",
    group: str = "",
    self_id: str = "bot",
) -> AstrBotMessage:
    """A message as an adapter would build it."""
    message = AstrBotMessage()
    message.type = MessageType.GROUP_MESSAGE if group else MessageType.FRIEND_MESSAGE
    message.self_id = self_id
    message.session_id = group or sender
    message.message_id = f"m{next(_numbers)}"
    message.sender = MessageMember(sender, nickname)
    message.message = [Plain(content)] if isinstance(content, str) else list(content)
    message.message_str = " ".join(part.text for part in message.message if isinstance(part, Plain))
    message.raw_message = None
    if group:
        message.group_id = group
    return message


def make_event(
    content: str | Sequence[BaseMessageComponent],
    *,
    sender: str = "10001",
    nickname: str = "tester",
    group: str = "",
    self_id: str = "bot",
    admin: bool = False,
    awake: bool = False,
    platform: PlatformMetadata = TEST_PLATFORM,
) -> FakeEvent:
    """An event.

    Args:
        content: Text or components.
        group: Id of the group; empty: said in private.
        admin: The sender is an administrator.
        awake: As after the waking stage: the bot is addressed.
    """
    message = make_message(content, sender=sender, nickname=nickname, group=group, self_id=self_id)
    event = FakeEvent(message.message_str, message, platform, message.session_id)
    event.sent = []
    event.role = "admin" if admin else "member"
    event.is_wake = event.is_at_or_wake_command = awake
    return event
