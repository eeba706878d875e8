"""What is photographed: each page, and its dialogs, forms and states, reached as a person reaches them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from playwright.async_api import Locator, Page, Route, WebSocketRoute

from scripts.pictures.house import FERRY, TIDE, TIDE_ZH

Act = Callable[[Page], Awaitable[None]]


class Scene(NamedTuple):
    """One picture.

    Attributes:
        name: Of the file.
        path: Where it begins.
        act: What is done there before the picture is taken.
        signed_in: Whether somebody is.
        speech: What the fake microphone hears, in words; empty: silence; None: no microphone is needed.
        microphone: Whether the browser may use it.
    """

    name: str
    path: str
    act: Act | None = None
    signed_in: bool = True
    speech: str | None = None
    microphone: bool = True


async def wrong_password(page: Page) -> None:
    """A sign-in that was refused."""
    await page.locator("input[name=username]").fill("admin")
    await page.locator("input[name=password]").fill("not the one")
    await page.keyboard.press("Enter")
    await page.locator("[role=alert]").wait_for()


async def first_password(page: Page) -> None:
    """The newcomer's password."""
    await page.evaluate("localStorage.setItem('astrbot_like.must_change', '1')")
    await page.reload()
    await page.locator("input[type=password]").last.fill("short")


async def connect_model(page: Page) -> None:
    """The newcomer's model."""
    await page.locator(".box > .stack > .button").last.click()
    await page.locator("select").first.wait_for()


async def sessions(page: Page) -> Locator:
    """The list of sessions, which is behind a button on a phone."""
    await page.locator(".head h1").wait_for()
    if not await page.locator(".chat > .list").is_visible():
        await page.locator(".drawer-button").click()
        await page.get_by_role("dialog").locator(".sessions .open").first.wait_for()
        return page.get_by_role("dialog")
    await page.locator(".chat > .list .sessions .open").first.wait_for()
    return page.locator(".chat > .list")


def session(name: str) -> Act:
    """Opens one of the sessions."""

    async def act(page: Page) -> None:
        listed = await sessions(page)
        await listed.locator(".sessions .open").filter(has_text=name).first.click()
        await page.locator(".message").first.wait_for()

    return act


async def session_list(page: Page) -> None:
    """The sessions themselves, several of them chosen."""
    listed = await sessions(page)
    await listed.locator(".head .icon").first.click()
    for name in (TIDE_ZH, FERRY):
        await listed.locator(".pick").filter(has_text=name).locator("input").check()


async def session_menu(page: Page) -> None:
    """What can be done with a session."""
    listed = await sessions(page)
    row = listed.locator(".row-item").filter(has_text=TIDE_ZH)
    await row.hover()
    await row.locator("[aria-haspopup]").click()


async def delete_session(page: Page) -> None:
    """The question before something is destroyed."""
    await session_menu(page)
    await page.locator("[role=menuitem].danger").click()
    await page.locator("#confirm-form").wait_for()


async def open_tool(page: Page) -> None:
    """A tool call and the reasoning before it."""
    await session(FERRY)(page)
    for name in (".reasoning summary", ".tool summary"):
        await page.locator(name).last.click()


async def composing(page: Page) -> None:
    """A message that is being written, with files and an answer to an earlier one."""
    await session(TIDE)(page)
    await page.locator(".message:not(.mine) .acts button").last.click()
    files = [
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"x" * 4000},
        {
            "name": "a-rather-long-name-of-a-spreadsheet-2026.xlsx",
            "mimeType": "text/csv",
            "buffer": b"y" * 90_000,
        },
    ]
    await page.locator("form.composer input[type=file]").set_input_files(files)  # pyright: ignore[reportArgumentType]
    await page.locator("form.composer textarea").fill("Please compare these with the table above,\nline by line.")


async def choices(page: Page) -> None:
    """Model, persona and profile of the next message."""
    await page.locator(".choices .toggle").click()
    await page.locator(".choices .panel select").first.select_option("stand-in")


async def editing(page: Page) -> None:
    """A message that is changed and sent again."""
    await session(TIDE_ZH)(page)
    await page.locator(".message.mine").last.hover()
    await page.locator(".message.mine .acts button").nth(1).click()


async def connection_lost(page: Page) -> None:
    """The server went away in the middle of a conversation."""
    sockets: list[WebSocketRoute] = []

    async def route(socket: WebSocketRoute) -> None:
        if sockets:
            await socket.close()
        else:
            sockets.append(socket)
            socket.connect_to_server()

    await page.route_web_socket("**/*", route)
    await page.reload()
    await session(TIDE)(page)
    await sockets[0].close()
    await page.locator(".lost").wait_for()


async def failing_server(page: Page) -> None:
    """Nothing answers the page's questions."""
    await page.route("**/api/**", lambda route: route.abort())
    await page.reload()
    await page.locator(".state[role=alert]:visible, .hello:visible").first.wait_for()


