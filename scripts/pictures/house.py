"""An installation that has been in use for a while, for the pictures to show."""

from __future__ import annotations

import io
import math
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image, ImageDraw

from scripts.pictures.plugins import BROKEN_PLUGIN, RADIO_PLUGIN, archive
from tests.browser.pages import BrowserHouse

ROOT = Path(__file__).parents[2]
HOUR_MS = 3_600_000

SMALL_TALK = (
    ("Plan a weekend in the mountains", "With children, please"),
    ("Explain the offside rule", "Shorter, please"),
    ("Draft a letter to the landlord",),
    ("What to cook with leeks?",),
    ("给女儿起一个有寓意的名字", "请再多想几个"),
    ("Translate the menu",),
    ("帮我写一份周会纪要",),
    ("Why is the sky dark at night?",),
    ("Names for a sailing boat",),
)

TIDE = "High water on Tuesday"
TIDE_ZH = "周二的高潮时间"
FERRY = "The ferry and the tide gauge"
"""Sessions that the pictures open."""


def gauge() -> bytes:
    """A picture of a tide curve, to be attached."""
    image = Image.new("RGB", (960, 540), "#eef4f2")
    draw = ImageDraw.Draw(image)
    curve = [(x, 290 - 150 * math.sin(x / 150)) for x in range(0, 961, 4)]
    draw.polygon([(0, 540), *curve, (960, 540)], fill="#bfe0da")
    draw.line(curve, fill="#0b6b61", width=6)
    for y in range(60, 540, 80):
        draw.line([(0, y), (960, y)], fill="#d5e2de", width=1)
    draw.ellipse((600, 395, 628, 423), fill="#c2402a")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


async def upload(house: BrowserHouse, path: str, name: str, content: bytes) -> Any:
    """``data`` of the answer to a file."""
    form = aiohttp.FormData()
    form.add_field("file", content, filename=name)
    return await house.send_form(path, form)


async def ask(house: BrowserHouse, session: str, *parts: Any) -> None:
    """Send one message and read its reply to the end."""
    await house.read_to_end("/api/chat/send", session_id=session, message=list(parts), show_reasoning=True)


async def new_session(house: BrowserHouse, name: str) -> str:
    """A session with a name."""
    session = (await house.post("/api/chat/new_session"))["session_id"]
    await house.post("/api/chat/update_session_display_name", session_id=session, display_name=name)
    return session


async def talk(house: BrowserHouse) -> None:
    """The conversations: the newest ones are what the pictures open."""
    for texts in SMALL_TALK:
        session = await new_session(house, texts[0])
        for text in texts:
            await ask(house, session, {"type": "plain", "text": text})
    picture = await upload(house, "/api/chat/post_file", "tide-gauge.png", gauge())
    session = await new_session(house, FERRY)
    shown = {"type": "image", "attachment_id": picture["attachment_id"], "filename": "tide-gauge.png"}
    note = await upload(house, "/api/chat/post_file", "logbook-2026.txt", b"06:00 wind west 4\n" * 400)
    paper = {"type": "file", "attachment_id": note["attachment_id"], "filename": "logbook-2026.txt"}
    await ask(house, session, shown, paper, {"type": "plain", "text": "What does this picture show?"})
    await ask(house, session, {"type": "plain", "text": "How much does the ferry burn for 14.4 miles and back?"})
    session = await new_session(house, TIDE_ZH)
    await ask(house, session, {"type": "plain", "text": "周二什么时候高潮？"})
    session = await new_session(house, TIDE)
    await ask(house, session, {"type": "plain", "text": "When is high water on Tuesday? And how do you know?"})


