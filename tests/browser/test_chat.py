"""Chat: asking, files, hostile text, what Markdown draws, the keyboard alone."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.browser.pages import BrowserHouse, Web, ask, reply, sign_in
from tests.browser.standins import model


async def test_signing_in_asking_and_finding_it_again(web: Web):
    async with web.open() as page:
        await sign_in(page)
        await ask(page, "What is 18% of 240?")
        assert "43.2" in await reply(page)
        await page.reload()
        assert "43.2" in await reply(page)
        await expect(page.locator(".sessions .open").first).to_contain_text("What is 18% of 240?")
    assert web.complaints == []


async def test_a_wrong_password_is_told_and_can_be_mended(web: Web):
    async with web.open() as page:
        await page.goto("/settings")
        await page.locator("input[name=username]").fill("admin")
        await page.locator("input[name=password]").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("wrong")
        await page.locator("input[name=password]").fill("a-password-1")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/settings")


async def test_a_file_reaches_the_model(web: Web, house: BrowserHouse, tmp_path: Path):
    note = tmp_path / "note.txt"
    note.write_text("The harbour opens at nine.")
    async with model(house, reply="Read it.") as mock, web.open(token=house.token) as page:
        await page.goto("/chat")
        await page.locator("form.composer input[type=file]").set_input_files(note)
        await expect(page.locator(".chip")).to_contain_text("note.txt")
        await ask(page, "What does it say?")
        assert "Read it." in await reply(page)
        await expect(page.locator(".mine .file")).to_contain_text("note.txt")
        assert any("The harbour opens at nine." in str(request) for request in mock.requests)
    assert web.complaints == []


async def test_commands_answer_in_the_language_of_the_page(web: Web, house: BrowserHouse):
    async with web.open(token=house.token, locale="zh-CN") as page:
        await page.goto("/chat")
        await ask(page, "/help")
        assert "可用指令" in await reply(page)
        await page.goto("/settings")
        await page.locator("select", has_text="English").select_option("en")
        await page.goto("/chat")
        await ask(page, "/help")
        shown = await reply(page)
        assert "/new - starts a new conversation" in shown
        assert "可用" not in shown


HOSTILE = (
    "<script>window.harmed = 1</script> <img src=x onerror='window.harmed = 2'> [go](javascript:window.harmed=3) "
    "<iframe srcdoc='<script>parent.harmed=4</script>'></iframe> **open\n\n"
    "```html\n<script>window.harmed = 5</script>\n\n| a | b |\n|--|\n$\\href{javascript:alert(1)}{x}$ ![p](https://example.invalid/pixel.png)"
)


async def test_hostile_text_is_only_text(web: Web, house: BrowserHouse):
    async with model(house, reply=HOSTILE), web.open(token=house.token) as page:
        outside: list[str] = []
        page.on(
            "request",
            lambda r: None if r.url.startswith(web.server.url) or r.url.startswith("blob:") else outside.append(r.url),
        )
        await page.goto("/chat")
        await ask(page, HOSTILE)
        await reply(page)
        await expect(page.locator(".markdown .code")).to_be_visible()
        assert await page.evaluate("window.harmed") is None
        assert await page.locator(".message script, .message iframe, .markdown img").count() == 0
        assert await page.locator("a[href^='javascript']").count() == 0
        assert outside == []
    assert web.complaints == []


async def test_tables_maths_code_and_diagrams_are_drawn(web: Web, house: BrowserHouse):
    text = (
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n$$\nx^2\n$$\n\n```python\nprint('hi')\n```\n\n"
        "```mermaid\ngraph TD; A-->B;\n```\n"
    )
    async with model(house, reply=text), web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "Show me")
        await expect(page.locator(".markdown table")).to_be_visible()
        await expect(page.locator(".markdown .katex").first).to_be_visible()
        await expect(page.locator(".markdown .hljs-string")).to_have_text("'hi'")
        await expect(page.locator(".markdown .diagram svg")).to_be_visible()
    assert web.complaints == []


async def test_a_message_can_be_sent_and_answered_with_the_keyboard_alone(web: Web):
    async with web.open() as page:
        await page.goto("/")
        await expect(page.locator("input[name=username]")).to_be_focused()
        await page.keyboard.type("admin")
        await page.keyboard.press("Tab")
        await page.keyboard.type("a-password-1")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/chat")
        await expect(page.locator("form.composer textarea")).to_be_focused()
        await page.keyboard.type("What is 6 times 7?")
        await page.keyboard.press("Enter")
        assert "42" in await reply(page)
