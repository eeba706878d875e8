"""Parts of a message as they cross the wire and as they are stored.

The structs decode and encode the documented JSON (``{"type": "plain", "text": …}``) in one step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

MediaKind: TypeAlias = Literal["image", "record", "file", "video"]


class PlainPart(msgspec.Struct, frozen=True, tag_field="type", tag="plain"):
    """Text."""

    text: str


class ImagePart(msgspec.Struct, frozen=True, tag_field="type", tag="image", omit_defaults=True):
    """An uploaded image."""

    attachment_id: str
    filename: str = ""


class RecordPart(msgspec.Struct, frozen=True, tag_field="type", tag="record", omit_defaults=True):
    """An uploaded piece of audio."""

    attachment_id: str
    filename: str = ""


class FilePart(msgspec.Struct, frozen=True, tag_field="type", tag="file", omit_defaults=True):
    """An uploaded file of any other type."""

    attachment_id: str
    filename: str = ""


class VideoPart(msgspec.Struct, frozen=True, tag_field="type", tag="video", omit_defaults=True):
    """An uploaded video."""

    attachment_id: str
    filename: str = ""


class ReplyPart(msgspec.Struct, frozen=True, tag_field="type", tag="reply", omit_defaults=True):
    """A quotation of an earlier message of the session."""

    message_id: str | int
    selected_text: str = ""


MediaPart: TypeAlias = ImagePart | RecordPart | FilePart | VideoPart
MessagePart: TypeAlias = PlainPart | ImagePart | RecordPart | FilePart | VideoPart | ReplyPart

MEDIA_PART_TYPES: dict[MediaKind, type[ImagePart] | type[RecordPart] | type[FilePart] | type[VideoPart]] = {
    "image": ImagePart,
    "record": RecordPart,
    "file": FilePart,
    "video": VideoPart,
}


def media_kind(part: MediaPart) -> MediaKind:
    """The wire name of a media part's type."""
    match part:
        case ImagePart():
            return "image"
        case RecordPart():
            return "record"
        case VideoPart():
            return "video"
        case FilePart():
            return "file"


def display_text(parts: Iterable[MessagePart]) -> str:
    """What stands for a message in a list: its plain parts joined with a newline, else a count of its media.

    Returns:
        For media alone ``[attachment] 1 file, 2 image``: counts by type, types sorted.
    """
    texts: list[str] = []
    counts: Counter[str] = Counter()
    for part in parts:
        if isinstance(part, PlainPart):
            texts.append(part.text)
        elif not isinstance(part, ReplyPart):
            counts[media_kind(part)] += 1
    if texts:
        return "\n".join(texts)
    if not counts:
        return ""
    return "[attachment] " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