async def furnish(house: BrowserHouse, url: str) -> None:
    """Providers in every state, plugins, bots, personas, profiles, keys and a backup."""
    await house.use_model(url, "sea-large")
    options = {"type": "openai_chat_completion", "provider_type": "chat_completion", "api_key": "sk-none"}
    for name, more in (
        ("deepseek", {"api_base": "http://127.0.0.1:9/v1", "model": "deepseek-chat"}),
        ("ollama", {"api_base": url, "model": "qwen3:8b", "enable": False}),
    ):
        await house.post("/api/provider/new", config={"id": name, "enable": True, **options, **more})
    await house.post("/api/config/write", id="default", profile={"llm": ["stand-in", "deepseek", "offline"]})
    await upload(house, "/api/plugin/install-upload", "harbour_radio.zip", archive(RADIO_PLUGIN))
    await upload(house, "/api/plugin/install-upload", "night_watch.zip", archive(BROKEN_PLUGIN))
    await house.post("/api/plugin/install", path=str(ROOT / "docs" / "plugins" / "examples" / "reading_list"))
    await house.post("/api/plugin/off", name="edge_tts")
    for name, port in (("channel-16", 9000), ("channel-72", 9001)):
        await house.post("/api/platform/new", config={"id": name, "type": "radio", "enable": True, "port": port})
    server = str(ROOT / "tests" / "standins" / "mcp_server.py")
    await house.post("/api/mcp/new", name="chart-room", config={"command": sys.executable, "args": [server, "stdio"]})
    await house.post(
        "/api/persona/create",
        id="Harbour master",
        prompt="You speak briefly, like somebody with a pipe in the corner of the mouth. You know every rock by name.",
        begin_dialogs=["Good morning", "Morning. Wind's from the west."],
    )
    await house.post("/api/persona/create", id="海港广播员", prompt="你是海港的广播员，说话简短、清楚、有礼貌。")
    kitchen = (await house.post("/api/config/create", name="Kitchen"))["id"]
    await house.post("/api/config/write", id=kitchen, profile={"llm": ["deepseek"]})
    await house.post("/api/apikey/create", name="Kitchen display", scopes=["chat", "file"], expires_in_days=90)
    await house.post("/api/apikey/create", name="Old script", scopes=["*"], expires_in_days=None)
    keys = (await house.get("/api/apikey/list"))["keys"]
    await house.post("/api/apikey/revoke", key_id=next(key["key_id"] for key in keys if key["name"] == "Old script"))
    await house.post("/api/stat/limits", kind="key", subject="*", period="day", tokens=200_000)
    await house.post("/api/stat/limits", kind="user", subject="admin", period="month", tokens=5_000_000)
    await house.post("/api/backup/create")


async def move_model(house: BrowserHouse, url: str) -> None:
    """The model is at another port than when the data was made."""
    for provider in (await house.get("/api/provider/list"))["providers"]:
        if provider["id"] in ("stand-in", "ollama") and provider["config"]["api_base"] != url:
            config = provider["config"] | {"id": provider["id"], "api_base": url}
            await house.post("/api/provider/update", id=provider["id"], config=config)


def spread_turns(database: Path) -> None:
    """Copy the turns over the past month, busier by day, with the stages of spoken ones; the server must be stopped."""
    now = int(time.time() * 1000)
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        turns = [dict(row) for row in connection.execute("SELECT * FROM turns ORDER BY id")]
        for hours in range(1, 24 * 29):
            busy = 1 + round(3 * max(0.0, math.sin((hours % 24) / 24 * math.tau)) + (hours % 7 == 0))
            for number in range(busy):
                wave = 0.5 + 0.5 * math.sin(hours / 5 + number)
                turn = dict(turns[(hours + number) % len(turns)])
                del turn["id"]
                turn |= {
                    "turn_id": f"{turn['turn_id']}-{hours}-{number}",
                    "created_ms": now - hours * HOUR_MS - number * 400_000,
                    "input_tokens": 300 + int(500 * wave),
                    "output_tokens": 80 + int(220 * wave),
                    "outcome": "failed" if (hours * 7 + number) % 41 == 0 else turn["outcome"],
                    "stt_time": 0.18 + 0.12 * wave,
                    "llm_ttft": 0.35 + 0.4 * wave,
                    "llm_total_time": 1.4 + 1.3 * wave,
                    "tts_first_frame_time": 0.09 + 0.07 * wave,
                    "speak_to_first_frame": 0.7 + 0.5 * wave,
                    "total_time": 2.4 + 2.0 * wave,
                }
                names = ", ".join(turn)
                marks = ", ".join(f":{name}" for name in turn)
                connection.execute(f"INSERT INTO turns ({names}) VALUES ({marks})", turn)
        rows = connection.execute("SELECT session_id FROM sessions ORDER BY updated_ms DESC").fetchall()
        for place, row in enumerate(rows):
            moved = now - place**2 * 2 * HOUR_MS
            connection.execute("UPDATE sessions SET updated_ms = ? WHERE session_id = ?", (moved, row["session_id"]))
