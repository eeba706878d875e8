"""The services of a ``Context``, in memory, and a host for the API's module-level names."""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astrbot_like.api.config import AstrBotConfig
from astrbot_like.api.default_config import DEFAULT_CONFIG
from astrbot_like.api.func_tools import FunctionToolManager
from astrbot_like.api.host_tables import ActiveEvents
from astrbot_like.api.preferences import MemoryPreferences, SharedPreferences
from astrbot_like.api.provider.base import Providers
from astrbot_like.api.provider.entities import LLMResponse, ProviderMetaData
from astrbot_like.api.registration import HandlerRegistration, PlatformRegistration
from astrbot_like.api.services import Renderer
from astrbot_like.api.star.context import Context, ContextServices
from astrbot_like.api.star.metadata import StarMetadata
from astrbot_like.api.testing.fake_stores import FakeConversations, FakePersonas, FakePlatforms, FakeProviders
from astrbot_like.api.util import SessionWaiters


class FakeAgent:
    """Asks the provider once; calls no tool."""

    async def run_tool_loop(self, *, provider: Any, **request: Any) -> LLMResponse:
        """One call of the model."""
        return await provider.text_chat(
            prompt=request["prompt"], contexts=list(request["contexts"]), system_prompt=request["system_prompt"]
        )


class FakeConfig:
    """One configuration for all sessions: AstrBot's defaults with some keys changed."""

    def __init__(self, **changes: Any) -> None:
        self.tree = AstrBotConfig("", copy.deepcopy(DEFAULT_CONFIG))
        self.tree.update(changes)

    def get(self, umo: str | None = None) -> AstrBotConfig:
        """The configuration."""
        return self.tree


class FakeHistory:
    """Messages kept by plugins, in memory."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    async def insert(
        self,
        platform_id: str,
        user_id: str,
        content: Any,
        sender_id: str | None = None,
        sender_name: str | None = None,
    ) -> Any:
        """Keep a message."""
        row = {"platform_id": platform_id, "user_id": user_id, "content": content, "sender_id": sender_id}
        self._rows.append({**row, "sender_name": sender_name})
        return self._rows[-1]

    async def get(self, platform_id: str, user_id: str, page: int = 1, page_size: int = 200) -> Sequence[Any]:
        """One page of messages."""
        fitting = [row for row in self._rows if (row["platform_id"], row["user_id"]) == (platform_id, user_id)]
        return fitting[(page - 1) * page_size : page * page_size]

    async def delete(self, platform_id: str, user_id: str, offset_sec: int = 86400) -> None:
        """Forget all messages of a session."""
        self._rows = [row for row in self._rows if (row["platform_id"], row["user_id"]) != (platform_id, user_id)]


class FakeCron:
    """Timed jobs that only run when the test says so.

    Attributes:
        jobs: By id: the arguments they were added with.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}

    async def add_basic_job(self, **job: Any) -> Any:
        """Keep a job."""
        return self._add({"job_type": "basic", **job})

    async def add_active_job(self, **job: Any) -> Any:
        """Keep a job."""
        return self._add({"job_type": "active_agent", **job})

    def _add(self, job: dict[str, Any]) -> Any:
        job_id = uuid.uuid4().hex
        self.jobs[job_id] = {"job_id": job_id, **job}
        return self.jobs[job_id]

    async def update_job(self, job_id: str, **changes: Any) -> Any:
        """Change a job."""
        self.jobs[job_id].update(changes)
        return self.jobs[job_id]

    async def delete_job(self, job_id: str) -> None:
        """Forget a job."""
        self.jobs.pop(job_id, None)

    async def list_jobs(self, job_type: str | None = None) -> Sequence[Any]:
        """Jobs of one type, or all."""
        return [job for job in self.jobs.values() if job_type in (None, job["job_type"])]

    async def run(self, job_id: str) -> Any:
        """Call a job's handler now."""
        job = self.jobs[job_id]
        outcome = job["handler"](**(job.get("payload") or {}))
        return await outcome if asyncio.iscoroutine(outcome) else outcome


class FakeRenderer:
    """Draws nothing; keeps what was to be drawn."""

    def __init__(self) -> None:
        self.rendered: list[Any] = []

    async def render_custom_template(
        self, tmpl_str: str, tmpl_data: dict[str, Any], return_url: bool = True, options: dict[str, Any] | None = None
    ) -> str:
        """A path that does not exist."""
        self.rendered.append((tmpl_str, tmpl_data, options))
        return "/nonexistent/rendered.png"

    async def render_t2i(
        self, text: str, use_network: bool = True, return_url: bool = False, template_name: str | None = None
    ) -> str:
        """A path that does not exist."""
        self.rendered.append(text)
        return "/nonexistent/text.png"


def fake_services(*providers: Providers, **config: Any) -> ContextServices:
    """Services in memory.

    Args:
        providers: The first of each kind is in use.
        **config: Keys of the host's configuration that differ from the defaults.
    """
    return ContextServices(
        providers=FakeProviders(*providers),
        conversations=FakeConversations(),
        personas=FakePersonas(),
        platforms=FakePlatforms(),
        agent=FakeAgent(),
        config=FakeConfig(**config),
        tools=FunctionToolManager(),
        history=FakeHistory(),
        cron=FakeCron(),
    )


class FakeHost:
    """A host for the API's module-level names; bind it with ``astrbot_like.api.current.bind_host``.

    Args:
        root: Directory that holds ``data``.
        stars: Plugins, by main module.
    """

    def __init__(self, root: Path, services: ContextServices | None = None, stars: Sequence[StarMetadata] = ()) -> None:
        self.root = root
        self.data_dir = root / "data"
        self.services = services or fake_services()
        self.context = Context(self.services)
        self.preferences = SharedPreferences(MemoryPreferences())
        self.tools = self.services.tools
        self.waiters = SessionWaiters()
        self.active_events = ActiveEvents()
        self.stars: list[StarMetadata] = list(stars)
        self.handlers: list[HandlerRegistration] = []
        self.provider_types: dict[str, ProviderMetaData] = {}
        self.platform_types: dict[str, PlatformRegistration] = {}
        self.renderer: Renderer = FakeRenderer()

    @property
    def config(self) -> AstrBotConfig:
        """The configuration."""
        return self.services.config.get()

    @property
    def star_map(self) -> dict[str, StarMetadata]:
        """Main module → plugin."""
        return {star.module_path: star for star in self.stars if star.module_path}

    def owns_module(self, module: str) -> bool:
        """Whether a plugin has that module."""
        return self.plugin_of_module(module) is not None

    def plugin_of_module(self, module: str) -> StarMetadata | None:
        """The plugin a module belongs to."""
        for main, star in self.star_map.items():
            package = main.rpartition(".")[0] or main
            if module == main or module.startswith(f"{package}."):
                return star
        return None

    async def register_file(self, path: str) -> str:
        """A made-up URL.

        Raises:
            RuntimeError: ``callback_api_base`` is not configured.
        """
        base = self.config.get("callback_api_base")
        if not base:
            raise RuntimeError("callback_api_base is not set")
        return f"{base}/api/file/{Path(path).name}"
