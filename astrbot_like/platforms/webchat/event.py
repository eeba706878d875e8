"""A message of the web chat on its way through the pipeline."""

from __future__ import annotations

from astrbot_like.api.event import AstrMessageEvent, MessageChain
from astrbot_like.api.filters.base import SPOKEN
from astrbot_like.api.platform import AstrBotMessage, PlatformMetadata
from astrbot_like.engine.context import TurnInput
from astrbot_like.engine.output import TurnOutput


class WebchatEvent(AstrMessageEvent):
    """An event whose answers go back to the front end that asked.

    Attributes:
        turn_input: The request and the reply's writing end.
        turn_output: The running turn's output; None before the turn has begun.
    """

    def __init__(self, message: AstrBotMessage, meta: PlatformMetadata, turn_input: TurnInput) -> None:
        super().__init__(message.message_str, message, meta, message.session_id)
        self.turn_input = turn_input
        self.turn_output: TurnOutput | None = None
        options = turn_input.request.options
        # Names under which plugins of the web chat look for these choices.
        self.set_extra("enable_streaming", options.streaming)
        self.set_extra("selected_provider", options.llm_provider)
        self.set_extra("selected_model", options.model)
        if turn_input.request.stt_time is not None:
            self.set_extra(SPOKEN, True)
        if options.speak:
            self.set_extra("action_type", "live")

    async def send(self, message: MessageChain) -> None:
        """Send at once: text as deltas or whole, media as stored attachments; spoken where speech is wanted."""
        if self.turn_output is not None:
            result = self.get_result()
            await self.turn_output.send_chain(message, by_model=result is not None and result.is_llm_result())
        await super().send(message)
