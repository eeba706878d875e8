"""Requests to plugins' routes and answers to them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.message_components import Plain
from astrbot_like.api.web import (
    PluginMultiDict,
    PluginRequest,
    PluginUploadFile,
    bind_request_context,
    error_response,
    file_response,
    json_response,
    request,
    stream_response,
)


class Body:
    """A request's body."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    async def body(self) -> bytes:
        return self.raw

    async def form(self) -> Any:
        return [("a", "1"), ("a", "2")]

    async def files(self) -> Any:
        return [("f", PluginUploadFile(io.BytesIO(b"content"), "n.txt", "text/plain", {"Content-Length": "7"}))]


def test_multi_dict() -> None:
    values = PluginMultiDict([("a", "1"), ("b", "x"), ("a", "2")])
    assert values.get("a") == "2"
    assert values.get("a", 0, type=int) == 2
    assert values.get("b", 5, type=int) == 5
    assert values.get("c", "d") == "d"
    assert values.getlist("a") == ["1", "2"]
    assert values.items() == [("a", "2"), ("b", "x")]
    assert dict(values.items()) == values.to_dict()
    assert "a" in values
    assert "c" not in values
    assert values
    assert not PluginMultiDict()
    with pytest.raises(KeyError):
        values["c"]


async def test_request_in_a_handler(tmp_path: Path) -> None:
    bound = PluginRequest(
        "POST",
        "/demo/x",
        {"X": "y"},
        Body(b'{"a": 1}'),
        query=PluginMultiDict([("page", "3")]),
        path_params={"id": "5"},
        plugin_name="demo",
        username="admin",
    )
    with bind_request_context(bound):
        assert (request.method, request.path, request.plugin_name, request.username) == (
            "POST",
            "/demo/x",
            "demo",
            "admin",
        )
        assert request.query.get("page", 1, type=int) == 3
        assert request.path_params == {"id": "5"}
        assert await request.json() == {"a": 1}
        assert await request.body() == b'{"a": 1}'
        assert (await request.form()).getlist("a") == ["1", "2"]
        file = (await request.files())["f"]
        assert (file.filename, file.content_length) == ("n.txt", 7)
        await file.save(tmp_path / "saved")
        assert (tmp_path / "saved").read_bytes() == b"content"
        await file.seek(0)
        assert await file.read(3) == b"con"
    bound.source = Body(b"no json")
    with bind_request_context(bound):
        assert await request.json({"d": 1}) == {"d": 1}
    with pytest.raises(RuntimeError):
        _ = request.method


def test_answers(tmp_path: Path) -> None:
    made = json_response({"p": tmp_path, "c": Plain("中"), "s": {1}}, status_code=201, headers={"A": "b"})
    assert isinstance(made.body, bytes)
    assert json.loads(made.body)["c"]["data"] == {"text": "中"}
    assert (made.status_code, made.headers, made.content_type) == (201, {"A": "b"}, "application/json")
    refused = error_response("no", data=[1])
    assert isinstance(refused.body, bytes)
    assert json.loads(refused.body) == {"status": "error", "message": "no", "data": [1]}
    assert refused.status_code == 400
    file = file_response(tmp_path / "a.png", filename="图.png")
    assert (file.file, file.content_type) == (tmp_path / "a.png", "image/png")
    assert "UTF-8''%E5%9B%BE.png" in file.headers["Content-Disposition"]
    with pytest.raises(TypeError):
        json_response(object())


async def test_answers_piece_by_piece() -> None:
    async def pieces() -> Any:
        yield "a"
        yield b"b"

    for content in (pieces(), ["a", b"b"]):
        made = stream_response(content)
        assert not isinstance(made.body, bytes)
        assert [piece async for piece in made.body] == [b"a", b"b"]
        assert made.content_type == "text/event-stream"
