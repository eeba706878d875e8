"""Text and HTML to images, on this machine.

AstrBot posts both to a public service. Here nothing leaves the machine: text is drawn with Pillow, which is always
there; HTML is rendered by a headless Chromium when one is installed, since nothing smaller lays out what plugins'
templates use.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

WIDTH = 800
MARGIN = 40
LONGEST_TEXT = 50_000
TALLEST = 20_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
    "~/.fonts",
    "~/.local/share/fonts",
)
FONT_NAMES = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "PingFang.ttc",
    "msyh.ttc",
    "DejaVuSans.ttf",
    "LiberationSans-Regular.ttf",
)


class _Line(msgspec.Struct):
    text: str
    size: int = 24
    indent: int = 0
    fill: str = "#1f2328"
    box: str = ""
    rule: bool = False


class Renderer:
    """Makes images of text and of HTML.

    Args:
        folder: Where images are written.
        timeout: Seconds for one image.
        browser: Path of a Chromium; empty: look for one.
    """

    def __init__(self, folder: Path, *, timeout: float = 30.0, browser: str = "") -> None:
        self._folder = folder
        self._timeout = timeout
        self._browser = browser
        self._one_browser = asyncio.Semaphore(2)

    async def render_t2i(
        self, text: str, use_network: bool = True, return_url: bool = False, template_name: str | None = None
    ) -> str:
        """Draw text, in which simple Markdown (headings, lists, quotes, code, rules) is set off.

        Args:
            use_network: Ignored, as are the other two: there is one renderer, and it gives paths.

        Returns:
            Path of a PNG file.

        Raises:
            ValueError: The text is too long to be a picture.
        """
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"text of more than {LONGEST_TEXT} characters can't be drawn")
        target = await asyncio.to_thread(self._target, "png")
        await asyncio.to_thread(draw_text, text, target)
        return str(target)

    async def render_custom_template(
        self, tmpl_str: str, tmpl_data: dict[str, Any], return_url: bool = True, options: dict[str, Any] | None = None
    ) -> str:
        """Render a Jinja2 template to an image.

        Args:
            tmpl_str: HTML with Jinja2 expressions; it runs in Jinja2's sandbox.
            tmpl_data: The template's variables.
            return_url: Ignored: it is always a path.
            options: ``type`` (``png`` or ``jpeg``), ``quality`` (1 to 100, jpeg), ``viewport_width`` and
                ``viewport_height`` or ``clip``, ``full_page`` (True: the page's whole height).

        Returns:
            Path of a JPEG or PNG file.

        Raises:
            RuntimeError: No Chromium is installed, or it failed.
        """
        browser = self._browser or find_browser()
        if not browser:
            raise RuntimeError("Rendering HTML needs Chromium, which is not installed on this machine.")
        page = await asyncio.to_thread(fill_template, tmpl_str, tmpl_data)
        given = dict(options or {})
        kind = "png" if given.get("type") == "png" else "jpeg"
        shot = await asyncio.to_thread(self._target, "png")
        async with self._one_browser:
            await self._screenshot(browser, page, shot, given)
        return str(await asyncio.to_thread(_finish, shot, kind, given))

    async def _screenshot(self, browser: str, page: str, shot: Path, options: Mapping[str, Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="render-", ignore_cleanup_errors=True) as scratch:
            source = Path(scratch) / "page.html"
            await asyncio.to_thread(source.write_text, page, "utf-8")
            width, height = _viewport(options)
            process = await asyncio.create_subprocess_exec(
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-extensions",
                "--hide-scrollbars",
                "--virtual-time-budget=3000",
                f"--user-data-dir={scratch}/profile",
                f"--window-size={width},{height}",
                f"--screenshot={shot}",
                source.as_uri(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "HOME": scratch},
            )
            try:
                async with asyncio.timeout(self._timeout):
                    await process.wait()
            except TimeoutError:
                raise RuntimeError(f"Chromium did not render the page within {self._timeout:g} s.") from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        if not await asyncio.to_thread(shot.is_file):
            raise RuntimeError("Chromium could not render the page.")

    def _target(self, suffix: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"render-{uuid.uuid4().hex}.{suffix}"


def find_browser() -> str:
    """Path of an installed Chromium; empty when there is none."""
    named = os.environ.get("CHROME_PATH", "")
    if named and Path(named).is_file():
        return named
    return next((path for name in BROWSERS if (path := shutil.which(name))), "")


def fill_template(template: str, data: Mapping[str, Any]) -> str:
    """The HTML a template gives; expressions can't reach Python's internals.

    Raises:
        RuntimeError: The template is wrong.
    """
    from jinja2 import TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    try:
        return SandboxedEnvironment(autoescape=False).from_string(template).render(**data)
    except TemplateError as error:
        raise RuntimeError(f"The HTML template is wrong: {error}") from error


def draw_text(text: str, target: Path) -> None:
    """Draw text into a PNG file. Call it in a thread."""
    from PIL import Image, ImageDraw

    probe = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    lines = [wrapped for line in _layout(text) for wrapped in _wrap(line, probe)]
    height = min(2 * MARGIN + sum(_height(line) for line in lines), TALLEST)
    image = Image.new("RGB", (WIDTH, max(height, 2 * MARGIN + 40)), "#ffffff")
    draw = ImageDraw.Draw(image)
    top = MARGIN
    for line in lines:
        tall = _height(line)
        if line.box:
            draw.rectangle((MARGIN, top, WIDTH - MARGIN, top + tall), fill=line.box)
        if line.rule:
            draw.line((MARGIN, top + tall // 2, WIDTH - MARGIN, top + tall // 2), fill="#d0d7de", width=2)
        else:
            draw.text((MARGIN + line.indent, top + 4), line.text, font=_font(line.size), fill=line.fill)
        top += tall
        if top > TALLEST:
            break
    image.save(target, "PNG")


def _layout(text: str) -> list[_Line]:
    lines: list[_Line] = []
    code = False
    for raw in text.expandtabs(4).splitlines() or [""]:
        if raw.lstrip().startswith("```"):
            code = not code
        elif code:
            lines.append(_Line(raw, size=20, indent=16, box="#f6f8fa"))
        elif heading := re.match(r"(#{1,6})\s+(.*)", raw):
            lines.append(_Line(_plain(heading[2]), size=44 - 4 * len(heading[1])))
        elif re.fullmatch(r"\s*([-*_])(\s*\1){2,}\s*", raw):
            lines.append(_Line("", rule=True))
        elif quote := re.match(r">\s?(.*)", raw):
            lines.append(_Line(_plain(quote[1]), indent=24, fill="#57606a", box="#f6f8fa"))
        elif item := re.match(r"(\s*)[-*+]\s+(.*)", raw):
            lines.append(_Line(f"• {_plain(item[2])}", indent=16 + 12 * len(item[1])))
        else:
            lines.append(_Line(_plain(raw)))
    return lines


def _plain(text: str) -> str:
    text = re.sub(r"(\*\*|__|~~|`)(.+?)\1", r"\2", text)
    return re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)


def _wrap(line: _Line, draw: ImageDraw) -> list[_Line]:
    room, font = WIDTH - 2 * MARGIN - line.indent, _font(line.size)
    pieces: list[_Line] = []
    rest = line.text
    while rest and draw.textlength(rest, font=font) > room:
        low, high = 1, len(rest)
        while low < high:  # the longest prefix that fits
            middle = (low + high + 1) // 2
            low, high = (middle, high) if draw.textlength(rest[:middle], font=font) <= room else (low, middle - 1)
        cut = low
        blank = rest.rfind(" ", 0, cut + 1)
        if blank > cut // 2 and rest[cut - 1 : cut + 1].isascii():
            cut = blank + 1
        pieces.append(msgspec.structs.replace(line, text=rest[:cut].rstrip()))
        rest = rest[cut:]
    pieces.append(msgspec.structs.replace(line, text=rest))
    return pieces


def _height(line: _Line) -> int:
    return line.size + 16


@functools.lru_cache(maxsize=16)
def _font(size: int) -> FreeTypeFont | Any:
    from PIL import ImageFont

    path = _font_file()
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


@functools.lru_cache(maxsize=1)
def _font_file() -> str:
    found: dict[str, str] = {}
    for folder in FONT_FOLDERS:
        for base, _, files in os.walk(Path(folder).expanduser()):
            for name in files:
                found.setdefault(name, str(Path(base) / name))
    return next((found[name] for name in FONT_NAMES if name in found), "")


def _viewport(options: Mapping[str, Any]) -> tuple[int, int]:
    clip = options.get("clip")
    clip = clip if isinstance(clip, Mapping) else {}
    width = options.get("viewport_width") or clip.get("width") or WIDTH + 480
    height = options.get("viewport_height") or clip.get("height") or (6000 if options.get("full_page", True) else 720)
    return max(64, min(int(width), 8000)), max(64, min(int(height), TALLEST))


def _finish(shot: Path, kind: str, options: Mapping[str, Any]) -> Path:
    """Cut the empty end off a whole page, and bring it into the wanted format."""
    from PIL import Image, ImageChops

    with Image.open(shot) as opened:
        image = opened.convert("RGB")
    if options.get("full_page", True) and not options.get("viewport_height") and not options.get("clip"):
        corner = image.getpixel((image.width - 1, image.height - 1))
        used = ImageChops.difference(image, Image.new("RGB", image.size, corner)).getbbox()  # type: ignore[arg-type]
        if used:
            image = image.crop((0, 0, image.width, min(image.height, used[3] + 16)))
    if kind == "png":
        image.save(shot, "PNG")
        return shot
    target = shot.with_suffix(".jpg")
    image.save(target, "JPEG", quality=max(1, min(int(options.get("quality") or 40), 100)))
    shot.unlink()
    return target
