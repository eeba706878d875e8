"""Providers, models and personas."""

from __future__ import annotations

from typing import Any

from astrbot_like.api.event import AstrMessageEvent
from astrbot_like.api.provider import ProviderType
from astrbot_like.api.star import Context

from .talks import Talks
from .texts import say

KINDS = (ProviderType.CHAT_COMPLETION, ProviderType.TEXT_TO_SPEECH, ProviderType.SPEECH_TO_TEXT)
"""Kinds that a session can choose, in the order they are listed."""

UNSET = "[%None]"
"""Persona id that stands for "none chosen", as AstrBot writes it."""


class Models:
    """What answers in a session."""

    def __init__(self, context: Context, talks: Talks) -> None:
        self._context = context
        self._talks = talks

    def _numbered(self) -> list[tuple[ProviderType, Any]]:
        context = self._context
        found = {
            ProviderType.CHAT_COMPLETION: context.get_all_providers(),
            ProviderType.TEXT_TO_SPEECH: context.get_all_tts_providers(),
            ProviderType.SPEECH_TO_TEXT: context.get_all_stt_providers(),
        }
        return [(kind, one) for kind in KINDS for one in found[kind]]

    def providers(self, event: AstrMessageEvent) -> str:
        """The list of providers."""
        lines: list[str] = []
        shown: ProviderType | None = None
        for number, (kind, provider) in enumerate(self._numbered(), 1):
            if kind is not shown:
                shown = kind
                lines.append(f"[{say(f'kind.{kind.value}')}]")
            meta = provider.meta()
            using = self._context.provider_manager.get_using_provider(kind, event.unified_msg_origin)
            model = f" ({meta.model})" if meta.model else ""
            lines.append(f"{number}. {meta.id}{model}{say('using') if using is provider else ''}")
        return say("provider", sections="\n".join(lines)) if lines else say("provider.none")

    async def choose_provider(self, event: AstrMessageEvent, wanted: str) -> str:
        """Choose a provider for the session."""
        every = self._numbered()
        if wanted.isdigit() and 0 < int(wanted) <= len(every):
            kind, provider = every[int(wanted) - 1]
        else:
            match = next(((kind, one) for kind, one in every if one.meta().id == wanted), None)
            if match is None:
                return say("unknown", what=wanted)
            kind, provider = match
        chosen = provider.meta().id
        await self._context.provider_manager.set_provider(chosen, kind, event.unified_msg_origin)
        return say("provider.set", kind=say(f"kind.{kind.value}"), id=chosen)

    async def models(self, event: AstrMessageEvent, wanted: str) -> str:
        """The models of the chat provider in use, or choose one."""
        provider = self._context.get_using_provider(event.unified_msg_origin)
        if provider is None:
            return say("model.no_provider")
        try:
            names = list(await provider.get_models())
        except Exception as error:  # noqa: BLE001 - whatever a service raises is told to the administrator
            if not wanted or wanted.isdigit():
                return say("model.failed", error=f"{type(error).__name__}: {error}")
            names = []
        if not wanted:
            lines = [f"{number}. {name}" for number, name in enumerate(names, 1)]
            return say("model", provider=provider.meta().id, current=provider.get_model(), lines="\n".join(lines))
        name = names[int(wanted) - 1] if wanted.isdigit() and 0 < int(wanted) <= len(names) else wanted
        provider.set_model(name)
        return say("model.set", model=name)

    async def persona(self, event: AstrMessageEvent, wanted: str) -> str:
        """The personas, or choose one for the current conversation."""
        manager = self._context.persona_manager
        conversation = await self._talks.current(event)
        if not wanted:
            chosen = conversation.persona_id if conversation else None
            default = await manager.get_default_persona_v3(event.unified_msg_origin)
            names = [str(one.get("name")) for one in manager.personas_v3]
            current = chosen if chosen and chosen != UNSET else str(default.get("name"))
            return say("persona", current=current, lines="\n".join(f"- {name}" for name in names))
        if wanted != "unset" and manager.get_persona_v3_by_id(wanted) is None:
            return say("unknown", what=wanted)
        if conversation is None:
            await self._talks.new(event, "")
            conversation = await self._talks.current(event)
        assert conversation is not None
        await self._context.conversation_manager.update_conversation(
            event.unified_msg_origin, conversation.cid, persona_id=UNSET if wanted == "unset" else wanted
        )
        return say("persona.unset") if wanted == "unset" else say("persona.set", name=wanted)
