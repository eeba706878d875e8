"""Which MCP servers there are: those kept in the store, and those of the file that MCP clients share."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec

from astrbot_like.domain.errors import ConfigError
from astrbot_like.domain.profiles import McpServerConfig
from astrbot_like.engine.mcp_servers import read_mcp_config
from astrbot_like.host.declared import resolve_environment
from astrbot_like.host.stores import Stores

log = logging.getLogger(__name__)

FILE = "mcp_server.json"
"""In the data directory: ``{"mcpServers": {name: {"command": …} or {"url": …}}}``."""


async def configured_mcp_servers(stores: Stores, data: Path) -> list[McpServerConfig]:
    """Every server, environment references resolved; one of the file wins over one of the store with its name."""
    found = {config.name: config for config in await stores.records.mcp_servers.all()}
    for config in await asyncio.to_thread(_from_file, data / FILE):
        found[config.name] = config
    return [msgspec.structs.replace(config, config=resolve_environment(config.config)) for config in found.values()]


def _from_file(path: Path) -> list[McpServerConfig]:
    """The file's servers; what is wrong in it is logged and left out."""
    try:
        document: Any = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        log.error("MCP server file not readable", extra={"file": path.name, "reason": str(error)})
        return []
    servers = document.get("mcpServers") if isinstance(document, dict) else None
    found: list[McpServerConfig] = []
    for name, options in (servers or {}).items():
        try:
            found.append(read_mcp_config(str(name), options if isinstance(options, dict) else {}))
        except ConfigError as error:
            log.error("MCP server left out", extra={"server": name, "reason": error.message})
    return found
