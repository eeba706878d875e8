"""One answer of Chat Completions put together from its chunks, whatever ways the server has."""

from __future__ import annotations

from typing import Any

import msgspec

from astrbot_like.api.kit.chat import text_of
from astrbot_like.api.kit.chat_provider import Assembly, PartialCall
from astrbot_like.api.kit.errors import Blame, service_message
from astrbot_like.api.provider import LLMResponse

from .thinking import ThinkSplitter, WholeCharacters
from .wire import CallPiece, Chunk, Delta


class ChatAnswer:
    """Takes in chunks of one answer."""

    def __init__(self, blame: Blame) -> None:
        self._blame = blame
        self._assembly = Assembly()
        self._thinking = ThinkSplitter()
        self._text = WholeCharacters()
        self._at: dict[int, PartialCall] = {}

    def feed(self, chunk: Chunk) -> list[LLMResponse]:
        """The pieces in one chunk."""
        if error := chunk.error or (chunk.message if chunk.choices is None else None):
            raise self._blame.said(service_message(msgspec.json.encode(error)) or "no reason given")
        assembly = self._assembly
        if chunk.usage is not None:
            assembly.usage = chunk.usage.counted()
        if chunk.id and not assembly.response_id:
            assembly.response_id = str(chunk.id)
        if not chunk.choices:
            return []
        choice = next((one for one in chunk.choices if one.index in (0, "0", None)), chunk.choices[0])
        pieces: list[LLMResponse] = []
        delta = choice.delta or choice.message
        if delta is not None:
            self._take(delta, pieces)
        if choice.finish_reason:
            assembly.finished = True
            if choice.finish_reason == "content_filter":
                what = "cut short" if assembly.text else "withheld"
                raise self._blame.said(f"The answer was {what} by its content filter.", "bad_request")
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
        if reasoning := _reasoning_of(delta):
            pieces.append(self._assembly.thought(reasoning))
        content = delta.content
        if content:
            if isinstance(content, list):
                if reasoning := _thought(content):
                    pieces.append(self._assembly.thought(reasoning))
                content = _joined(content)
            thought, said = self._thinking.feed(self._text.feed(content))
            if thought:
                pieces.append(self._assembly.thought(thought))
            if said:
                pieces.append(self._assembly.said(said))
        elif delta.refusal:
            pieces.append(self._assembly.said(delta.refusal))
        for call in delta.tool_calls or ():
            self._take_call(call)

    def _take_call(self, piece: CallPiece) -> None:
        call = self._call_of(piece, str(piece.id) if piece.id is not None else "")
        call.extra = call.extra or piece.extra_content
        if piece.function is None:
            return
        call.name = call.name or piece.function.name or ""
        arguments = piece.function.arguments
        if isinstance(arguments, dict):
            call.arguments = msgspec.json.encode(arguments).decode()
        elif arguments:
            call.arguments += arguments

    def _call_of(self, piece: CallPiece, piece_id: str) -> PartialCall:
        """The call that a piece belongs to, which is often a new one.

        Some servers send every call with index 0 or none at all; a new id begins a new call there, and so does a name
        after arguments that are whole. Others send one id for all and tell them apart by index.
        """
        calls = self._assembly.calls
        before = self._at.get(piece.index) if piece.index is not None else (calls[-1] if calls else None)
        if piece_id and (before is None or before.id):
            before = next((call for call in calls if call.id == piece_id and self._may_be(call, piece.index)), None)
        elif before is not None and piece.function is not None and piece.function.name and _is_whole(before.arguments):
            before = None
        if before is None:
            before = PartialCall()
            calls.append(before)
        before.id = before.id or piece_id
        if piece.index is not None:
            self._at[piece.index] = before
        return before

    def _may_be(self, call: PartialCall, index: int | None) -> bool:
        places = [place for place, known in self._at.items() if known is call]
        return index is None or not places or index in places


def _reasoning_of(delta: Delta) -> str:
    """The reasoning, wherever it stands: DeepSeek's field, Ollama's, or OpenRouter's list."""
    for given in (delta.reasoning_content, delta.reasoning):
        if isinstance(given, str) and given:
            return given
    details = delta.reasoning_details if isinstance(delta.reasoning_details, list) else []
    texts = (detail.get("text") or detail.get("summary") for detail in details if isinstance(detail, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _is_whole(arguments: str) -> bool:
    try:
        msgspec.json.decode(arguments)
    except ValueError:
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
