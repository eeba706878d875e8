"""What browser tests and the screenshots do over and over: open, sign in, ask, listen, check accessibility."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, BrowserContext, Page, Playwright, ViewportSize, async_playwright

from tests.support.server_process import PASSWORD, ROOT, USERNAME, ServerProcess

AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
PHONE: ViewportSize = {"width": 390, "height": 844}
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
RATE = 16_000
PATIENCE_MS = 60_000
"""What a busy machine may take for anything that a page does."""
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
"""What the house calls itself, for the list of browsers that are signed in."""

# Without these a browser looks for its maker's services at every start.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)


class BrowserHouse:
    """The server's HTTP routes as the signed-in administrator."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.token = ""
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> BrowserHouse:
        self._http = aiohttp.ClientSession(self.server.url, headers={"User-Agent": AGENT})
        answer = await self.post("/api/auth/login", username=USERNAME, password=PASSWORD)
        self.token = answer["token"]
        self._http.headers["Authorization"] = f"Bearer {self.token}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._http is not None
        await self._http.close()

    async def get(self, path: str, /, **query: Any) -> Any:
        """``data`` of an answer."""
        assert self._http is not None
        async with self._http.get(path, params=query) as response:
            return self._data(await response.json())

    async def post(self, path: str, /, **body: Any) -> Any:
        """``data`` of an answer."""
        assert self._http is not None
        async with self._http.post(path, json=body) as response:
            return self._data(await response.json())

    async def send_form(self, path: str, form: aiohttp.FormData) -> Any:
        """``data`` of the answer to an upload."""
        assert self._http is not None
        async with self._http.post(path, data=form) as response:
            return self._data(await response.json())

    async def read_to_end(self, path: str, /, **body: Any) -> str:
        """The text of an answer that is streamed."""
        assert self._http is not None
        async with self._http.post(path, json=body) as response:
            return await response.text()

    async def use_model(self, base_url: str, model: str = "mock") -> None:
        """Put a model of an OpenAI-compatible service before the offline assistant."""
        config = {
            "id": "stand-in",
            "type": "openai_chat_completion",
            "provider_type": "chat_completion",
            "enable": True,
        }
        await self.post("/api/provider/new", config=config | {"api_base": base_url, "api_key": "none", "model": model})
        await self.post("/api/config/write", id="default", profile={"llm": ["stand-in", "offline"]})

    @staticmethod
    def _data(answer: dict[str, Any]) -> Any:
        assert answer["status"] == "ok", answer
        return answer["data"]


class Web:
    """Browsers on the server's pages; what the pages complain about is collected."""

    def __init__(self, server: ServerProcess, executable: str, folder: Path) -> None:
        self.server = server
        self.complaints: list[str] = []
        self._executable = executable
        self._folder = folder
        self._playwright: Playwright | None = None
        self._entered: Any = None
        self._plain: Browser | None = None

    async def __aenter__(self) -> Web:
        self._entered = async_playwright()
        self._playwright = await self._entered.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        if self._plain is not None:
            await self._plain.close()
        await self._entered.__aexit__(*exception)

    @asynccontextmanager
    async def open(
        self,
        *,
        token: str = "",
        speech: bytes = b"",
        phone: bool = False,
        locale: str = "en-US",
        dark: bool = False,
        permissions: bool = True,
        calm: bool = False,
    ) -> AsyncIterator[Page]:
        """A page of a fresh profile; whoever speaks into a microphone, or may not, gets a browser of their own, too.

        Args:
            token: Signs the page in beforehand.
            speech: 16 kHz mono s16le that the microphone hears, once.
            permissions: Whether the microphone may be used.
            calm: For somebody who wants little to move: what opens is there at once.
        """
        own = bool(speech) or not permissions
        browser = await self._launch(speech, permissions) if own else await self._shared()
        context = None
        try:
            context = await browser.new_context(
                base_url=self.server.url,
                viewport=PHONE if phone else LAPTOP,
                has_touch=phone,
                is_mobile=phone,
                device_scale_factor=2 if phone else 1,
                locale=locale,
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce" if calm else "no-preference",
                accept_downloads=True,
            )
            if token:
                await sign_in_beforehand(context, token)
            page = await context.new_page()
            page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
            page.on("console", lambda message: self._listen(message.type, message.text))
            yield page
        finally:
            if own:
                await browser.close()
            elif context is not None:
                await context.close()

    async def _shared(self) -> Browser:
        if self._plain is None or not self._plain.is_connected():
            self._plain = await self._launch(b"", True)
        return self._plain

    async def _launch(self, speech: bytes, permissions: bool) -> Browser:
        assert self._playwright is not None
        arguments = [*QUIET, "--use-fake-device-for-media-stream"]
        if permissions:
            arguments.append("--use-fake-ui-for-media-stream")
        else:
            arguments.append("--deny-permission-prompts")
        if speech:
            path = self._folder / "microphone.wav"
            await asyncio.to_thread(write_wav, path, speech)
            arguments.append(f"--use-file-for-fake-audio-capture={path}%noloop")
        return await self._playwright.chromium.launch(executable_path=self._executable, args=arguments)

    def _listen(self, kind: str, text: str) -> None:
        # A refused request is what some tests are about; a violated policy or an exception never is.
        if kind == "error" and "Failed to load resource" not in text and "WebSocket connection" not in text:
            self.complaints.append(text)


