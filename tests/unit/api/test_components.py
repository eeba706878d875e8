"""Message components: construction, comparison, OneBot form, media helpers."""

from __future__ import annotations

import base64
import copy
import io
from pathlib import Path
from typing import Any

import pytest

import astrbot_like.api.message_components as Comp
from astrbot_like.api import media
from astrbot_like.api.components.forward import flatten
from astrbot_like.api.components.media import safe_file_name
from astrbot_like.api.current import bind_host
from astrbot_like.api.testing import FakeHost, fake_services, silent_wav

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 30


@pytest.fixture
def host(tmp_path: Path) -> Any:
    made = FakeHost(tmp_path, fake_services(callback_api_base="http://bot"))
    with bind_host(made):
        yield made


def test_type_is_a_string_and_prints_with_its_class() -> None:
    plain = Comp.Plain("x")
    assert plain.type == "Plain"
    assert str(plain.type) == "ComponentType.Plain"
    assert str(plain.type).split(".")[1] == "Plain"
    assert Comp.ComponentType("Image") is Comp.ComponentType.Image


SEGMENTS: list[tuple[Comp.BaseMessageComponent, dict[str, Any]]] = [
    (Comp.Plain("hi", convert=False), {"type": "text", "data": {"text": "hi"}}),
    (Comp.At(qq=123, name="n"), {"type": "at", "data": {"qq": "123"}}),
    (Comp.AtAll(), {"type": "at", "data": {"qq": "all"}}),
    (Comp.Face(id=14), {"type": "face", "data": {"id": 14}}),
    (Comp.Reply(id=9, message_str="x"), {"type": "reply", "data": {"id": "9"}}),
    (Comp.Poke(id=5), {"type": "poke", "data": {"type": "126", "id": "5"}}),
    (Comp.Poke(type="poke", qq=6), {"type": "poke", "data": {"type": "126", "id": "6"}}),
    (Comp.Forward(id="abc"), {"type": "forward", "data": {"id": "abc"}}),
    (Comp.Dice(), {"type": "dice", "data": {}}),
    (Comp.Contact(_type="group", id=3), {"type": "contact", "data": {"type": "group", "id": 3}}),
    (Comp.Json(data='{"a": 1}'), {"type": "json", "data": {"data": {"a": 1}}}),
    (
        Comp.Share(url="u", title="t"),
        {"type": "share", "data": {"url": "u", "title": "t", "content": "", "image": ""}},
    ),
    (
        Comp.Location(lat=1, lon=2.5),
        {"type": "location", "data": {"lat": 1.0, "lon": 2.5, "title": "", "content": ""}},
    ),
]


@pytest.mark.parametrize(("component", "segment"), SEGMENTS, ids=lambda value: type(value).__name__)
async def test_onebot_form(component: Comp.BaseMessageComponent, segment: dict[str, Any]) -> None:
    assert component.toDict() == segment
    assert await component.to_dict() == segment


def test_compared_by_value_mutable_and_tolerant() -> None:
    assert Comp.Plain("a") == Comp.Plain("a", nothing=1)
    assert Comp.Plain("a") != Comp.Plain("b")
    assert Comp.At(qq="all") != Comp.AtAll()
    plain = Comp.Plain("a")
    plain.text = "b"
    assert plain == Comp.Plain("b")
    assert copy.deepcopy(plain) == plain
    assert plain.copy(update={"text": "c"}).text == "c"
    assert not hasattr(Comp.At(qq=1, unknown=2), "unknown")
    with pytest.raises(TypeError):
        hash(plain)


def test_defaults_are_not_shared() -> None:
    first, second = Comp.Reply(id=1), Comp.Reply(id=2)
    assert first.chain is not None
    first.chain.append(Comp.Plain("x"))
    assert second.chain == []


