"""``StarTools``: services without a ``Context`` at hand."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from astrbot_like.api.chain import MessageChain
from astrbot_like.api.components.base import BaseMessageComponent
from astrbot_like.api.current import caller_module, current_host
from astrbot_like.api.incoming import AstrBotMessage, MessageMember, MessageSession, MessageType


class StarTools:
    """Services of the current host."""

    @classmethod
    async def send_message(cls, session: str | MessageSession, message_chain: MessageChain) -> bool:
        """As ``Context.send_message``."""
        return await current_host(caller_module()).context.send_message(session, message_chain)

    @classmethod
    async def send_message_by_id(
        cls, type: str, id: str, message_chain: MessageChain, platform: str = "aiocqhttp"
    ) -> None:
        """Send to a group or user by id.

        Args:
            type: ``GroupMessage`` or ``PrivateMessage``.
            platform: Type or id of the platform.

        Raises:
            ValueError: Unknown type, or no such platform.
        """
        kinds = {"GroupMessage": MessageType.GROUP_MESSAGE, "PrivateMessage": MessageType.FRIEND_MESSAGE}
        if type not in kinds:
            raise ValueError("type must be GroupMessage or PrivateMessage")
        target = _platform(platform)
        await target.send_by_session(MessageSession(target.meta().id, kinds[type], id), message_chain)

    @classmethod
    async def create_message(
        cls,
        type: str,
        self_id: str,
        session_id: str,
        sender: MessageMember,
        message: list[BaseMessageComponent],
        message_str: str,
        message_id: str = "",
        raw_message: object = None,
        group_id: str = "",
    ) -> AstrBotMessage:
        """A message as a platform adapter would build it."""
        made = AstrBotMessage()
        made.type = MessageType(type)
        made.self_id = self_id
        made.session_id = session_id
        made.message_id = message_id or uuid.uuid4().hex
        made.sender = sender
        made.message = message
        made.message_str = message_str
        made.raw_message = raw_message
        made.timestamp = int(time.time())
        if group_id:
            made.group_id = group_id
        return made

    @classmethod
    async def create_event(cls, abm: AstrBotMessage, platform: str = "aiocqhttp", is_wake: bool = True) -> None:
        """Have a message handled as if it had just come in on a platform.

        Args:
            platform: Type or id of the platform.
            is_wake: Whether the bot counts as addressed.

        Raises:
            ValueError: There is no such platform.
        """
        target = _platform(platform)
        event = target.create_event(abm)
        event.is_wake = is_wake
        event.is_at_or_wake_command = is_wake
        target.commit_event(event)

    @classmethod
    def activate_llm_tool(cls, name: str) -> bool:
        """Offer a tool again; False when there is none of that name."""
        return current_host(caller_module()).tools.activate_llm_tool(name)

    @classmethod
    async def activate_llm_tool_async(cls, name: str) -> bool:
        """Offer a tool again; False when there is none of that name."""
        return current_host(caller_module()).tools.activate_llm_tool(name)

    @classmethod
    def deactivate_llm_tool(cls, name: str) -> bool:
        """Stop offering a tool; False when there is none of that name."""
        return current_host(caller_module()).tools.deactivate_llm_tool(name)

    @classmethod
    async def deactivate_llm_tool_async(cls, name: str) -> bool:
        """Stop offering a tool; False when there is none of that name."""
        return current_host(caller_module()).tools.deactivate_llm_tool(name)

    @classmethod
    def register_llm_tool(
        cls, name: str, func_args: list[dict[str, Any]], desc: str, func_obj: Callable[..., Awaitable[Any]]
    ) -> None:
        """Offer a function as a tool."""
        current_host(caller_module()).tools.add_func(name, func_args, desc, func_obj)

    @classmethod
    def unregister_llm_tool(cls, name: str) -> None:
        """Take a tool out."""
        current_host(caller_module()).tools.remove_func(name)

    @classmethod
    def get_data_dir(cls, plugin_name: str | None = None) -> Path:
        """The plugin's own directory for data, ``data/plugin_data/<name>``; it is made.

        Args:
            plugin_name: The plugin; None: the one that calls.

        Raises:
            RuntimeError: The caller belongs to no plugin, or the directory can't be made.
            ValueError: The name leads out of the directory.
        """
        module = caller_module()
        host = current_host(module)
        if not plugin_name:
            plugin = host.plugin_of_module(module)
            if plugin is None or not plugin.name:
                raise RuntimeError(f"No plugin is known for the module {module}; give the plugin's name.")
            plugin_name = plugin.name
        base = host.data_dir / "plugin_data"
        folder = base / plugin_name
        if not folder.resolve().is_relative_to(base.resolve()) or folder.resolve() == base.resolve():
            raise ValueError(f"{plugin_name!r} is not a plugin's name.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RuntimeError(f"The directory {folder} can't be made: {error.strerror}") from error
        return folder.resolve()


def _platform(wanted: str) -> Any:
    instances = current_host(caller_module(3)).context.platform_manager.get_insts()
    for platform in instances:
        meta = platform.meta()
        if wanted in (meta.id, meta.name):
            return platform
    raise ValueError(f"There is no running platform {wanted!r}.")
