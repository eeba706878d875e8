"""From a plugin's message chain to parts whose media are in the attachment store.

Files are copied before this returns: plugins delete theirs as soon as a send is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.domain.errors import ProcessingError
from astrbot_like.domain.messages import MEDIA_PART_TYPES, MediaKind, MessagePart, PlainPart
from astrbot_like.domain.ports import Attachments
from astrbot_like.engine.providers import describe

if TYPE_CHECKING:
    from astrbot_like.api.event import MessageChain

_MEDIA: dict[str, MediaKind] = {"Image": "image", "Record": "record", "Video": "video", "File": "file"}


async def split_chain(chain: MessageChain, attachments: Attachments) -> list[MessagePart]:
    """The chain as stored parts, in order; neighbouring texts become one.

    Raises:
        ProcessingError: A file of the chain can't be read.
    """
    parts: list[MessagePart] = []
    text = ""
    for component in flatten(chain.chain):
        kind = _MEDIA.get(component_kind(component))
        if kind is None:
            text += inline_text(component)
            continue
        if text.strip():
            parts.append(PlainPart(text))
        text = ""
        parts.append(await _store(component, kind, attachments))
    if text.strip():
        parts.append(PlainPart(text))
    return parts


def flatten(components: Iterable[Any]) -> Iterable[Any]:
    """Components in order, merged forwards opened up."""
    for component in components:
        name = component_kind(component)
        if name == "Nodes":
            yield from flatten(component.nodes)
        elif name == "Node":
            if component.name:
                yield _Line(f"{component.name}: ")
            yield from flatten(component.content or [])
            yield _Line("\n")
        else:
            yield component


def inline_text(component: Any) -> str:
    """What a component that is no media reads as in a line of text; quotations read as nothing."""
    match component_kind(component):
        case "Plain":
            return str(component.text)
        case "At":
            return f"@{component.name or component.qq} "
        case "AtAll":
            return "@all "
        case "Reply" | "Forward":
            return ""
        case "Face":
            return f"[face {component.id}]"
        case "Json":
            return str(component.data)
        case "Share":
            return f"{getattr(component, 'title', '')} {getattr(component, 'url', '')}".strip()
        case other:
            return "" if other == "Unknown" else f"[{other}]"


class _Line:
    """Text that a merged forward adds."""

    type = "Plain"

    def __init__(self, text: str) -> None:
        self.text = text


def component_kind(component: Any) -> str:
    """The name of a message component's type, such as ``Plain``; empty for what is none."""
    kind = getattr(component, "type", "")
    return str(getattr(kind, "value", kind))


async def _store(component: Any, kind: MediaKind, attachments: Attachments) -> MessagePart:
    name = str(getattr(component, "name", "") or "")
    try:
        path = Path(await (component.get_file() if kind == "file" else component.convert_to_file_path()))
    except Exception as error:
        raise ProcessingError(f"A {kind} of the reply could not be read: {describe(error)}") from error
    if str(path) in ("", "."):
        raise ProcessingError(f"A {kind} of the reply names no file.")
    try:
        stored = await attachments.put_file(path, filename=name or path.name, kind=kind)
    except OSError as error:  # a folder, or a file that may not be read
        raise ProcessingError(f"A {kind} of the reply could not be read: {describe(error)}") from error
    return MEDIA_PART_TYPES[kind](stored.attachment_id, stored.filename)
