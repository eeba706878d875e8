"""All settings, composed of the parts that the rooms define."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.engine.documents import DocumentSettings
from astrbot_like.engine.settings import LiveSettings, TurnSettings
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.operations.settings import AccountSettings
from astrbot_like.plugin_host.settings import PluginSettings
from astrbot_like.storage.settings import StorageSettings


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens and how it stops."""

    host: Annotated[str, Meta(description="Address to listen on; 0.0.0.0 makes it reachable from other machines.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")] = 6185
    data_dir: Annotated[str, Meta(description="Folder of everything that is kept.")] = "data"
    shutdown_grace: Annotated[
        float, Meta(ge=0, description="Seconds that running turns may take to end when the server stops.")
    ] = 10.0
    max_connections: Annotated[
        int,
        Meta(ge=1, description="Connections open at once; less where the system lets the process open few files."),
    ] = 10_000
    workers: Annotated[int, Meta(ge=0, description="Processes that recognise speech; 0: half of the cores.")] = 0


class AdminSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first administrator of an unattended installation; read at the first start only."""

    username: Annotated[str, Meta(description="Name of the administrator made at the first start.")] = "admin"
    password: Annotated[str, Meta(description="Its password; without one a random password is made and printed.")] = ""


class LoggingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's log on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe messages that are logged.")
    ] = "info"
    format: Annotated[Literal["logfmt", "json"], Meta(description="One line an event, as logfmt or JSON.")] = "logfmt"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an operator can set.

    Attributes:
        providers: Declared providers: ``id``, ``type`` and the type's own options. They win over the dashboard's.
        profiles: Declared profiles by id: chains ``llm``, ``stt``, ``tts``, ``embedding``, ``rerank``, ``persona``,
            ``voice`` and ``host``.
        platforms: Declared platform adapters: ``id``, ``type`` and the type's own options.
    """

    server: ServerSettings = ServerSettings()
    admin: AdminSettings = AdminSettings()
    logging: LoggingSettings = LoggingSettings()
    dashboard: DashboardSettings = DashboardSettings()
    turn: TurnSettings = TurnSettings()
    live: LiveSettings = LiveSettings()
    voice: VoiceSettings = VoiceSettings()
    documents: DocumentSettings = DocumentSettings()
    plugins: PluginSettings = PluginSettings()
    storage: StorageSettings = StorageSettings()
    accounts: AccountSettings = AccountSettings()
    providers: list[dict[str, Any]] = []
    profiles: dict[str, dict[str, Any]] = {}
    platforms: list[dict[str, Any]] = []
