"""Text and HTML to pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from astrbot_like.plugin_host import render
from astrbot_like.plugin_host.render import Renderer

TEXT = "# 标题\n\n" + "混合 English words that wrap. " * 12 + "\n- item\n> quote\n---\n```\ncode\n```\n**bold**"


async def test_text_becomes_a_picture_as_tall_as_it_needs(tmp_path: Path) -> None:
    renderer = Renderer(tmp_path / "new")
    sizes = []
    for text in ("short", TEXT, ""):
        with Image.open(await renderer.render_t2i(text)) as image:
            sizes.append(image.size)
            assert len(image.getcolors(1 << 20) or ()) > (1 if text else 0)
    assert all(width == render.WIDTH for width, _ in sizes)
    assert sizes[1][1] > 2 * sizes[0][1]


async def test_a_text_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="50000"):
        await Renderer(tmp_path).render_t2i("x" * 50_001)


async def test_html_without_a_browser_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "find_browser", lambda: "")
    with pytest.raises(RuntimeError, match="Chromium"):
        await Renderer(tmp_path).render_custom_template("<p>x</p>", {})


def test_templates_run_in_a_sandbox() -> None:
    assert render.fill_template("{{ a }} {% for x in b %}{{ x }}{% endfor %}", {"a": 1, "b": [2, 3]}) == "1 23"
    for template in ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "{% broken"):
        with pytest.raises(RuntimeError):
            render.fill_template(template, {})


@pytest.mark.skipif(not render.find_browser(), reason="no Chromium on this machine")
async def test_html_becomes_a_picture(tmp_path: Path) -> None:
    renderer = Renderer(tmp_path)
    page = "<body style='margin:0;background:#fff'><div style='height:300px;background:#c00'>{{ t }}</div></body>"
    options = {"type": "png", "viewport_width": 640}
    with Image.open(await renderer.render_custom_template(page, {"t": "你好"}, options=options)) as image:
        assert image.format == "PNG"
        assert image.width == 640
        assert 290 < image.height < 340
        assert image.getpixel((600, 200)) == (204, 0, 0)
    with Image.open(
        await renderer.render_custom_template("<p>x", {}, options={"clip": {"width": 200, "height": 90}})
    ) as image:
        assert (image.format, image.size) == ("JPEG", (200, 90))
    assert len(list(tmp_path.iterdir())) == 2
