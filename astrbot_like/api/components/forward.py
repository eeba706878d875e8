"""Merged, forwarded messages."""

from __future__ import annotations

from typing import Any

from astrbot_like.api.components.base import BaseMessageComponent, ComponentType
from astrbot_like.api.components.media import Image, Record


class Node(BaseMessageComponent):
    """One entry of a merged, forwarded message.

    Attributes:
        content: Its components.
        name: Shown name of the sender.
        uin: Id of the sender.
    """

    type = ComponentType.Node
    id: int | None = 0
    name: str | None = ""
    uin: str | None = "0"
    content: list[BaseMessageComponent] = []  # noqa: RUF012 - copied for each instance
    seq: str | list[Any] | None = ""
    time: int | None = 0

    def __init__(self, content: list[BaseMessageComponent] | Node, **values: Any) -> None:
        super().__init__(content=[content] if isinstance(content, Node) else content, **values)

    async def to_dict(self) -> dict[str, Any]:
        """A OneBot v11 ``node`` segment; pictures and voice are put in as Base64."""
        content: list[dict[str, Any]] = []
        for part in self.content:
            if isinstance(part, Image | Record):
                data = {"file": f"base64://{await part.convert_to_base64()}"}
                content.append({"type": part.type.lower(), "data": data})
            else:
                content.append(await part.to_dict())
        return {"type": "node", "data": {"user_id": str(self.uin), "nickname": self.name, "content": content}}


class Nodes(BaseMessageComponent):
    """A merged, forwarded message."""

    type = ComponentType.Nodes
    nodes: list[Node]

    def __init__(self, nodes: list[Node], **values: Any) -> None:
        super().__init__(nodes=nodes, **values)

    def toDict(self) -> dict[str, Any]:
        """``{"messages": […]}``."""
        return {"messages": [node.toDict() for node in self.nodes]}

    async def to_dict(self) -> dict[str, Any]:
        """``{"messages": […]}`` with media put in."""
        return {"messages": [await node.to_dict() for node in self.nodes]}


def flatten(chain: list[BaseMessageComponent]) -> list[BaseMessageComponent]:
    """The components of ``chain`` with merged messages taken apart, for platforms that know no such thing."""
    flat: list[BaseMessageComponent] = []
    for part in chain:
        if isinstance(part, Nodes):
            flat.extend(flatten(list(part.nodes)))
        elif isinstance(part, Node):
            flat.extend(flatten(part.content))
        else:
            flat.append(part)
    return flat
