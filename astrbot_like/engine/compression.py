"""Keeps long conversations within the model's window: the older part is replaced by a summary, beside the talk.

The window itself is guarded for each call by ``ContextWindow.fit``; this keeps what would be left out from being lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from astrbot_like.domain.history import Conversation, StoredMessage
from astrbot_like.domain.ports import History
from astrbot_like.engine.context import Profiles, Turn
from astrbot_like.engine.history import SUMMARY_HEAD
from astrbot_like.engine.providers import CHAT, ProviderDirectory, ProviderEntry, describe
from astrbot_like.engine.settings import TurnSettings
from astrbot_like.engine.window import ContextWindow, message_tokens
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import Supervisor

log = logging.getLogger(__name__)

INSTRUCTION = (
    "Summarise the conversation above for yourself, so that you can go on with it without seeing it again. "
    "Keep names, facts about the user, numbers, decisions, promises and open questions. Leave out small talk. "
    "Write plain text in the language of the conversation, at most {words} words."
)
SUMMARY_WORDS = 400
SUMMARY_CHARS = 4000
"""A summary that is longer is cut off, for it is sent with every call."""

KEPT_SHARE = 0.5
"""Of what a conversation may fill, so much is left as it was said; the rest is summarised."""

EXCERPT = 160
"""Characters kept of each of the user's messages when no model can summarise."""


class Compressor:
    """Summarises conversations that grow towards the window's end."""

    def __init__(
        self,
        history: History,
        directory: ProviderDirectory,
        profiles: Profiles,
        window: ContextWindow,
        settings: TurnSettings,
        clock: Clock,
        supervisor: Supervisor,
    ) -> None:
        self._history = history
        self._directory = directory
        self._profiles = profiles
        self._window = window
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self._busy: set[str] = set()

    def after(self, turn: Turn) -> None:
        """Look at a turn's conversation once the turn has ended; never blocks."""
        conversation_id = turn.session.conversation_id
        runs = [run for run in turn.runs if run.stored and run.progress.provider is not None]
        if not runs or conversation_id in self._busy:
            return
        entry = runs[-1].progress.provider
        assert entry is not None
        limit = self._window.limit_of(entry) * self._settings.context_keep
        if runs[-1].progress.estimated < limit:
            return
        self._busy.add(conversation_id)
        task = self._supervisor.job(self._compress(turn, limit), name=f"summary of {conversation_id[:8]}")
        task.add_done_callback(lambda _task: self._busy.discard(conversation_id))

    async def _compress(self, turn: Turn, limit: float) -> None:
        conversation_id = turn.session.conversation_id
        conversation = await self._history.conversation(conversation_id)
        rows = await self._history.context(conversation_id)
        old = older_part(rows, limit * KEPT_SHARE)
        if conversation is None or not old:
            return
        summary = await self._summary(turn, conversation, old)
        await self._history.compress(conversation_id, summary=summary, up_to=old[-1].id)
        log.info("conversation summarised", extra={"conversation": conversation_id, "messages": len(old)})

    async def _summary(self, turn: Turn, conversation: Conversation, old: Sequence[StoredMessage]) -> str:
        messages = [message for row in old for message in row.context]
        if conversation.summary:
            messages.insert(0, {"role": "system", "content": SUMMARY_HEAD + conversation.summary})
        ids = self._profiles.chain_ids(turn.profile, CHAT, turn.session.umo)
        for entry in self._directory.chain(CHAT, ids):
            if getattr(entry.instance, "summarises", True):
                try:
                    return await self._ask(entry, messages)
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # noqa: BLE001 - becomes a report; the next provider is tried
                    self._directory.failed(entry, error)
                    log.warning("summary failed", extra={"provider": entry.id, "error": describe(error)})
        return excerpts(conversation.summary, messages)

    async def _ask(self, entry: ProviderEntry, messages: list[dict[str, Any]]) -> str:
        prompt = INSTRUCTION.format(words=SUMMARY_WORDS)
        room = self._window.limit_of(entry) - message_tokens({"role": "user", "content": prompt})
        fitting = self._window.fit(messages, room).messages
        async with self._clock.timeout(self._settings.model_deadline):
            response = await entry.instance.text_chat(prompt=prompt, contexts=fitting)
        text = (response.completion_text or "").strip()
        if response.role == "err" or not text:
            raise ValueError("the model gave no summary")
        self._directory.succeeded(entry)
        return text[:SUMMARY_CHARS]


def older_part(rows: Sequence[StoredMessage], kept_tokens: float) -> list[StoredMessage]:
    """The oldest rows but for the newest whole turns of about ``kept_tokens``; the last turn always stays."""
    kept = 0.0
    cut = len(rows)
    turn_id = ""
    for index in range(len(rows) - 1, -1, -1):
        kept += sum(message_tokens(message) for message in rows[index].context)
        if rows[index].turn_id != turn_id and cut < len(rows) and kept > kept_tokens:
            break
        cut, turn_id = index, rows[index].turn_id
    return list(rows[:cut])


def excerpts(summary: str, messages: Sequence[dict[str, Any]]) -> str:
    """A summary made without a model: the beginnings of what the user said."""
    said = [str(m["content"])[:EXCERPT] for m in messages if m.get("role") == "user" and m.get("content")]
    lines = [summary] if summary else []
    lines += [f"- The user said: {text}" for text in said]
    return "\n".join(lines)[-SUMMARY_CHARS:]