async def waiting_server(page: Page) -> None:
    """The answers take their time."""

    closed = asyncio.Event()
    page.on("close", lambda _: closed.set())

    async def wait(route: Route) -> None:
        await closed.wait()

    await page.route("**/api/**", wait)
    await page.reload()
    await page.locator("[role=status]").first.wait_for()


def answering(body: str) -> Callable[[Route], Awaitable[None]]:
    """Answers a request in the server's place."""
    return lambda route: route.fulfill(body=body, content_type="application/json")


async def nothing_there(page: Page) -> None:
    """As on the first day."""
    for pattern, data in (
        ("**/api/chat/sessions*", '{"sessions": [], "total": 0, "next": null}'),
        ("**/api/conversation/list*", '{"sessions": [], "total": 0, "next": null}'),
        ("**/api/apikey/list", '{"keys": []}'),
        ("**/api/platform/list", '{"platforms": []}'),
        ("**/api/persona/list", '{"personas": []}'),
    ):
        await page.route(pattern, answering(f'{{"status": "ok", "message": null, "data": {data}}}'))
    await page.reload()


async def talking(page: Page) -> None:
    """A conversation by voice, while the bot speaks."""
    await page.locator(".big").click()
    await page.locator(".caption.bot p").first.wait_for(timeout=30_000)
    await page.wait_for_timeout(1800)


async def push_to_talk(page: Page) -> None:
    """The button that is held."""
    await page.locator(".modes button").last.click()
    await page.locator(".big").click()
    await page.locator(".hold").wait_for()


async def voice_settings(page: Page) -> None:
    """Microphone, speaker, voice."""
    await page.locator("details.box summary").click()
    await page.locator("details.box select").last.scroll_into_view_if_needed()


async def microphone_refused(page: Page) -> None:
    """The browser does not give the microphone."""
    await page.locator(".big").click()
    await page.locator("[role=alert]").wait_for()


async def primary(page: Page) -> None:
    """The page's main button."""
    await page.locator(".page > header .primary").click()
    await page.locator("dialog").wait_for()


def tab(number: int) -> Act:
    """One of the page's tabs."""

    async def act(page: Page) -> None:
        await page.locator("[role=tab]").nth(number).click()

    return act


async def provider_tested(page: Page) -> None:
    """Providers that were just tested."""
    for number in (0, 1):
        row = page.locator(".order li").nth(number)
        await row.locator(".button:not(.icon)").first.click()
        await row.locator("[role=status]").wait_for(timeout=20_000)


async def provider_form(page: Page) -> None:
    """The form of a provider, tested."""
    await primary(page)
    await page.locator("dialog input[type=search]").fill("openai_chat")
    await page.locator("dialog .types button").first.click()
    await page.locator("#provider-form input").first.wait_for()
    await page.locator("dialog footer .button").first.click()
    await page.locator("dialog .result").wait_for(timeout=40_000)


def card(page: Page, name: str) -> Locator:
    """A plugin in the list."""
    return page.locator(".plugin").filter(has=page.get_by_role("heading", name=name))


def plugin(name: str, number: int = 0) -> Act:
    """A tab of a plugin's details."""

    async def act(page: Page) -> None:
        await card(page, name).locator("footer .button:not(.icon)").first.click()
        await page.locator("dialog [role=tab]").nth(number).click()

    return act


async def plugin_menu(page: Page) -> None:
    """What can be done with a plugin."""
    await card(page, "Harbour radio").locator("[aria-haspopup]").click()


async def plugin_removal(page: Page) -> None:
    """The question before a plugin is removed."""
    await plugin_menu(page)
    await page.locator("[role=menuitem].danger").click()


async def mcp(page: Page) -> None:
    """Servers of tools."""
    await page.locator("details summary").last.scroll_into_view_if_needed()
    await page.locator("details summary").last.click()
    await page.evaluate("document.querySelector('#main').scrollTo(0, 1e6)")


async def mcp_form(page: Page) -> None:
    """The form of a server of tools."""
    await page.locator(".page > .card .button").first.click()
    await page.locator("#mcp-form").wait_for()


async def bot_form(page: Page) -> None:
    """The form of a bot."""
    await primary(page)
    await page.locator(".types button").first.click()
    await page.locator("#bot-form").wait_for()


async def persona_form(page: Page) -> None:
    """A persona that is changed."""
    await page.locator(".persona").filter(has_text="Harbour master").locator(".icon").first.click()


async def profile_bottom(page: Page) -> None:
    """The rest of a profile, with a change that is not saved."""
    await page.locator(".editor input[type=radio]").last.check()
    await page.evaluate("document.querySelector('#main').scrollTo(0, 1400)")


async def conversation(page: Page) -> None:
    """A conversation that is read."""
    await page.locator(".rows button").filter(has_text=TIDE).click()
    await page.locator(".message").first.wait_for()


async def conversation_search(page: Page) -> None:
    """Words that are looked for in messages."""
    await page.locator("input[type=search]").fill("gauge")
    await page.locator(".hits button").first.wait_for()


