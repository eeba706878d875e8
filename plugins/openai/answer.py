"""One answer of Chat Completions put together from its chunks, whatever ways the server has."""

from __future__ import annotations

from typing import Any

import msgspec

from astrbot_like.api.kit.chat import text_of
from astrbot_like.api.kit.chat_provider import Assembly, PartialCall
from astrbot_like.api.kit.errors import Blame, service_message
from astrbot_like.api.provider import LLMResponse

from .thinking import ThinkSplitter
from .wire import CallPiece, Chunk, Delta


class ChatAnswer:
    """Takes in chunks of one answer."""

    def __init__(self, blame: Blame) -> None:
        self._blame = blame
        self._assembly = Assembly()
        self._thinking = ThinkSplitter()

    def feed(self, chunk: Chunk) -> list[LLMResponse]:
        """The pieces in one chunk."""
        if error := chunk.error or (chunk.message if chunk.object == "error" else None):
            raise self._blame.said(service_message(msgspec.json.encode(error)) or "no reason given")
        assembly = self._assembly
        if chunk.usage is not None:
            assembly.usage = chunk.usage.counted()
        if chunk.id and not assembly.response_id:
            assembly.response_id = str(chunk.id)
        if not chunk.choices:
            return []
        choice = chunk.choices[0]
        pieces: list[LLMResponse] = []
        delta = choice.delta or choice.message
        if delta is not None:
            self._take(delta, pieces)
        if choice.finish_reason:
            assembly.finished = True
            if choice.finish_reason == "content_filter" and not assembly.text:
                raise self._blame.said("the answer was withheld by its content filter")
        elif choice.message is not None and choice.delta is None:
            assembly.finished = True
        return pieces

    def done(self) -> None:
        """The stream's own end mark came."""
        self._assembly.finished = True

    def end(self) -> list[LLMResponse]:
        """What was held back until the end."""
        thought, said = self._thinking.close()
        return [
            *([self._assembly.thought(thought)] if thought else []),
            *([self._assembly.said(said)] if said else []),
        ]

    def whole(self) -> LLMResponse:
        """The complete response."""
        return self._assembly.whole(self._blame)

    def _take(self, delta: Delta, pieces: list[LLMResponse]) -> None:
        reasoning = delta.reasoning_content or delta.reasoning
        if reasoning:
            pieces.append(self._assembly.thought(reasoning))
        content = delta.content
        if content:
            if isinstance(content, list):
                if reasoning := _thought(content):
                    pieces.append(self._assembly.thought(reasoning))
                content = _joined(content)
            thought, said = self._thinking.feed(content)
            if thought:
                pieces.append(self._assembly.thought(thought))
            if said:
                pieces.append(self._assembly.said(said))
        elif delta.refusal:
            pieces.append(self._assembly.said(delta.refusal))
        for call in delta.tool_calls or ():
            self._take_call(call)

    def _take_call(self, piece: CallPiece) -> None:
        calls = self._assembly.calls
        piece_id = str(piece.id) if piece.id is not None else ""
        same = next((call for call in calls if piece_id and call.id == piece_id), None)
        # Some servers send every call with index 0 or none at all; a new id begins a new call there, and so does a
        # name after arguments that are whole.
        place = piece.index if piece.index is not None else len(calls) - 1
        if same is None and 0 <= place < len(calls) and not (piece_id and calls[place].id):
            named = piece.function is not None and piece.function.name
            same = None if named and _is_whole(calls[place].arguments) else calls[place]
        if same is None:
            same = PartialCall()
            calls.append(same)
        same.id = same.id or piece_id
        same.extra = same.extra or piece.extra_content
        if piece.function is None:
            return
        same.name = same.name or piece.function.name or ""
        arguments = piece.function.arguments
        if isinstance(arguments, dict):
            same.arguments = msgspec.json.encode(arguments).decode()
        elif arguments:
            same.arguments += arguments


def _is_whole(arguments: str) -> bool:
    try:
        msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return False
    return True


def _thought(content: list[Any]) -> str:
    """The reasoning in a list of content parts, as Mistral sends it."""
    thoughts = (part.get("thinking") for part in content if isinstance(part, dict) and part.get("type") == "thinking")
    return "".join(text_of(thought) for thought in thoughts)


def _joined(content: list[Any]) -> str:
    return "".join(
        part.get("text", "") for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
    )
