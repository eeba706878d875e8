"""The stages a message passes, in order, from the waking check to the reply.

Read ``Pipeline.run`` from its first line to its last: that is the life of a message.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from astrbot_like.engine import waking
from astrbot_like.engine.chains import component_kind
from astrbot_like.engine.context import Turn, subtree
from astrbot_like.engine.handlers import EventHandlers, MatchedHandler
from astrbot_like.engine.model_stage import ModelStage
from astrbot_like.runtime.clock import Clock

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent, MessageEventResult
    from astrbot_like.api.provider import ProviderRequest

log = logging.getLogger(__name__)

LONG_TEXT = 150
"""Characters above which ``t2i`` turns a text into a picture, when the configuration names no other limit."""


class Renderer(Protocol):
    """Draws text as a picture."""

    async def text_to_image(self, text: str) -> str:
        """Path of the picture.

        Raises:
            BotError: It could not be drawn.
        """
        ...


class Recorder(Protocol):
    """Speaks a text into a file, for platforms that take recordings."""

    async def record(self, text: str, turn: Turn) -> str | None:
        """Path of the recording, None when no speech provider is there or it failed."""
        ...


class Pipeline:
    """Runs messages through the stages."""

    def __init__(
        self,
        handlers: EventHandlers,
        model: ModelStage,
        renderer: Renderer,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._handlers = handlers
        self._model = model
        self._renderer = renderer
        self._recorder = recorder
        self._limiter = waking.RateLimiter(clock)

    async def run(self, turn: Turn, event: AstrMessageEvent) -> None:
        """Process one message; what is said goes out through ``event.send`` and ``turn.output``.

        Raises:
            BotError: The model could not answer.
        """
        config = turn.host_config
        web_user = turn.input is not None and not turn.credential
        if not waking.wake(event, config, admin=web_user):
            return
        if not waking.allowed(event, config):
            return
        if not await self._limiter.admit(turn.session.umo, self._rate_rule(turn)):
            return
        if waking.contains_blocked(event.message_str, config):
            await self._say(event, waking.BLOCKED_TEXT)
            return
        match = await self._handlers.match(event)
        if match.refusal:
            await self._say(event, match.refusal)
            event.stop_event()
            return
        for matched in match.handlers:
            await self._run_handler(turn, event, matched)
            if event.is_stopped():
                return
        if self._wants_model(turn, event):
            await self._answer(turn, event, None)

    # --- plugins ----------------------------------------------------------------------------------

    async def _run_handler(self, turn: Turn, event: AstrMessageEvent, matched: MatchedHandler) -> None:
        steps = self._handlers.run(matched, event)
        async with aclosing(steps):  # type: ignore[type-var]
            async for request in steps:
                if request is not None:
                    await self._answer(turn, event, request)
                # What a handler stopped with, or yields right after stopping, is still sent: plugins rely on it.
                if event.get_result() is not None:
                    await self._deliver(turn, event)
                    if event.is_stopped():
                        return

    def _wants_model(self, turn: Turn, event: AstrMessageEvent) -> bool:
        settings = subtree(turn.host_config, "provider_settings")
        if not settings.get("enable", True) or event.call_llm or event._has_send_oper:
            return False
        if not event.is_at_or_wake_command:
            return False
        prefix = str(settings.get("wake_prefix") or "")
        if prefix:
            if not event.message_str.startswith(prefix):
                return False
            event.message_str = event.message_str[len(prefix) :].strip()
        return bool(event.message_str.strip() or event.get_messages())

    # --- the model --------------------------------------------------------------------------------

    async def _answer(self, turn: Turn, event: AstrMessageEvent, request: ProviderRequest | None) -> None:
        async def deliver() -> None:
            await self._deliver(turn, event)

        await self._model.run(turn, event, request, deliver)

    # --- the reply --------------------------------------------------------------------------------

    async def _deliver(self, turn: Turn, event: AstrMessageEvent) -> None:
        """Decorate the event's result, send it, clear it."""
        result = event.get_result()
        if result is not None and result.chain and not await self._decorate(turn, event):
            await self._respond(turn, event)
        event.clear_result()

    async def _decorate(self, turn: Turn, event: AstrMessageEvent) -> bool:
        """Let hooks and settings change the result.

        Returns:
            True when a hook stopped the event: nothing is sent.
        """
        if await self._handlers.hook("decorating_result", event):
            return True
        result = event.get_result()
        if result is None or not result.chain:
            return False
        if result.is_llm_result() and waking.contains_blocked(result.get_plain_text(), turn.host_config):
            event.set_result(waking.BLOCKED_TEXT)
            return False
        platform = subtree(turn.host_config, "platform_settings")
        prefix = str(platform.get("reply_prefix") or "")
        if prefix:
            _prepend_text(result, prefix)
        if turn.input is None:
            await self._as_recording(turn, event, result)
        await self._as_picture(turn, result)
        if not event.is_private_chat():
            _address(event, result, platform)
        return False

    async def _respond(self, turn: Turn, event: AstrMessageEvent) -> None:
        """Send recordings as messages of their own, first, then the rest; blank texts and bare quotes are nothing."""
        from astrbot_like.api.event import MessageChain
        from astrbot_like.api.message_components import Plain

        result = event.get_result()
        if result is None:
            return
        kept = [c for c in result.chain if not (isinstance(c, Plain) and not c.text.strip())]
        if all(component_kind(c) in ("Reply", "At", "AtAll") for c in kept):
            return
        records = [c for c in kept if component_kind(c) == "Record"]
        rest = [c for c in kept if component_kind(c) != "Record"]
        for record in records:
            await event.send(MessageChain([record]))
        if rest and not all(component_kind(c) in ("Reply", "At", "AtAll") for c in rest):
            await event.send(MessageChain(rest))
        event._has_send_oper = True
        await self._handlers.hook("after_message_sent", event)

    async def _as_recording(self, turn: Turn, event: AstrMessageEvent, result: MessageEventResult) -> None:
        """``provider_tts_settings``: the model's answer as a recording, on platforms other than the web chat."""
        from astrbot_like.api.message_components import Record

        settings = subtree(turn.host_config, "provider_tts_settings")
        if not settings.get("enable") or not result.is_llm_result():
            return
        if random.random() > float(settings.get("trigger_probability") or 1.0):
            return
        path = await self._recorder.record(result.get_plain_text(), turn)
        if path is None:
            return
        record = Record.fromFileSystem(path)
        others = [c for c in result.chain if component_kind(c) != "Plain"]
        result.chain = [record, *result.chain] if settings.get("dual_output") else [record, *others]

    async def _as_picture(self, turn: Turn, result: MessageEventResult) -> None:
        """``t2i``: a long text as a picture, when the result or the configuration asks for it."""
        from astrbot_like.api.message_components import Image, Plain
        from astrbot_like.domain.errors import BotError

        wanted = result.use_t2i_ if result.use_t2i_ is not None else bool(turn.host_config.get("t2i"))
        if not wanted or turn.options.speak:
            return
        text = "\n\n".join(c.text for c in result.chain if isinstance(c, Plain))
        if len(text) <= int(turn.host_config.get("t2i_word_threshold") or LONG_TEXT):
            return
        try:
            path = await self._renderer.text_to_image(text)
        except BotError as error:
            log.warning("text could not be drawn, sent as text", extra={"error": error.message})
            return
        result.chain = [Image.fromFileSystem(path), *(c for c in result.chain if component_kind(c) != "Plain")]

    async def _say(self, event: AstrMessageEvent, text: str) -> None:
        from astrbot_like.api.event import MessageChain

        await event.send(MessageChain().message(text))

    @staticmethod
    def _rate_rule(turn: Turn) -> Mapping[str, Any]:
        """The web chat has limits of its own at its doors; here a rule counts only when the profile itself sets it."""
        config = turn.profile.host if turn.input is not None else turn.host_config
        return subtree(subtree(config, "platform_settings"), "rate_limit")


def _prepend_text(result: MessageEventResult, prefix: str) -> None:
    from astrbot_like.api.message_components import Plain

    for component in result.chain:
        if isinstance(component, Plain):
            component.text = prefix + component.text
            return
    result.chain.insert(0, Plain(prefix))


def _address(event: AstrMessageEvent, result: MessageEventResult, platform: Mapping[str, Any]) -> None:
    """``reply_with_mention`` and ``reply_with_quote``, in groups."""
    from astrbot_like.api.message_components import At, Plain, Reply

    if any(component_kind(c) in ("Node", "Nodes", "Record") for c in result.chain):
        return
    if platform.get("reply_with_mention"):
        result.chain[0:0] = [At(qq=event.get_sender_id(), name=event.get_sender_name()), Plain(" ")]
    if platform.get("reply_with_quote") and event.message_obj.message_id:
        result.chain.insert(0, Reply(id=event.message_obj.message_id))
