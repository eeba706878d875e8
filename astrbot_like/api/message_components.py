"""Message components, under the name plugins import them by."""

from __future__ import annotations

from astrbot_like.api.components.base import BaseMessageComponent, ComponentType
from astrbot_like.api.components.basic import (
    RPS,
    At,
    AtAll,
    Contact,
    Dice,
    Face,
    Forward,
    Json,
    Location,
    Music,
    Plain,
    Poke,
    Reply,
    Shake,
    Share,
    Unknown,
)
from astrbot_like.api.components.forward import Node, Nodes
from astrbot_like.api.components.media import File, Image, Record, Video

ComponentTypes: dict[str, type[BaseMessageComponent]] = {
    "plain": Plain,
    "text": Plain,
    "image": Image,
    "record": Record,
    "video": Video,
    "file": File,
    "face": Face,
    "at": At,
    "rps": RPS,
    "dice": Dice,
    "shake": Shake,
    "share": Share,
    "contact": Contact,
    "location": Location,
    "music": Music,
    "reply": Reply,
    "poke": Poke,
    "forward": Forward,
    "node": Node,
    "nodes": Nodes,
    "json": Json,
    "unknown": Unknown,
}
"""OneBot segment type → class."""

__all__ = [
    "RPS",
    "At",
    "AtAll",
    "BaseMessageComponent",
    "ComponentType",
    "ComponentTypes",
    "Contact",
    "Dice",
    "Face",
    "File",
    "Forward",
    "Image",
    "Json",
    "Location",
    "Music",
    "Node",
    "Nodes",
    "Plain",
    "Poke",
    "Record",
    "Reply",
    "Shake",
    "Share",
    "Unknown",
    "Video",
]
