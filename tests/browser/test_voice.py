"""Live voice with real speech on the fake microphone: the first minute, interruption, push to talk, refusals."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from astrbot_like.bench.mock_behaviour import Behaviour
from astrbot_like.bench.mock_upstream import MockUpstream, start
from tests.browser.pages import RATE, BrowserHouse, Web, sign_in, until
from tests.support.spoken import say

PAUSE = bytes(2 * RATE)
"""One second of silence."""

MARKS = "performance.getEntriesByType('mark').map(({ name, startTime }) => ({ name, at: startTime }))"

BARGE_IN_MS = 200
"""From the voice at the page to silence."""


async def hears(page: Page, pattern: str, *, who: str) -> None:
    """Wait until a caption of one side says it."""
    caption = page.locator(f".caption.{who} p").filter(has_text=re.compile(pattern, re.IGNORECASE))
    await expect(caption.first).to_be_visible()


async def test_from_the_first_start_to_a_spoken_reply(web: Web):
    """Signing in, a word to the offline assistant, and its voice."""
    speech = PAUSE * 2 + await say("what time is it")
    async with web.open(speech=speech) as page:
        await sign_in(page)
        await page.goto("/welcome")
        await page.get_by_role("button", name="Talk to it").click()
        await page.get_by_role("button", name="Start talking").click()
        await hears(page, "time", who="user")
        await hears(page, r"\d", who="bot")
        await expect(page.locator(".stages li")).to_have_count(3)
        await until(page, f"{MARKS}.some(({{ name }}) => name === 'voice:first-sound')")
    assert web.complaints == []


async def test_speaking_over_the_bot_silences_it_at_once(web: Web, house: BrowserHouse):
    story = " ".join(f"This is sentence number {n} of a long story about the sea." for n in range(1, 40))
    first, second = await say("tell me a story"), await say("stop, what time is it now please")
    runner, url = await start(MockUpstream(Behaviour(reply=story)))
    try:
        await house.use_model(url)
        # However long a busy machine takes to begin its answer: the story lasts two minutes.
        speech = PAUSE * 2 + first + PAUSE * 14 + second
        async with web.open(token=house.token, speech=speech) as page:
            await page.goto("/voice")
            await page.get_by_role("button", name="Start talking").click()
            await hears(page, "sentence", who="bot")
            await expect(page.locator(".caption .cut")).to_be_visible()
            await until(page, f"{MARKS}.some(({{ name }}) => name === 'voice:silent')")
            marks = await page.evaluate(MARKS)
        took = silence_after_voice(marks)
        print(f"from the voice at the page to silence: {took:.0f} ms")
        assert took <= BARGE_IN_MS
    finally:
        await runner.cleanup()


def silence_after_voice(marks: list[dict]) -> float:
    """Milliseconds from the voice that interrupted to the moment the loudspeaker fell silent."""
    sound = next(mark["at"] for mark in marks if mark["name"] == "voice:first-sound")
    onset = next(mark["at"] for mark in marks if mark["name"] == "voice:onset" and mark["at"] > sound)
    return next(mark["at"] for mark in marks if mark["name"] == "voice:silent" and mark["at"] > onset) - onset


async def test_push_to_talk_with_the_space_bar(web: Web, house: BrowserHouse):
    speech = PAUSE * 8 + await say("tell me a story")
    async with web.open(token=house.token, speech=speech) as page:
        await page.goto("/voice")
        await page.get_by_role("radio", name="Push to talk").click()
        await page.get_by_role("button", name="Start talking").click()
        await expect(page.get_by_role("button", name="Hold to talk")).to_be_visible()
        await page.locator("h1").click(force=True)
        await page.keyboard.down("Space")
        await expect(page.get_by_role("button", name="Release to send")).to_be_visible()
        await until(page, f"{MARKS}.some(({{ name }}) => name === 'voice:onset')")
        await page.wait_for_timeout(2000)  # the person goes on speaking
        await page.keyboard.up("Space")
        await hears(page, "tell me a story", who="user")
        await hears(page, "^Once upon a time a small bell", who="bot")


async def test_writing_to_the_voice_and_hearing_the_answer(web: Web, house: BrowserHouse):
    async with web.open(token=house.token, speech=PAUSE) as page:
        await page.goto("/voice")
        await page.get_by_role("button", name="Start talking").click()
        await page.get_by_label("Or write here").fill("What is 6 times 7?")
        await page.keyboard.press("Enter")
        await hears(page, "42|forty", who="bot")
        await page.get_by_role("link", name="Open in the chat").click()
        await expect(page.locator(".message")).to_have_count(2)


async def test_microphone_and_speaker_are_chosen_and_remembered(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.goto("/voice")
        await page.get_by_role("button", name="Start talking").click()
        await page.get_by_role("heading", name="Sound and voice").click()
        microphone = page.get_by_label("Microphone", exact=True)
        speaker = page.get_by_label("Speaker", exact=True)
        chosen: dict[str, str] = {}
        for name, field in (("microphone", microphone), ("speaker", speaker)):
            await expect(field.locator("option").nth(1)).to_be_attached()
            chosen[name] = await field.locator("option").last.inner_text()
            await field.select_option(label=chosen[name])
        # The conversation goes on with them, and so does the next one.
        await expect(page.get_by_role("button", name="Hang up")).to_be_visible()
        await expect(page.get_by_role("alert")).to_have_count(0)
        await page.reload()
        await page.get_by_role("button", name="Start talking").click()
        await page.get_by_role("heading", name="Sound and voice").click()
        await expect(microphone.locator("option:checked")).to_have_text(chosen["microphone"])
        await expect(speaker.locator("option:checked")).to_have_text(chosen["speaker"])
        await expect(page.get_by_role("button", name="Hang up")).to_be_visible()
    assert web.complaints == []


async def test_a_refused_microphone_is_explained(web: Web, house: BrowserHouse):
    async with web.open(token=house.token, permissions=False) as page:
        await page.goto("/voice")
        await page.get_by_role("button", name="Start talking").click()
        await expect(page.get_by_role("alert")).to_contain_text("refused")
        await expect(page.get_by_role("button", name="Try again")).to_be_visible()


async def test_an_insecure_page_says_how_to_become_secure(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
        await page.goto("/voice")
        await expect(page.get_by_role("alert")).to_contain_text("http://localhost:6185")
