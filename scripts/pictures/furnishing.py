"""Scenes of the rooms where a bot is set up: providers, plugins, bots, personas and profiles."""

from __future__ import annotations

from playwright.async_api import Locator, Page

from scripts.pictures.scene import Act, Scene, answering, failing_server, nothing_there, primary, tab, waiting_server


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


async def provider_found(page: Page) -> None:
    """A service that was found on the machine, and the choice of its model."""
    found = (
        '{"name": "Ollama", "source": "http://127.0.0.1:11434", "models": ["qwen3:8b", "llama3.2:3b", "bge-m3"],'
        ' "config": {"id": "ollama-local", "type": "openai_chat_completion", "provider_type": "chat_completion"}}'
    )
    await page.route("**/api/provider/detected", answering(f'{{"status": "ok", "data": {{"found": [{found}]}}}}'))
    await page.reload()
    await page.locator(".found .button").click()
    await page.locator("#found-form select").wait_for()


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


async def toast(page: Page) -> None:
    """A word about something that went wrong, with a way to try again."""
    await page.route("**/api/plugin/reload", lambda route: route.abort())
    await plugin_menu(page)
    await page.locator("[role=menuitem]").first.click()
    await page.locator(".toast").wait_for()


async def plugin_from_file(page: Page) -> None:
    """A plugin that comes as a file."""
    await primary(page)
    await page.locator("dialog [role=tab]").nth(1).click()


async def plugin_page(page: Page) -> None:
    """A plugin's own page."""
    await page.frame_locator("iframe").locator("td").first.wait_for()


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


async def profile_voice(page: Page) -> None:
    """How a profile hears and speaks."""
    await tuning(page, 0)


async def profile_server(page: Page) -> None:
    """What a profile allows and answers."""
    await tuning(page, 1)


async def profile_advanced(page: Page) -> None:
    """What few people ever change about a profile."""
    await tuning(page, 1)
    advanced = page.locator(".editor details details summary")
    await advanced.click()
    await advanced.evaluate("summary => summary.scrollIntoView()")


async def tuning(page: Page, number: int) -> None:
    """One of a profile's parts that are folded."""
    fold = page.locator(".editor > fieldset > details > summary").nth(number)
    await fold.click()
    await fold.evaluate("summary => summary.scrollIntoView()")


async def profile_made(page: Page) -> None:
    """The name of a new profile."""
    await page.locator(".page > header .primary").click()
    await page.locator("#confirm-form input").wait_for()


FURNISHING = (
    Scene("providers", "/providers", provider_tested),
    Scene("providers-speech", "/providers", tab(1)),
    Scene("providers-none", "/providers", tab(4)),
    Scene("providers-catalogue", "/providers", primary, dialog="ProvidersPage"),
    Scene("provider-found", "/providers", provider_found, dialog="DetectedProvider"),
    Scene("provider-form", "/providers", provider_form, dialog="ProviderForm"),
    Scene("plugins", "/plugins"),
    Scene("plugins-end", "/plugins", mcp),
    Scene("plugins-toast", "/plugins", toast),
    Scene("plugin-menu", "/plugins", plugin_menu),
    Scene("plugin-settings", "/plugins", plugin("Harbour radio"), dialog="PluginDetails"),
    Scene("plugin-commands", "/plugins", plugin("Harbour radio", 1), dialog="PluginDetails"),
    Scene("plugin-tools", "/plugins", plugin("Harbour radio", 2), dialog="PluginDetails"),
    Scene("plugin-readme", "/plugins", plugin("Harbour radio", 3), dialog="PluginDetails"),
    Scene("plugin-log", "/plugins", plugin("Harbour radio", 4), dialog="PluginDetails"),
    Scene("plugin-install", "/plugins", primary, dialog="PluginInstall"),
    Scene("plugin-install-file", "/plugins", plugin_from_file, dialog="PluginInstall"),
    Scene("plugin-page", "/plugins/harbour_radio/watch", plugin_page),
    Scene("plugin-remove", "/plugins", plugin_removal, dialog="PluginsPage"),
    Scene("mcp-form", "/plugins", mcp_form, dialog="McpServers"),
    Scene("bots", "/bots"),
    Scene("bots-none", "/bots", nothing_there),
    Scene("bots-catalogue", "/bots", primary, dialog="BotsPage"),
    Scene("bot-form", "/bots", bot_form, dialog="BotsPage"),
    Scene("personas", "/personas"),
    Scene("personas-none", "/personas", nothing_there),
    Scene("persona-form", "/personas", persona_form, dialog="PersonaForm"),
    Scene("profiles", "/profiles"),
    Scene("profiles-end", "/profiles", profile_bottom),
    Scene("profiles-voice", "/profiles", profile_voice),
    Scene("profiles-server", "/profiles", profile_server),
    Scene("profiles-advanced", "/profiles", profile_advanced),
    Scene("profile-new", "/profiles", profile_made, dialog="UiConfirm"),
    Scene("error", "/providers", failing_server),
    Scene("waiting", "/providers", waiting_server),
)
