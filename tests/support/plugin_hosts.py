"""Plugin hosts over folders made by tests."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from astrbot_like.api.chain import MessageChain, MessageEventResult
from astrbot_like.api.components.basic import Plain
from astrbot_like.api.config import AstrBotConfig
from astrbot_like.api.incoming import AstrBotMessage, MessageMember, MessageType, PlatformMetadata
from astrbot_like.api.message_event import AstrMessageEvent
from astrbot_like.api.preferences import MemoryPreferences
from astrbot_like.api.star.context import Context, ContextServices
from astrbot_like.plugin_host.manager import PluginHost
from astrbot_like.plugin_host.render import Renderer
from astrbot_like.plugin_host.settings import PluginSettings
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.runtime.tasks import Supervisor

API_VERSION = "4.27.4"

HEAD = """
from astrbot.api import logger
from astrbot.api.event import AstrMessageEvent, MessageEventResult, filter
from astrbot.api.star import Context, Star, register
"""


class NoPlatforms:
    """No bot runs here."""

    instances: tuple[()] = ()


def write_plugin(parent: Path, name: str, body: str, *, metadata: str | None = None, **files: str) -> Path:
    """A plugin's folder with ``main.py`` (the usual imports come first) and metadata."""
    folder = parent / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.py").write_text(HEAD + textwrap.dedent(body), "utf-8")
    text = metadata if metadata is not None else f"name: {name}\ndesc: a test\nversion: '1.0'\nauthor: Tester\n"
    if text:
        (folder / "metadata.yaml").write_text(text, "utf-8")
    for file, content in files.items():
        (folder / file.replace("__", ".")).write_text(textwrap.dedent(content), "utf-8")
    return folder


class TestEvent(AstrMessageEvent):
    """An event that keeps what was sent."""

    __test__ = False

    def __init__(self, text: str, *, group: bool = False, sender: str = "1", woken: bool = True) -> None:
        message = AstrBotMessage()
        message.type = MessageType.GROUP_MESSAGE if group else MessageType.FRIEND_MESSAGE
        message.self_id, message.session_id, message.message_id = "bot", "s1", "m1"
        message.sender = MessageMember(sender, "Sender")
        message.message, message.message_str, message.raw_message = [Plain(text)], text, None
        super().__init__(text, message, PlatformMetadata("webchat", "test", "webchat"), "s1")
        self.is_wake = self.is_at_or_wake_command = woken
        self.sent: list[str] = []

    async def send(self, message: MessageChain) -> None:
        self.sent.append(message.get_plain_text())
        await super().send(message)


@asynccontextmanager
async def plugin_host(
    root: Path,
    *,
    bundled: Path | None = None,
    preferences: Any = None,
    config: dict[str, Any] | None = None,
    load: bool = True,
    data_dir: Path | None = None,
    **settings: Any,
) -> AsyncIterator[PluginHost]:
    """A host over ``root/data/plugins``, without any of the other parts of the application."""
    supervisor = Supervisor(SystemClock())
    tree = AstrBotConfig(default_config={"plugin_set": ["*"], "admins_id": ["admin"], **(config or {})})
    host = PluginHost(
        PluginSettings(**{"bundled": bundled is not None, **settings}),
        data_dir=data_dir or root / "data",
        supervisor=supervisor,
        preferences=preferences or MemoryPreferences(),
        config_for=lambda _umo: tree,
        renderer=Renderer(root / "data" / "temp"),
        api_version=API_VERSION,
        bundled=bundled,
    )
    nothing: Any = None
    services = ContextServices(
        providers=nothing,
        conversations=nothing,
        personas=nothing,
        platforms=NoPlatforms(),  # type: ignore[arg-type]
        agent=nothing,
        config=nothing,
        tools=host.tools,
        history=nothing,
        cron=nothing,
        stars=lambda: host.stars,
        start_task=host.old_forms.start_task,
        register_command=host.old_forms.register_command,
    )
    host.attach(Context(services))
    await host.open()
    try:
        if load:
            await host.load_all()
        yield host
    finally:
        await host.aclose()
        await supervisor.aclose()


async def say(host: PluginHost, event: AstrMessageEvent | str) -> list[str]:
    """Run an event through the handlers as the pipeline does; returns what was sent.

    A request to the model is shown as ``LLM:<prompt>``.
    """
    given = TestEvent(event) if isinstance(event, str) else event
    assert isinstance(given, TestEvent)
    match = await host.dispatch.match(given)
    if match.refusal:
        return [match.refusal]
    for matched in match.handlers:
        async for item in host.dispatch.run(matched, given):
            if item is not None:
                given.sent.append(f"LLM:{item.prompt}")
            await _respond(given)
        if given.is_stopped():
            break
    return given.sent


async def _respond(event: TestEvent) -> None:
    result: MessageEventResult | None = event.get_result()
    if result is not None and result.chain:
        await event.send(MessageChain(result.chain))
    event.clear_result()
