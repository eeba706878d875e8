"""A plugin's timed job over a restart of the whole application: the bot speaks up in the web chat by itself."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from astrbot_like.storage.database import Database
from astrbot_like.storage.records import record_stores
from tests.support.applications import application, sign_in

PLUGIN = """
from datetime import datetime, timedelta, timezone

from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star


class Reminder(Star):
    @filter.command("later")
    async def later(self, event: AstrMessageEvent, note: str):
        job = await self.context.cron_manager.add_active_job(
            name="later", cron_expression=None, run_once=True,
            payload={"session": event.unified_msg_origin, "note": note},
            run_at=datetime.now(timezone.utc) + timedelta(hours=1),
        )
        yield event.plain_result(f"noted {job.job_id}")
"""
FAKES = Path(__file__).parents[2] / "support" / "fake_providers"


async def test_the_bot_speaks_up_after_a_restart(tmp_path: Path) -> None:
    plugin = tmp_path / "plugins" / "reminder"
    plugin.mkdir(parents=True)
    (plugin / "main.py").write_text(PLUGIN, "utf-8")
    (plugin / "metadata.yaml").write_text("name: reminder\nauthor: a\nversion: '1'\ndesc: Reminds.\n", "utf-8")
    shutil.copytree(FAKES, tmp_path / "plugins" / "fake_providers")
    parts: dict[str, Any] = {
        "providers": [{"id": "chat", "type": "fake_chat", "reply": "Time for tea, my friend."}],
        "profiles": {"default": {"llm": ["chat"]}},
    }
    async with application(tmp_path, **parts) as app, aiohttp.ClientSession(app.url) as http:
        headers = {"Authorization": f"Bearer {await sign_in(http)}"}
        async with http.post("/api/chat/new_session", json={}, headers=headers) as answer:
            session = (await answer.json())["data"]["session_id"]
        body = {"session_id": session, "message": "/later tea"}
        async with http.post("/api/chat/send", json=body, headers=headers) as answer:
            assert "noted" in await answer.text()
    await overdue(tmp_path)
    async with application(tmp_path, **parts) as app, aiohttp.ClientSession(app.url) as http:
        headers = {"Authorization": f"Bearer {await sign_in(http)}"}
        async with asyncio.timeout(60):
            while not (said := [text for text in await history(http, headers, session) if "Time for tea" in text]):
                await asyncio.sleep(0.05)
    assert said == ["Time for tea, my friend."]


async def history(http: aiohttp.ClientSession, headers: dict[str, str], session: str) -> list[str]:
    """Texts of the session's messages."""
    async with http.get("/api/chat/get_session", params={"session_id": session}, headers=headers) as answer:
        return [row["text"] for row in (await answer.json())["data"]["history"]]


async def overdue(data: Path) -> None:
    """Let the time of the only job have passed while the server was off."""
    database = await Database.open(data)
    try:
        jobs = record_stores(database, data).jobs
        (job,) = await jobs.all()
        past = datetime.now(UTC) - timedelta(minutes=1)
        await jobs.put(msgspec.structs.replace(job, run_at=past.isoformat()))
    finally:
        await database.aclose()