async def key_made(page: Page) -> None:
    """A key, the only time that it is shown."""
    await primary(page)
    await page.locator("#key-form input").first.fill("My script")
    await page.locator("dialog footer .primary").click()
    await page.locator("dialog pre").first.wait_for()


async def loaded(page: Page) -> None:
    """Everything that a page asked for is there."""
    await page.locator(".page > :is(section, .stack, .two) h2").first.wait_for()
    await page.locator(".state[role=status]").first.wait_for(state="hidden")


async def scrolled(page: Page) -> None:
    """The lower half of a page."""
    await loaded(page)
    await page.evaluate("document.querySelector('#main').scrollTo(0, 700)")


async def to_the_end(page: Page) -> None:
    """The end of a page."""
    await loaded(page)
    await page.evaluate("document.querySelector('#main').scrollTo(0, 1e6)")


async def toast(page: Page) -> None:
    """A word about something that went wrong, with a way to try again."""
    await page.route("**/api/plugin/reload", lambda route: route.abort())
    await plugin_menu(page)
    await page.locator("[role=menuitem]").first.click()
    await page.locator(".toast").wait_for()


async def menu(page: Page) -> None:
    """The menu of a phone."""
    button = page.locator(".bar .button").first
    if await button.is_visible():
        await button.click()
        await page.locator("dialog").wait_for()


SCENES = (
    Scene("login", "/", signed_in=False),
    Scene("login-wrong", "/", wrong_password, signed_in=False),
    Scene("welcome-1", "/welcome", first_password),
    Scene("welcome-2", "/welcome"),
    Scene("welcome-3", "/welcome", connect_model),
    Scene("chat-new", "/chat"),
    Scene("chat-first-day", "/chat", nothing_there),
    Scene("chat", "/chat", session(TIDE)),
    Scene("chat-zh", "/chat", session(TIDE_ZH)),
    Scene("chat-files", "/chat", session(FERRY)),
    Scene("chat-tool", "/chat", open_tool),
    Scene("chat-composing", "/chat", composing),
    Scene("chat-choices", "/chat", choices),
    Scene("chat-editing", "/chat", editing),
    Scene("chat-sessions", "/chat", session_list),
    Scene("chat-menu", "/chat", session_menu),
    Scene("chat-delete", "/chat", delete_session),
    Scene("chat-lost", "/chat", connection_lost),
    Scene("chat-error", "/chat", failing_server),
    Scene("menu", "/providers", menu),
    Scene("voice", "/voice"),
    Scene("voice-talking", "/voice", talking, speech="tell me a story"),
    Scene("voice-push", "/voice", push_to_talk, speech=""),
    Scene("voice-settings", "/voice", voice_settings),
    Scene("voice-refused", "/voice", microphone_refused, microphone=False),
    Scene("providers", "/providers", provider_tested),
    Scene("providers-speech", "/providers", tab(1)),
    Scene("providers-none", "/providers", tab(4)),
    Scene("providers-catalogue", "/providers", primary),
    Scene("provider-form", "/providers", provider_form),
    Scene("plugins", "/plugins"),
    Scene("plugins-end", "/plugins", mcp),
    Scene("plugins-toast", "/plugins", toast),
    Scene("plugin-menu", "/plugins", plugin_menu),
    Scene("plugin-settings", "/plugins", plugin("Harbour radio")),
    Scene("plugin-commands", "/plugins", plugin("Harbour radio", 1)),
    Scene("plugin-tools", "/plugins", plugin("Harbour radio", 2)),
    Scene("plugin-readme", "/plugins", plugin("Harbour radio", 3)),
    Scene("plugin-log", "/plugins", plugin("Harbour radio", 4)),
    Scene("plugin-install", "/plugins", primary),
    Scene("plugin-remove", "/plugins", plugin_removal),
    Scene("mcp-form", "/plugins", mcp_form),
    Scene("bots", "/bots"),
    Scene("bots-none", "/bots", nothing_there),
    Scene("bots-catalogue", "/bots", primary),
    Scene("bot-form", "/bots", bot_form),
    Scene("personas", "/personas"),
    Scene("personas-none", "/personas", nothing_there),
    Scene("persona-form", "/personas", persona_form),
    Scene("profiles", "/profiles"),
    Scene("profiles-end", "/profiles", profile_bottom),
    Scene("conversations", "/conversations"),
    Scene("conversation", "/conversations", conversation),
    Scene("conversations-search", "/conversations", conversation_search),
    Scene("conversations-none", "/conversations", nothing_there),
    Scene("keys", "/keys"),
    Scene("keys-none", "/keys", nothing_there),
    Scene("key-form", "/keys", primary),
    Scene("key-made", "/keys", key_made),
    Scene("statistics", "/statistics", loaded),
    Scene("statistics-middle", "/statistics", scrolled),
    Scene("statistics-end", "/statistics", to_the_end),
    Scene("logs", "/logs"),
    Scene("settings", "/settings"),
    Scene("settings-end", "/settings", to_the_end),
    Scene("missing", "/nowhere"),
    Scene("error", "/providers", failing_server),
    Scene("waiting", "/providers", waiting_server),
)
