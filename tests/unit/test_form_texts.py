"""Every setting that the web UI makes a form of has words in both its languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.applications import application, sign_in
from tests.support.server_process import ROOT

LOCALES = ("zh-CN", "en-US")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
COMMON = ROOT / "dashboard" / "src" / "texts" / "forms.ts"
"""The web UI's own words for options that many types of providers have."""


def unnamed(schema: dict[str, Any], words: dict[str, Any], path: str = "") -> Iterator[str]:
    """Fields that are not called anything in Chinese."""
    for key, field in schema.items():
        given = words.get(key, {})
        if not CHINESE.search(given.get("description", "")):
            yield path + key
        if "hint" in field and not CHINESE.search(given.get("hint", "")):
            yield f"{path}{key} (hint)"
        if "options" in field and "labels" in field and len(given.get("labels", ())) != len(field["options"]):
            yield f"{path}{key} (labels)"
        yield from unnamed(field.get("items") or {}, given, f"{path}{key}.")


async def test_settings_of_profiles_and_providers_are_named_in_both_languages(tmp_path: Path) -> None:
    async with application(tmp_path) as app, aiohttp.ClientSession(app.url) as http:
        headers = {"Authorization": f"Bearer {await sign_in(http)}"}
        async with http.get("/api/config/schema", headers=headers) as answer:
            forms = (await answer.json())["data"]
        async with http.get("/api/provider/catalogue", headers=headers) as answer:
            types = (await answer.json())["data"]["types"]
    chinese = forms["texts"]["zh-CN"]
    described = {key: field for key, field in forms["host"].items() if not field.get("advanced")}
    assert list(unnamed(forms["voice"], chinese["voice"])) == []
    assert list(unnamed(described, chinese["host"])) == []
    assert {"provider", "platform"}.isdisjoint(forms["host"])

    names = COMMON.read_text().partition("export const fieldNames")[2]
    common = set(re.findall(r"^  (\w+): \[", names, re.M))
    assert "api_key" in common
    missing = [
        f"{known['type']}: {option} in {locale}"
        for known in types
        for locale in LOCALES
        for option in known["schema"]
        if option not in common and option not in known["texts"].get(locale, {}).get("config", {})
    ]
    assert missing == []
    unsaid = [one["type"] for one in types if not CHINESE.search(one["texts"]["zh-CN"].get("description", ""))]
    assert unsaid == []
