"""Builds the request to the model for a message: prompt, media, persona, tools, and the conversation so far."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from astrbot_like.domain.history import Conversation
from astrbot_like.domain.ports import History
from astrbot_like.domain.profiles import NO_PERSONA, Persona
from astrbot_like.engine.chains import component_kind, inline_text
from astrbot_like.engine.context import Profiles, Turn, subtree
from astrbot_like.engine.handlers import PluginTools
from astrbot_like.engine.history import as_plugins_see, model_context
from astrbot_like.engine.providers import ProviderEntry, describe

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent
    from astrbot_like.api.provider import ProviderRequest

VOICE_PROMPT = (
    "Your reply is read aloud while you write it. Answer in short, plain spoken sentences, "
    "without Markdown, lists, tables, links or emoji."
)
"""Added to the system prompt of a turn whose reply is spoken."""


class FileText(msgspec.Struct, frozen=True):
    """What a file gave for the model: ``text``, or ``problem`` in words for the model and the user."""

    text: str = ""
    problem: str = ""


class FileReader(Protocol):
    """Reads files as text."""

    async def read(self, path: str, filename: str) -> FileText:
        """The file's text, or why there is none. Never raises for the file's sake."""
        ...


class Transcriber(Protocol):
    """Turns recordings into text."""

    async def transcribe_file(self, path: str, turn: Turn) -> FileText:
        """What is said in the recording, or why that could not be found out."""
        ...


class BuiltRequest(msgspec.Struct):
    """A request with what is to be said to the user about it.

    Attributes:
        problems: Files that could not be read, in words for the user.
    """

    request: ProviderRequest
    problems: list[str]


class RequestBuilder:
    """Makes requests for the model stage."""

    def __init__(
        self,
        history: History,
        profiles: Profiles,
        tools: PluginTools,
        files: FileReader,
        transcriber: Transcriber,
    ) -> None:
        self._history = history
        self._profiles = profiles
        self._tools = tools
        self._files = files
        self._transcriber = transcriber

    async def build(self, turn: Turn, event: AstrMessageEvent, entry: ProviderEntry) -> BuiltRequest:
        """The default request for a message.

        Args:
            entry: The provider that will be asked first; what it takes decides how media are given to it.
        """
        from astrbot_like.api.provider import ProviderRequest

        conversation = await self._history.conversation(turn.session.conversation_id)
        request = ProviderRequest(prompt=event.message_str, session_id=turn.session.umo)
        problems = await self._add_media(turn, event, request, entry)
        settings = subtree(turn.host_config, "provider_settings")
        prefix = str(settings.get("prompt_prefix") or "")
        if prefix:
            prompt = request.prompt or ""
            request.prompt = prefix.replace("{{prompt}}", prompt) if "{{prompt}}" in prefix else prefix + prompt
        persona = self._persona(turn, conversation)
        request.system_prompt = self._system_prompt(turn, persona, settings)
        request.model = turn.options.model
        request.contexts = await self.contexts(conversation)
        if persona is not None and persona.begin_dialogs:
            opening = [
                {"role": "user" if index % 2 == 0 else "assistant", "content": text}
                for index, text in enumerate(persona.begin_dialogs)
            ]
            request.contexts = [*opening, *request.contexts]
        tools = self._tool_set(event, persona)
        if told := self._tools.add_skills(event, tools, lambda name: _may_use(persona, name)):
            request.system_prompt = f"{request.system_prompt}\n\n{told}".lstrip()
        request.func_tool = tools or None
        if conversation is not None:
            request.conversation = as_plugins_see(conversation, request.contexts)
        return BuiltRequest(request, problems)

    async def conversation_of(self, given: Any) -> Conversation | None:
        """The stored conversation behind the object that plugins handle."""
        return await self._history.conversation(str(getattr(given, "cid", "") or ""))

    async def contexts(self, conversation: Conversation | None) -> list[dict[str, Any]]:
        """The conversation so far, as the model is given it."""
        if conversation is None:
            return []
        rows = await self._history.context(conversation.conversation_id)
        return model_context(rows, conversation)

    # --- media ------------------------------------------------------------------------------------

    async def _add_media(
        self, turn: Turn, event: AstrMessageEvent, request: ProviderRequest, entry: ProviderEntry
    ) -> list[str]:
        """Put the message's media into the request, each in the form the model takes."""
        takes = _modalities(entry)
        before: list[str] = []
        after: list[str] = []
        problems: list[str] = []
        component: Any
        for component in event.get_messages():
            name = component_kind(component)
            if name == "Reply":
                quoted = component.message_str or "".join(map(inline_text, component.chain or []))
                if quoted.strip():
                    before.append(f"[Quoted message: {quoted.strip()}]")
                continue
            if name not in ("Image", "Record", "File", "Video"):
                continue
            label = getattr(component, "name", "") or name.lower()
            try:
                path = await (component.get_file() if name == "File" else component.convert_to_file_path())
            except Exception as error:  # noqa: BLE001 - a file that can't be had is said to the user and the model
                problems.append(f"{label} could not be read: {describe(error)}")
                continue
            if name == "Image" and "image" in takes:
                request.image_urls.append(path)
            elif name == "Record" and "audio" in takes:
                request.audio_urls.append(path)
            elif name == "Record":
                said = await self._transcriber.transcribe_file(path, turn)
                _note(after, problems, f"Recording {label}", said)
            elif name == "File":
                _note(after, problems, f"File {label}", await self._files.read(path, label))
            else:
                problems.append(f"{label}: the chosen model does not take {name.lower()}s.")
        after += [f"[{problem}]" for problem in problems]
        request.prompt = "\n\n".join(piece for piece in [*before, request.prompt or "", *after] if piece)
        return problems

    # --- persona, tools ---------------------------------------------------------------------------

    def _persona(self, turn: Turn, conversation: Conversation | None) -> Persona | None:
        chosen = turn.options.persona or (conversation.persona_id if conversation else None)
        if chosen == NO_PERSONA:
            return None
        return self._profiles.persona(chosen or turn.profile.persona_id)

    def _system_prompt(self, turn: Turn, persona: Persona | None, settings: Mapping[str, Any]) -> str:
        pieces = [turn.options.persona_prompt or (persona.prompt if persona else "")]
        if settings.get("identifier"):
            pieces.append(f"The user's name is {turn.session.creator}.")
        if settings.get("datetime_system_prompt"):
            pieces.append("Current date and time: " + _now(str(turn.profile.host.get("timezone") or "")))
        if turn.options.speak:
            pieces.append(VOICE_PROMPT)
        return "\n\n".join(piece for piece in pieces if piece)

    def _tool_set(self, event: AstrMessageEvent, persona: Persona | None) -> Any:
        tools = self._tools.tool_set(event)
        if persona is not None and persona.tools is not None:
            from astrbot_like.api.tools import ToolSet

            tools = ToolSet([tool for tool in tools if tool.name in persona.tools])
        return tools


def _may_use(persona: Persona | None, skill: str) -> bool:
    return persona is None or persona.skills is None or skill in persona.skills


def _note(after: list[str], problems: list[str], label: str, read: FileText) -> None:
    if read.problem:
        problems.append(f"{label}: {read.problem}")
    else:
        after.append(f"[{label}]\n{read.text}\n[End of {label}]")


def _modalities(entry: ProviderEntry) -> set[str]:
    """What a model takes besides text: its ``modalities`` option; without one images are assumed, audio is not."""
    configured = entry.config.config.get("modalities")
    if isinstance(configured, list):
        return {str(item) for item in configured}
    declared = getattr(entry.instance, "modalities", None)
    return {str(item) for item in declared} if declared is not None else {"text", "image"}


def _now(zone: str) -> str:
    """The time in ``zone``; this machine's where none, or none that is known, is named."""
    shown = "%Y-%m-%d %H:%M (%Z)"
    if zone:
        with suppress(ZoneInfoNotFoundError, ValueError):
            return datetime.now(ZoneInfo(zone)).strftime(shown)
    return time.strftime(shown)
