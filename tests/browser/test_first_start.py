"""A newcomer's first minute: the printed password, one of their own, a word, and a model whose key is tested live."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import CHROMIUM
from tests.browser.pages import BrowserHouse, Web, ask, reply
from tests.browser.standins import upstream
from tests.support.server_process import ServerProcess

OWN_PASSWORD = "a quiet harbour"


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[tuple[ServerProcess, Web]]:
    """A server that nobody has signed in to, and a browser."""
    async with (
        ServerProcess(tmp_path / "data", newcomer=True) as server,
        Web(server, CHROMIUM, tmp_path) as web,
    ):
        yield server, web


async def test_from_the_printed_password_to_a_model(fresh: tuple[ServerProcess, Web]):
    server, web = fresh
    printed = re.search(r"Sign in as\s+(\S+)\n\s+Password\s+(\S+)", server.output)
    assert printed is not None, server.output
    username, password = printed.groups()
    async with upstream(reply="Pleased to meet you.") as (_, url), web.open() as page:
        await page.goto("/")
        await page.locator("input[name=username]").fill(username)
        await page.locator("input[name=password]").fill(password)
        await page.keyboard.press("Enter")

        await expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
        save = page.get_by_role("button", name="Save and go on")
        await page.locator("input[autocomplete=current-password]").fill("wrong")
        await page.locator("input[autocomplete=new-password]").fill("short")
        await expect(page.get_by_text("At least 8 characters.", exact=True)).to_be_visible()
        await expect(save).to_be_disabled()
        await page.locator("input[autocomplete=new-password]").fill(OWN_PASSWORD)
        await save.click()
        await expect(page.locator(".toast.bad")).to_be_visible()
        await page.locator("input[autocomplete=current-password]").fill(password)
        await save.click()

        await page.get_by_role("button", name="Write to it").click()
        await ask(page, "What is 6 times 7?")
        assert "42" in await reply(page)

        # From the conversation on to a model.
        await page.get_by_role("button", name="New chat").click()
        await page.get_by_role("link", name="Connect a language model").click()
        await page.get_by_label("Service").select_option("openai_chat_completion")
        await page.get_by_label("Address").fill("http://127.0.0.1:9")
        await page.get_by_label("API key").fill("none")
        await page.get_by_label("Model", exact=True).fill("mock")
        await page.get_by_role("button", name="Test").click()
        await expect(page.locator(".result.bad")).to_be_visible()
        await page.get_by_label("Address").fill(url)
        await page.get_by_role("button", name="Test").click()
        await expect(page.locator(".result:not(.bad)")).to_contain_text("Pleased to meet you.")
        await page.get_by_role("button", name="Save and start").click()
        await page.wait_for_url("**/chat")
        await ask(page, "Hello")
        assert "Pleased to meet you." in await reply(page)
        await page.get_by_role("button", name="New chat").click()
        await expect(page.get_by_role("link", name="Connect a language model")).to_have_count(0)

    async with web.open() as page:
        await page.goto("/")
        await page.locator("input[name=username]").fill(username)
        await page.locator("input[name=password]").fill(OWN_PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/chat")
    assert web.complaints == []


async def test_a_key_in_the_environment_is_used_with_a_chosen_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with upstream(reply="Pleased to meet you.") as (mock, url):
        monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-environment")
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        async with (
            ServerProcess(tmp_path / "data") as server,
            BrowserHouse(server) as house,
            Web(server, CHROMIUM, tmp_path) as web,
            web.open(token=house.token) as page,
        ):
            await page.goto("/providers")
            found = page.get_by_role("region", name="Found on this machine")
            await found.locator("li", has_text="OPENAI_API_KEY").get_by_role("button", name="Use it").click()
            dialog = page.get_by_role("dialog")
            await expect(dialog.get_by_label("Model").locator("option").first).to_be_attached()
            listed = await dialog.get_by_label("Model").locator("option").all_inner_texts()
            assert await dialog.get_by_label("Model").input_value() == listed[0]
            await dialog.get_by_role("button", name="Use it").click()
            await expect(page.locator(".order li").first).to_contain_text("openai")
            await expect(page.locator(".order li").first).to_contain_text(listed[0])
            await expect(found).to_have_count(0)
            await page.goto("/chat")
            await ask(page, "Hello")
            assert "Pleased to meet you." in await reply(page)
            assert mock.requests[-1]["body"]["model"] == listed[0]
    assert web.complaints == []