@pytest.mark.parametrize("make", [lambda: Comp.At(), lambda: Comp.Face(id="x"), lambda: Comp.Forward()])
def test_missing_or_wrong_fields(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


def test_numbers_become_text_where_text_is_declared() -> None:
    assert Comp.Plain(12).text == "12"  # type: ignore[arg-type]
    assert Comp.Face(id="14").id == 14
    assert Comp.Node(uin=77, name="n", content=[]).uin == "77"
    assert Comp.Reply(id=5).id == "5"


@pytest.mark.parametrize(
    ("given", "kept"), [("10001", 10001), (7, 7), ("0", 0), ("007", "007"), ("x1", "x1"), ("9" * 40, "9" * 40)]
)
def test_ids_in_digits_are_numbers(given: Any, kept: Any) -> None:
    assert Comp.At(qq=given).qq == kept == Comp.Reply(id="1", sender_id=given).sender_id
    assert Comp.At(qq=given).toDict()["data"] == {"qq": str(given)}


def test_repr_hides_base64() -> None:
    shown = repr(Comp.Image.fromBytes(b"secret" * 50))
    assert "base64://<" in shown
    assert len(shown) < 200


def test_plugins_own_component() -> None:
    class Sticker(Comp.BaseMessageComponent):
        type: Comp.ComponentType = Comp.ComponentType.Unknown
        name: str
        tags: list = []  # noqa: RUF012

    one, two = Sticker(name="a"), Sticker(name="b")
    one.tags.append("x")
    assert two.tags == []
    assert one.toDict() == {"type": "unknown", "data": {"name": "a", "tags": ["x"]}}


def test_sources_of_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a b.png"
    image = Comp.Image.fromFileSystem(path)
    assert image.file == path.as_uri()
    assert image.path == str(path)
    assert Comp.Image.fromURL("https://x/y.png").file == "https://x/y.png"
    encoded = base64.b64encode(PNG).decode()
    assert Comp.Image.fromBytes(PNG).file == f"base64://{encoded}"
    assert Comp.Image.fromIO(io.BytesIO(PNG)) == Comp.Image.fromBase64(encoded)
    with pytest.raises(ValueError, match="not a valid url"):
        Comp.Image.fromURL("ftp://x")
    with pytest.raises(ValueError, match="not a valid url"):
        Comp.Record.fromURL("x.wav")


async def test_picture_to_path_and_base64(host: FakeHost, tmp_path: Path) -> None:
    path = Path(await Comp.Image.fromBytes(PNG).convert_to_file_path())
    assert path.suffix == ".png"
    assert path.read_bytes() == PNG
    assert path.is_relative_to(tmp_path / "data" / "temp")
    again = Comp.Image.fromFileSystem(path)
    assert await again.convert_to_file_path() == str(path)
    assert base64.b64decode(await again.convert_to_base64()) == PNG
    assert await Comp.Image(file="base64://aGk=").convert_to_base64() == "aGk="
    with pytest.raises(ValueError):
        await Comp.Image(file="").convert_to_file_path()
    with pytest.raises(ValueError):
        await Comp.Image(file=str(tmp_path / "absent.png")).convert_to_file_path()
    assert await again.register_to_file_service() == f"http://bot/api/file/{path.name}"


async def test_record_becomes_wav(host: FakeHost, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(silent_wav(0.1))
    record = Comp.Record.fromFileSystem(path)
    assert await record.convert_to_file_path() == str(path)
    assert (await record.convert_to_base64()).startswith("UklGR")
    # Adapters may give a bare name as ``file`` and the place in ``url`` or ``path``.
    elsewhere = Comp.Record(file="a.amr", url=path.as_uri())
    assert await elsewhere.convert_to_file_path() == str(path)
    with pytest.raises(media.MediaError):
        await Comp.Record(file="base64://bm90IGF1ZGlv").convert_to_file_path()


async def test_file(host: FakeHost, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text("x")
    file = Comp.File(name="report.txt", file=str(path))
    assert file.file == str(path)
    assert await file.get_file() == str(path)
    assert (await file.to_dict())["data"] == {"name": "report.txt", "file": "http://bot/api/file/report.txt"}
    remote = Comp.File("n", url="http://x/y")
    assert remote.file == ""
    assert await remote.get_file(allow_return_url=True) == "http://x/y"
    remote.file = "http://x/z"
    assert remote.url == "http://x/z"
    remote.file = str(path)
    assert remote.file_ == str(path)
    assert await Comp.File("nothing").get_file() == ""


@pytest.mark.parametrize(
    ("given", "safe"),
    [("../../etc/passwd", "passwd"), ("a\\b:c.txt", "b_c.txt"), ("", "file"), ("..", "file"), (None, "file")],
)
def test_file_names_stay_in_their_folder(given: str | None, safe: str) -> None:
    assert safe_file_name(given) == safe


async def test_nodes(host: FakeHost) -> None:
    inner = Comp.Node(content=[Comp.Plain("in")], name="a", uin="1")
    outer = Comp.Node(content=inner, name="b", uin="2")  # type: ignore[arg-type]
    assert outer.content == [inner]
    assert await Comp.Nodes([outer]).to_dict() == {
        "messages": [
            {
                "type": "node",
                "data": {
                    "user_id": "2",
                    "nickname": "b",
                    "content": [
                        {
                            "type": "node",
                            "data": {
                                "user_id": "1",
                                "nickname": "a",
                                "content": [{"type": "text", "data": {"text": "in"}}],
                            },
                        }
                    ],
                },
            }
        ]
    }
    assert flatten([Comp.Nodes([outer]), Comp.Plain("x")]) == [Comp.Plain("in"), Comp.Plain("x")]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a%20b.png", "/a b.png"),
        ("file://localhost/a", "/a"),
        ("/plain", "/plain"),
        ("FILE:///x", "/x"),
    ],
)
def test_file_uris(uri: str, path: str) -> None:
    assert media.file_uri_to_path(uri) == path


async def test_inline_media_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "LARGEST_MEDIA", 10)
    with pytest.raises(media.MediaError, match="larger"):
        media.decode_base64("base64://" + "A" * 100)
    with pytest.raises(media.MediaError, match="Base64"):
        media.decode_base64("base64://A")
    assert media.decode_base64("data:text/plain,a%20b") == b"a b"