async def sign_in_beforehand(context: BrowserContext, token: str) -> None:
    """Every page of the context starts signed in."""
    # A plugin's page is in a frame without an origin, where there is no storage.
    script = f"""if (origin !== 'null' && !localStorage.getItem('astrbot_like.token')) {{
        localStorage.setItem('astrbot_like.token', '{token}')
        localStorage.setItem('astrbot_like.username', '{USERNAME}')
    }}"""
    await context.add_init_script(script)


async def sign_in(page: Page) -> None:
    """Through the sign-in page."""
    await page.goto("/")
    await page.locator("input[name=username]").fill(USERNAME)
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.locator("input[name=password]").wait_for(state="detached")


async def until(page: Page, expression: str) -> None:
    """Wait until JavaScript is true; the page's policy forbids what Playwright's own waiting does."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


async def ask(page: Page, text: str) -> None:
    """Write a message on the chat page and send it."""
    await page.locator("form.composer textarea").fill(text)
    await page.keyboard.press("Enter")


async def reply(page: Page, count: int = 1) -> str:
    """The text of the ``count``-th reply, once it is complete."""
    bubble = page.locator(".message:not(.mine) .bubble").nth(count - 1)
    await bubble.locator("xpath=self::*[not(@aria-busy='true')]").wait_for(timeout=PATIENCE_MS)
    return await bubble.inner_text()


SETTLED = """(async () => {
    const moving = () => document.getAnimations().filter((one) => one.playState === 'running'
        && one.timeline instanceof DocumentTimeline && Number.isFinite(one.effect.getComputedTiming().endTime))
    for (let calm = 0; calm < 3; calm = moving().length ? 0 : calm + 1) {
        await Promise.allSettled(moving().map((one) => one.finished))
        await new Promise(requestAnimationFrame)
    }
})()"""
"""Fulfilled once nothing has faded, slid or turned for three pictures; what goes round for ever is not waited for."""


async def serious_findings(page: Page) -> list[str]:
    """What axe calls serious or critical on the page once it stands still."""
    # Text that still fades in has too little contrast; on a slow machine that is what axe would see.
    await page.evaluate(SETTLED)
    await page.evaluate(AXE.read_text())
    result = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{finding['id']}: {node['target']} {node['failureSummary'][:300]}"
        for finding in result["violations"]
        if finding["impact"] in ("serious", "critical")
        for node in finding["nodes"][:4]
    ]


def write_wav(path: Path, pcm: bytes) -> None:
    """A 16 kHz mono WAV file with half a second of silence around the speech."""
    silence = bytes(RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(silence + pcm + silence)
