"""What becomes of messages when the connection breaks, is slow, or the server starts anew."""

from __future__ import annotations

from playwright.async_api import expect

from astrbot_like.bench.mock_behaviour import Behaviour
from tests.browser.pages import BrowserHouse, Web, ask, reply, sign_in
from tests.browser.standins import Wire, model
from tests.support.census import settle
from tests.support.server_process import ServerProcess

WORDS = " ".join(f"word{n}" for n in range(60))


async def test_a_reply_cut_by_a_lost_connection_is_whole_and_once_afterwards(web: Web, house: BrowserHouse):
    wire = Wire()
    async with model(house, reply=WORDS, rate=20, hang=40) as mock, web.open(token=house.token) as page:
        await wire.install(page)
        await page.goto("/chat")
        await ask(page, "Tell me everything")
        await expect(page.locator(".message:not(.mine) .markdown")).to_contain_text("word5")
        await wire.cut()
        await expect(page.locator(".lost")).to_contain_text("connection is lost")
        wire.down = False
        await page.get_by_role("button", name="Try now").click()
        await expect(page.locator(".lost")).to_have_count(0)
        # Back again, the words that were missed are there at once, while the reply still grows.
        bubble = page.locator(".message:not(.mine) .bubble[aria-busy='true']")
        await expect(bubble).not_to_contain_text("connection broke")
        await expect(bubble).to_contain_text("word39")
        shown = (await bubble.inner_text()).split()
        assert shown == WORDS.split()[: len(shown)]
        mock.released.set()
        await expect(page.locator(".message:not(.mine) .markdown")).to_contain_text("word59")
        assert (await reply(page)).split()[:60] == WORDS.split()
        await expect(page.locator(".message")).to_have_count(2)
        await page.reload()
        await expect(page.locator(".message")).to_have_count(2)
        assert (await reply(page)).split()[:60] == WORDS.split()


async def test_a_message_written_while_offline_is_sent_once(web: Web, house: BrowserHouse):
    wire = Wire()
    async with web.open(token=house.token) as page:
        await wire.install(page)
        await page.goto("/chat")
        await ask(page, "What is 2 plus 2?")
        await reply(page)
        await wire.cut()
        await expect(page.locator(".lost")).to_be_visible()
        await ask(page, "What is 20 plus 22?")
        wire.down = False
        assert "42" in await reply(page, 2)
        await expect(page.locator(".message")).to_have_count(4)


async def test_a_restarted_server_is_found_again_and_a_reply_it_lost_is_over(web: Web, server: ServerProcess):
    async with (
        BrowserHouse(server) as house,
        model(house, reply=WORDS, hang=20) as mock,
        web.open(token=house.token) as page,
    ):
        await page.goto("/chat")
        await ask(page, "Tell me everything")
        await expect(page.locator(".message:not(.mine) .markdown")).to_contain_text("word5")
        port = int(server.url.rsplit(":", 1)[1])
        await server.kill()
        await expect(page.locator(".lost")).to_contain_text("connection is lost")
        await server.start(port=port)
        await expect(page.locator(".lost")).to_have_count(0)
        # Its words stay, nothing waits for the rest, and it can be asked for again.
        bubble = page.locator(".message:not(.mine) .bubble")
        await expect(bubble).to_have_attribute("aria-busy", "false")
        await expect(bubble).to_contain_text("word5")
        mock.released.set()
        await page.get_by_role("button", name="Answer again").click()
        await expect(page.locator(".message:not(.mine) .markdown")).to_contain_text("word59")
        await expect(page.locator(".message")).to_have_count(2)


async def test_a_message_whose_acknowledgement_died_with_the_server_is_settled(web: Web, server: ServerProcess):
    wire = Wire()
    async with (
        BrowserHouse(server) as house,
        model(house, reply="There it is.", delay=600.0) as mock,
        web.open(token=house.token) as page,
    ):
        await wire.install(page)
        await page.goto("/chat")
        await ask(page, "/sid")
        await reply(page)
        wire.deaf = True
        await ask(page, "Tell me everything")
        assert await settle(lambda: mock.requests)
        port = int(server.url.rsplit(":", 1)[1])
        await server.kill()
        wire.deaf = False
        mock.behaviour = Behaviour(reply="There it is.")
        await server.start(port=port)
        await expect(page.locator(".lost")).to_have_count(0)
        # It was stored, so it is not sent again; its reply is over, and can be asked for.
        await expect(page.locator(".message [role=status]")).to_have_count(0)
        await expect(page.locator(".message.mine")).to_have_count(2)
        await page.get_by_role("button", name="Answer again").last.click()
        await expect(page.locator(".message:not(.mine) .markdown").nth(1)).to_contain_text("There it is.")
        await expect(page.locator(".message")).to_have_count(4)


async def test_a_slow_network_shows_what_it_waits_for(web: Web, house: BrowserHouse):
    wire = Wire()
    async with web.open(token=house.token) as page:
        await wire.install(page)
        await page.goto("/chat")
        wire.hold()
        await ask(page, "What is 6 times 7?")
        await expect(page.locator(".message.mine")).to_be_visible()
        await expect(page.get_by_text("Waiting for the reply")).to_be_attached()
        wire.let_go()
        assert "42" in await reply(page)
        await expect(page.locator(".message")).to_have_count(2)


async def test_a_first_message_that_could_not_go_is_kept(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.goto("/chat")
        await page.route("**/api/chat/new_session", lambda route: route.abort())
        await ask(page, "What is 6 times 7?")
        await expect(page.locator(".toast.bad")).to_contain_text("cannot be reached")
        await expect(page.locator("form.composer textarea")).to_have_value("What is 6 times 7?")
        await page.unroute("**/api/chat/new_session")
        await page.get_by_role("button", name="Send").click()
        assert "42" in await reply(page)
        await expect(page.locator("form.composer textarea")).to_have_value("")


async def test_a_token_that_ends_leads_to_the_sign_in_and_back(web: Web, house: BrowserHouse):
    async with web.open() as page:
        await sign_in(page)
        await page.goto("/chat")
        await ask(page, "What is 6 times 7?")
        await reply(page)
        here = page.url
        # The socket says so by itself: nothing has to be clicked.
        await house.post("/api/auth/logout_everywhere")
        await expect(page.get_by_role("alert")).to_contain_text("sign-in has ended")
        await page.locator("input[name=password]").fill("a-password-1")
        await page.keyboard.press("Enter")
        await page.wait_for_url(here)
        assert "42" in await reply(page)
