"""An MCP server made with the official library (package ``mcp``), as a process of its own.

``python mcp_server.py stdio|sse|streamable_http [port]``. Its tools: ``add``, ``slow`` (writes what becomes of it into
the file named by MCP_LOG), ``crash`` (ends the process), ``whoami`` (the process id), ``fail``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer

server = MCPServer("stand-in")


def note(line: str) -> None:
    """Append a line to the log file."""
    if path := os.environ.get("MCP_LOG"):
        with Path(path).open("a") as file:
            file.write(line + "\n")


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
async def slow(seconds: float) -> str:
    """Take a long time."""
    note("slow began")
    try:
        await asyncio.sleep(seconds)
    except BaseException:
        note("slow cancelled")
        raise
    return "done"


@server.tool()
def crash() -> str:
    """End the server."""
    os._exit(3)


@server.tool()
def whoami() -> str:
    """Tell the process id."""
    return str(os.getpid())


@server.tool()
def fail() -> str:
    """Raise an error."""
    raise ValueError("this tool always fails")


if __name__ == "__main__":
    transport = sys.argv[1]
    if transport == "stdio":
        server.run("stdio")
    else:
        import uvicorn

        made = server.sse_app() if transport == "sse" else server.streamable_http_app()
        uvicorn.run(made, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
