"""Scenes of signing in, chat and voice."""

from __future__ import annotations

from playwright.async_api import Locator, Page, WebSocketRoute

from scripts.pictures.house import FERRY, TIDE, TIDE_ZH
from scripts.pictures.scene import Act, Scene, failing_server, nothing_there


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


async def rename_session(page: Page) -> None:
    """The new name of a session."""
    await session_menu(page)
    await page.locator("[role=menuitem]").first.click()
    await page.locator("#confirm-form input").wait_for()


async def picture(page: Page) -> None:
    """A picture of a message, as large as it fits."""
    await session(FERRY)(page)
    await page.locator(".picture img").click()
    await page.locator("dialog img").wait_for()


async def answering_at_length(page: Page) -> None:
    """A reply that still grows."""
    await page.locator("form.composer textarea").fill("Tell me a story")
    await page.keyboard.press("Enter")
    await page.locator(".message:not(.mine) .bubble").filter(has_text="lighthouse").wait_for()


async def failing_model(page: Page) -> None:
    """A reply that the model's service refused."""
    await page.locator(".choices .toggle").click()
    choices = page.locator(".choices .panel select")
    await choices.first.select_option("")
    await choices.last.select_option(label="Kitchen")
    await page.locator(".choices .toggle").click()
    await page.locator("form.composer textarea").fill("Are you there?")
    await page.keyboard.press("Enter")
    await page.locator(".message [role=alert]").wait_for(timeout=30_000)


async def open_tool(page: Page) -> None:
    """A tool call and the reasoning before it."""
    await session(FERRY)(page)
    await page.locator(".picture img").wait_for()  # what is clicked stands still from then on
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


async def menu(page: Page) -> None:
    """The menu of a phone."""
    button = page.locator(".bar .button").first
    if await button.is_visible():
        await button.click()
        await page.locator("dialog").wait_for()


TALKING = (
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
    Scene("chat-sessions", "/chat", session_list, dialog="ChatPage"),
    Scene("chat-menu", "/chat", session_menu),
    Scene("chat-delete", "/chat", delete_session, dialog="UiConfirm"),
    Scene("chat-rename", "/chat", rename_session, dialog="UiConfirm"),
    Scene("chat-picture", "/chat", picture, dialog="AttachmentView"),
    Scene("chat-lost", "/chat", connection_lost),
    Scene("chat-error", "/chat", failing_server),
    Scene("menu", "/providers", menu, dialog="App"),
    Scene("voice", "/voice"),
    Scene("voice-push", "/voice", push_to_talk, speech=""),
    Scene("voice-settings", "/voice", voice_settings),
    Scene("voice-refused", "/voice", microphone_refused, microphone=False),
)

TRACES = (
    Scene("chat-streaming", "/chat", answering_at_length),
    Scene("chat-failed", "/chat", failing_model),
    Scene("voice-talking", "/voice", talking, speech="tell me a story"),
)
"""Scenes that leave a message or a session behind, so they come after all others."""
