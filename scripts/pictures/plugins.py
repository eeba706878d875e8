"""Plugins of the installation that the pictures show: one with everything a plugin can bring, and a broken one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

WATCH_PAGE = {
    "pages/watch/index.html": """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><title>Watch</title><link rel="stylesheet" href="./style.css" /></head>
  <body>
    <h1 id="heading"></h1>
    <table>
      <thead><tr id="head"></tr></thead>
      <tbody id="calls"></tbody>
    </table>
    <script type="module" src="./watch.js"></script>
  </body>
</html>
""",
    "pages/watch/style.css": """body { margin: 24px; font: 16px/1.5 system-ui, sans-serif; }
body { color: #15211e; background: #fff; }
[data-theme='dark'] body { color: #dfe9e6; background: #101715; }
h1 { font-size: 1.25rem; }
table { width: 100%; max-width: 640px; border-collapse: collapse; }
th, td { padding: 8px 12px 8px 0; text-align: left; border-bottom: 1px solid #8886; }
""",
    "pages/watch/watch.js": """const bridge = window.AstrBotPluginPage

function row(tag, texts) {
  return texts.map((text) => Object.assign(document.createElement(tag), { textContent: text }))
}

function draw() {
  const t = (name) => bridge.t(`pages.watch.${name}`, name)
  document.documentElement.lang = bridge.getLocale()
  document.getElementById('heading').textContent = t('heading')
  document.getElementById('head').replaceChildren(
    ...row('th', [t('time'), t('from'), t('channel')]),
  )
}

await bridge.ready()
bridge.onContext(draw)
for (const call of await bridge.apiGet('calls')) {
  const line = document.createElement('tr')
  line.append(...row('td', call))
  document.getElementById('calls').append(line)
}
""",
    ".astrbot-plugin/i18n/en-US.json": """{
      "pages": {"watch": {
        "title": "Radio watch", "heading": "Heard today", "time": "Time", "from": "Call sign", "channel": "Channel"
      }}
    }""",
    ".astrbot-plugin/i18n/zh-CN.json": """{
      "pages": {"watch": {
        "title": "无线电值守", "heading": "今日呼叫", "time": "时间", "from": "呼号", "channel": "频道"
      }}
    }""",
}
"""A page of the plugin's own, and its words."""

RADIO_PLUGIN = {
    **WATCH_PAGE,
    "metadata.yaml": (
        "name: harbour_radio\ndisplay_name: Harbour radio\nauthor: Jo\nversion: 2.1.0\n"
        "desc: Brings the bot onto the harbour's radio channel and reads out the weather.\n"
    ),
    "README.md": "# Harbour radio\n\nSay `/radio 16` to listen.\n\n| Channel | For |\n|---|---|\n| 16 | distress |\n",
    "_conf_schema.json": """{
      "channel": {"type": "int", "description": "Channel", "hint": "1 to 88", "default": 16},
      "call_sign": {"type": "string", "description": "Call sign", "default": "Kingfisher"},
      "key": {"type": "string", "description": "Key of the weather service", "secret": true, "default": ""},
      "units": {"type": "string", "description": "Units", "options": ["knots", "m/s", "Beaufort"], "default": "knots"},
      "quiet": {"type": "bool", "description": "Stay quiet at night", "default": true},
      "stations": {"type": "list", "description": "Stations to read out", "items": {"type": "string"},
                   "default": ["Lighthouse", "Outer pier"]},
      "signal": {"type": "object", "description": "Signal", "items": {
        "volume": {"type": "float", "description": "Volume", "slider": {"min": 0, "max": 1, "step": 0.1},
                   "default": 0.6},
        "greeting": {"type": "text", "description": "Greeting", "default": "All stations, all stations."}}}
    }""",
    "main.py": '''from astrbot.api import logger
from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.platform import Platform, PlatformMetadata, register_platform_adapter
from astrbot.api.star import Context, Star


@register_platform_adapter("radio", "A marine radio", default_config_tmpl={"port": 9000, "token": ""},
                           adapter_display_name="Marine radio")
class Radio(Platform):
    def __init__(self, platform_config, platform_settings, event_queue):
        super().__init__(platform_config, event_queue)

    def meta(self):
        return PlatformMetadata(name="radio", description="A marine radio", id=self.config["id"])

    async def run(self):
        if self.config.get("port") == 9001:
            raise ConnectionError("The radio at port 9001 does not answer. Is it switched on?")
        import asyncio
        await asyncio.Event().wait()

    async def send_by_session(self, session, message_chain):
        await super().send_by_session(session, message_chain)

    async def terminate(self):
        pass


class HarbourRadio(Star):
    def __init__(self, context: Context, config):
        super().__init__(context)
        logger.info("listening on channel %s", config["channel"])
        logger.warning("no weather key is set, so the forecast is left out")
        context.register_web_api("/harbour_radio/calls", self.calls, ["GET"], "what was heard")

    async def calls(self):
        heard = [["09:12", "Kittiwake", "16"], ["10:40", "Ferry Marie", "72"], ["11:05", "Pilot boat", "12"]]
        return {"status": "ok", "data": heard}

    @filter.command("radio", alias={"vhf"})
    async def radio(self, event: AstrMessageEvent, channel: int):
        """Listens to a channel."""
        yield event.plain_result("listening")

    @filter.command("help")
    async def help(self, event: AstrMessageEvent):
        """Says what the radio can do."""
        yield event.plain_result("roger")

    @filter.llm_tool(name="weather_at")
    async def weather_at(self, event: AstrMessageEvent, station: str) -> str:
        """The weather at a station of the harbour.

        Args:
            station(string): Its name.
        """
        return "calm"
''',
}

BROKEN_PLUGIN = {
    "metadata.yaml": (
        "name: night_watch\ndisplay_name: Night watch\nauthor: Sam\nversion: 0.3.0\ndesc: Wakes you for your turn.\n"
    ),
    "main.py": "from astrbot.api.star import Star\n\n\nclass NightWatch(Star)\n    pass\n",
}


def archive(files: Mapping[str, str]) -> bytes:
    """A plugin as a ZIP file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in files.items():
            file.writestr(f"plugin/{name}", text)
    return buffer.getvalue()
