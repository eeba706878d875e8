"""Chat mode, its subscriptions, and the Open API's streams over a real server with a scripted engine."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from astrbot_like.dashboard.chat.follow import SessionFollower
from astrbot_like.dashboard.settings import DashboardSettings, SocketSettings
from astrbot_like.domain import events as e
from astrbot_like.domain.history import NewMessage
from astrbot_like.domain.messages import ImagePart, PlainPart
from tests.support.census import settle
from tests.support.fakes import API_KEY, FakeHouse, fake_house
from tests.support.frames import read_sse
from tests.support.live_client import CheckedSocket, connect, kinds

SETTINGS = DashboardSettings(sockets=SocketSettings(credential_check_interval=0.05, max_text_chars=1000))
HELLO = [{"type": "plain", "text": "hi"}]


@pytest.fixture
async def house() -> AsyncIterator[FakeHouse]:
    async with fake_house(settings=SETTINGS) as house:
        yield house


def chat_url(house: FakeHouse, username: str = "ann") -> str:
    return house.ws("/api/v1/live/ws", {"api_key": API_KEY, "username": username, "ct": "chat"})


async def ask(client: CheckedSocket, **fields: object) -> list[dict]:
    await client.send({"ct": "chat", "t": "send", "message": HELLO, **fields})
    return await client.until("end")


def of(frames: list[dict], kind: str) -> list[dict]:
    return [frame for frame in frames if kind in (frame.get("type"), frame.get("t"))]


async def test_a_streamed_reply(house: FakeHouse):
    async with connect(chat_url(house), protocol="chat") as client:
        frames = await ask(client, session_id="s", message_id="m")
    assert kinds(frames) == ["user_message_saved", "plain", "plain", "complete", "message_saved", "end"]
    assert "".join(frame["data"] for frame in of(frames, "plain")) == of(frames, "complete")[0]["data"] == "Hello you."
    assert all((f["ct"], f["message_id"], f["session_id"]) == ("chat", "m", "s") for f in frames)
    assert of(frames, "message_saved")[0]["data"]["id"] == 2
    assert of(frames, "message_saved")[0]["data"]["created_at"].endswith("Z")
    assert frames[1]["chain_type"] is None
    assert frames[-1]["data"] == ""
    assert frames[-1]["streaming"] is False


async def test_a_whole_reply_with_media_and_tools(house: FakeHouse):
    async def script(request, emit):
        assert request.options.streaming is False
        assert request.options.model == "big"
        await emit(e.ToolCallStarted("c1", "clock", {"zone": "UTC"}, 1.5))
        await emit(e.ToolCallFinished("c1", "clock", "noon", True, 2.5))
        await emit(e.MediaReply("image", "att1", "cat.png"))
        await emit(e.AgentStats(0.1, 1.0, 2.0, e.TokenUsage(10, 5, 4)))
        await emit(e.ReplyText("Noon.", streamed=False, reasoning="thinking"))

    house.engine.script = script
    async with connect(house.ws("/api/unified_chat/ws", {"token": await house.token()}), protocol="chat") as client:
        frames = await ask(client, enable_streaming=False, show_reasoning=True, selected_model="big")
    assert kinds(frames) == [
        *("user_message_saved", "plain", "plain", "image", "attachment_saved", "agent_stats", "plain", "plain"),
        *("message_saved", "end"),
    ]
    assert json.loads(frames[1]["data"]) == {"id": "c1", "name": "clock", "args": {"zone": "UTC"}, "ts": 1.5}
    assert [frame["chain_type"] for frame in of(frames, "plain")] == [
        *("tool_call", "tool_call_result", "reasoning", None)
    ]
    assert of(frames, "image")[0]["data"] == "[IMAGE]cat.png"
    assert of(frames, "attachment_saved")[0]["data"] == {"id": "att1", "type": "image"}
    usage = of(frames, "agent_stats")[0]["data"]["token_usage"]
    assert (usage["input_other"], usage["input_cached"], usage["output"]) == (6, 4, 5)


@pytest.mark.parametrize(
    ("frame", "code", "text"),
    [
        ({"t": "bind"}, "INVALID_MESSAGE_FORMAT", "session_id is required"),
        ({"t": "bind", "session_id": 5}, "INVALID_MESSAGE_FORMAT", "session_id is required"),
        ({"t": "send", "message": "hi"}, "INVALID_MESSAGE_FORMAT", "message must be list"),
        ({"t": "send"}, "INVALID_MESSAGE_FORMAT", "message must be list"),
        ({"t": "send", "message": []}, "INVALID_MESSAGE_FORMAT", "Message content is empty"),
        ({"t": "send", "message": [{"type": "plain", "text": " "}]}, "INVALID_MESSAGE_FORMAT", None),
        ({"t": "send", "message": [{"type": "x"}]}, "INVALID_MESSAGE_FORMAT", "Unsupported message type: x"),
        ({"t": "send", "message": HELLO, "username": "bob"}, "BAD_USER", None),
        (
            {"t": "send", "message": HELLO, "session_id": "bobs"},
            "SESSION_ERROR",
            "session_id belongs to another username",
        ),
        ({"t": "bind", "session_id": "bobs"}, "SESSION_ERROR", "session_id belongs to another username"),
        ({"t": "bind", "session_id": "nobodys"}, "SESSION_ERROR", None),
        ({"t": "dance"}, "INVALID_MESSAGE_FORMAT", "Unsupported message type: dance"),
        ({"t": "send", "message": HELLO, "session_id": "a\0b"}, "INVALID_MESSAGE_FORMAT", None),
        ({"t": "send", "message": HELLO, "session_id": "x" * 257}, "INVALID_MESSAGE_FORMAT", None),
        ({"t": "send", "message": HELLO, "message_id": "\n"}, "INVALID_MESSAGE_FORMAT", None),
        ({"t": "send", "message": [{"type": "plain", "text": "x" * 1001}]}, "INVALID_MESSAGE_FORMAT", None),
    ],
)
async def test_refusals(house: FakeHouse, frame, code, text):
    await house.sessions.open("bobs", username="bob")
    async with connect(chat_url(house), protocol="chat") as client:
        await client.send(frame)
        error = await client.next()
        assert (error["t"], error["ct"], error["code"]) == ("error", "chat", code)
        assert text is None or error["data"] == text
        await client.send({"t": "ping"})
        assert await client.next() == {"ct": "chat", "type": "pong"}


class Gate:
    """A turn that says one word and waits, until it is let go on."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, request, emit):
        await emit(e.TextDelta(f"{request.message_id} "))
        await self.open.wait()
        await emit(e.TextDelta("done"))
        await emit(e.ReplyText(f"{request.message_id} done", streamed=True))


async def test_requests_side_by_side_and_interrupted_one_by_one(house: FakeHouse):
    gate = house.engine.script = Gate()
    async with connect(chat_url(house), protocol="chat") as client:
        for name in ("a", "b", "c"):
            await client.send({"t": "send", "message": HELLO, "message_id": name, "session_id": f"s-{name}"})
        waiting = {"a", "b", "c"}
        while waiting:
            frame = await client.next()
            if frame["type"] == "plain":
                waiting.discard(frame["message_id"])
        await client.send({"t": "send", "message": HELLO, "message_id": "a", "session_id": "s-x"})
        refused = await client.next()
        assert (refused["code"], refused["message_id"]) == ("PROCESSING_ERROR", "a")
        await client.send({"t": "interrupt", "message_id": "b"})
        frames = await client.until("end")
        assert {frame["message_id"] for frame in frames} == {"b"}
        assert of(frames, "error")[0]["code"] == "INTERRUPTED"
        gate.open.set()
        rest = [*await client.until("end"), *await client.until("end")]
        assert {frame["message_id"] for frame in of(rest, "end")} == {"a", "c"}
        assert {frame["data"] for frame in of(rest, "complete")} == {"a done", "c done"}


async def test_interrupt_of_all(house: FakeHouse):
    house.engine.script = Gate()
    async with connect(chat_url(house), protocol="chat") as client:
        for name in ("a", "b"):
            await client.send({"t": "send", "message": HELLO, "message_id": name, "session_id": f"s-{name}"})
        started = 0
        while started < 2:
            started += (await client.next())["type"] == "plain"
        await client.send({"t": "interrupt"})
        frames = [*await client.until("end"), *await client.until("end")]
    assert {frame["message_id"] for frame in of(frames, "error")} == {"a", "b"}


async def test_requests_of_one_session_run_one_after_the_other(house: FakeHouse):
    async with connect(chat_url(house), protocol="chat") as client:
        for name in ("a", "b"):
            await client.send({"t": "send", "message": HELLO, "message_id": name, "session_id": "s"})
        frames = [*await client.until("end"), *await client.until("end")]
    assert [frame["message_id"] for frame in frames] == ["a"] * 6 + ["b"] * 6


async def test_a_subscriber_sees_what_others_do(house: FakeHouse):
    async with (
        connect(chat_url(house), protocol="chat") as writer,
        connect(house.ws("/api/unified_chat/ws", {"token": await house.token()}), protocol="chat") as reader,
    ):
        await ask(writer, session_id="s")
        await reader.send({"ct": "chat", "t": "bind", "session_id": "s"})
        bound = await reader.next()
        assert bound["type"] == "session_bound"
        assert bound["message_id"].startswith("ws_sub_")
        sent = await ask(writer, session_id="s", message_id="m2")
        seen = await reader.until("end")
        assert seen[1:] == sent[1:]
        assert seen[0]["data"]["message"] == HELLO
        house.engine.queues.publish(
            e.Stamped("s", "t9", "m9", e.ReplyText("By the way …", streamed=False)),
        )
        assert (await reader.next())["data"] == "By the way …"


async def test_a_bound_sender_sees_each_frame_once(house: FakeHouse):
    await house.sessions.open("s", username="ann")
    async with connect(chat_url(house), protocol="chat") as client:
        await client.send({"t": "bind", "session_id": "s"})
        await client.until("session_bound")
        frames = await ask(client, session_id="s")
        await client.send({"t": "ping"})
        assert kinds(await client.until("pong")) == ["pong"]
    assert len(of(frames, "plain")) == 2


async def test_catch_up_then_live(house: FakeHouse):
    async with connect(chat_url(house), protocol="chat") as writer:
        await ask(writer, session_id="s")
        first = house.history.rows[0].id
        async with connect(chat_url(house), protocol="chat") as reader:
            await reader.send({"t": "bind", "session_id": "s", "after": first})
            frames = await reader.until("end")
            assert kinds(frames) == ["session_bound", "plain", "message_saved", "end"]
            assert frames[1]["data"] == "Hello you."
            await ask(writer, session_id="s")
            assert kinds(await reader.until("end")) == [
                *("user_message_saved", "plain", "plain", "complete", "message_saved", "end")
            ]


async def test_a_reply_under_way_is_caught_up_with(house: FakeHouse):
    """What was told before binding stands in the answer to it; live frames go on from there."""
    gate = asyncio.Event()

    async def script(request, emit):
        await emit(e.TextDelta("One "))
        await emit(e.ReasoningDelta("hm"))
        await emit(e.TextDelta("two "))
        await emit(e.TextDelta("three "))
        await emit(e.MediaReply("image", "att1", "cat.png"))
        await gate.wait()
        await emit(e.TextDelta("four"))
        await emit(e.ReplyText("One two three four", streamed=True))

    house.engine.script = script
    async with (
        connect(chat_url(house), protocol="chat") as writer,
        connect(chat_url(house), protocol="chat") as reader,
    ):
        await writer.send({"t": "send", "message": HELLO, "message_id": "m", "session_id": "s"})
        await writer.until("attachment_saved")
        await reader.send({"t": "bind", "session_id": "s", "after": house.history.rows[0].id})
        bound = await reader.next()
        gate.set()
        live = await reader.until("end")
        assert [request["message_id"] for request in bound["running"]] == ["m"]
        told = bound["running"][0]["frames"]
        assert kinds(told) == ["plain", "plain", "image", "attachment_saved"]
        assert [frame["data"] for frame in of(told, "plain")] == ["One ", "two three "]
        assert kinds(live) == ["plain", "complete", "message_saved", "end"]
        assert live[0]["data"] == "four"
        await reader.send({"t": "bind", "session_id": "s", "after": live[2]["data"]["id"]})
        assert "running" not in await reader.next()


async def test_a_message_stored_while_catching_up_comes_once(house: FakeHouse):
    """The turn ends between subscribing and reading: its live frames and its stored message are the same message."""
    async with (
        connect(chat_url(house), protocol="chat") as writer,
        connect(chat_url(house), protocol="chat") as reader,
    ):
        await house.sessions.open("s", username="ann")

        async def a_turn_passes() -> None:
            house.history.before_reading = None
            await ask(writer, session_id="s")

        house.history.before_reading = a_turn_passes
        await reader.send({"t": "bind", "session_id": "s", "after": 0})
        frames = await reader.until("end")
        await ask(writer, session_id="s", message_id="again")
        frames += await reader.until("end")
    saved = [frame["data"]["id"] for frame in frames if frame["type"].endswith("message_saved")]
    assert saved == [1, 2, 3, 4]
    texts = [frame["data"] for frame in of(frames, "plain") + of(frames, "complete")]
    assert sorted(texts) == sorted(["Hello you.", "Hello ", "you.", "Hello you."])


async def test_catch_up_pages_through_a_long_history(house: FakeHouse):
    session = await house.sessions.open("s", username="ann")
    for number in range(450):
        await house.history.append(
            NewMessage("s", session.conversation_id, f"t{number}", "bot", (PlainPart(str(number)),), (), str(number))
        )
    await house.history.append(
        NewMessage("s", session.conversation_id, "p", "bot", (ImagePart("a1", "x.png"),), (), "[attachment] 1 image")
    )
    async with connect(chat_url(house), protocol="chat") as reader:
        await reader.send({"t": "bind", "session_id": "s", "after": 0})
        frames = await reader.until("attachment_saved")
    assert [frame["data"] for frame in of(frames, "plain")] == [*map(str, range(450))]


async def test_a_lost_connection_stops_the_model(house: FakeHouse):
    house.engine.script = Gate()
    async with connect(chat_url(house), protocol="chat") as client:
        await client.send({"t": "send", "message": HELLO, "session_id": "s"})
        await client.until("plain")
    assert await settle(lambda: not house.engine.running)
    assert house.history.rows[-1].role == "bot"


async def test_a_bound_connection_that_is_lost_finds_the_whole_reply_when_it_is_back(house: FakeHouse):
    gate = house.engine.script = Gate()
    async with connect(chat_url(house), protocol="chat") as client:
        await client.send({"t": "send", "message": HELLO, "session_id": "s", "message_id": "first"})
        await client.until("plain")
        await client.send({"t": "bind", "session_id": "s"})
        await client.until("session_bound")
    gate.open.set()
    assert await settle(lambda: not house.engine.running)
    user = house.history.rows[0].id
    async with connect(chat_url(house), protocol="chat") as client:
        await client.send({"t": "bind", "session_id": "s", "after": user})
        frames = await client.until("end")
    assert [frame["data"] for frame in of(frames, "plain")] == ["first done"]


class Steps:
    """A turn whose every event waits to be let out."""

    EVENTS = (
        e.TextDelta("One "),
        e.ToolCallStarted("c1", "clock", {}, 1.5),
        e.ToolCallFinished("c1", "clock", "noon", True, 2.5),
        e.TextDelta("two."),
        e.MediaReply("image", "att1", "cat.png"),
        e.ReplyText("One two.", streamed=True),
    )

    def __init__(self) -> None:
        self.out = asyncio.Semaphore(0)

    async def __call__(self, request, emit):
        for event in self.EVENTS:
            await self.out.acquire()
            await emit(event)
        await self.out.acquire()

    def let_all_out(self) -> None:
        for _ in range(len(self.EVENTS) + 1):
            self.out.release()


DOORS = ["/api/v1/live/ws", "/api/unified_chat/ws"]


async def door(house: FakeHouse, path: str) -> str:
    return chat_url(house) if path == DOORS[0] else house.ws(path, {"token": await house.token()})


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("back", ["in mid-turn", "after the turn", "at its interruption"])
@pytest.mark.parametrize("cut", range(9))
async def test_a_cut_at_any_frame_leaves_no_gap_and_no_repeat(house: FakeHouse, path: str, back: str, cut: int):
    """A follower is cut off after ``cut`` frames of a turn, and comes back with the last history id it has seen."""
    steps = house.engine.script = Steps()
    await house.sessions.open("s", username="ann")
    url = await door(house, path)
    async with connect(url, protocol="chat") as writer:
        async with connect(url, protocol="chat") as reader:
            await reader.send({"ct": "chat", "t": "bind", "session_id": "s", "after": 0})
            await reader.until("session_bound")
            await writer.send({"ct": "chat", "t": "send", "message": HELLO, "session_id": "s", "message_id": "m"})
            seen = []
            while len(seen) < cut:
                seen.append(await reader.next())
                steps.out.release()
        after = max((frame["data"]["id"] for frame in seen if frame["type"].endswith("message_saved")), default=0)
        if not seen:
            await writer.until("user_message_saved")
        if back == "after the turn":
            steps.let_all_out()
            await writer.until("end")
        async with connect(url, protocol="chat") as reader:
            await reader.send({"ct": "chat", "t": "bind", "session_id": "s", "after": after})
            await reader.until("session_bound")
            told: list[dict] = []
            if back == "at its interruption":
                await writer.send({"ct": "chat", "t": "interrupt"})
                while not of(told, "error") + of(told, "end"):
                    told.append(await writer.next())
            steps.let_all_out()
            if back != "after the turn" and not of(told, "end"):
                await writer.until("end")
            await writer.send({"ct": "chat", "t": "send", "message": HELLO, "session_id": "s", "message_id": "next"})
            steps.let_all_out()
            again = []
            while not (again and again[-1].get("type") == "end" and again[-1]["message_id"] == "next"):
                again.append(await reader.next())
    frames = [*seen, *again]
    rows = [row.id for row in house.history.rows]
    assert [frame["data"]["id"] for frame in frames if str(frame.get("type")).endswith("message_saved")] == rows
    assert {frame["message_id"] for frame in frames} == {"m", "next"}, "the client's own names"
    said = "".join(row.text for row in house.history.rows if row.message_id == "m" and row.role == "bot")
    if said and not of(seen, "message_saved"):
        mine = [frame for frame in again if frame["message_id"] == "m"]
        whole = [frame["data"] for frame in of(mine, "complete")]
        whole += [frame["data"] for frame in of(mine, "plain") if not frame["streaming"] and not frame["chain_type"]]
        live = "".join(frame["data"] for frame in of(mine, "plain") if not frame["chain_type"])
        assert said in (*whole, live), "the reply came whole"


async def test_another_connections_request_of_the_same_name_is_shown(house: FakeHouse):
    async with (
        connect(chat_url(house), protocol="chat") as one,
        connect(chat_url(house), protocol="chat") as other,
    ):
        await ask(one, session_id="s", message_id="1")
        await one.send({"t": "bind", "session_id": "s"})
        await one.until("session_bound")
        await ask(other, session_id="s", message_id="1")
        assert of(await one.until("end"), "message_saved")[0]["data"]["id"] == 4


@pytest.mark.parametrize("after", [10**30, -1, "1", 1.5])
async def test_a_history_id_that_is_none_is_refused(house: FakeHouse, after: object):
    async with connect(chat_url(house), protocol="chat") as client:
        await client.send({"t": "bind", "session_id": "s", "after": after})
        assert (await client.next())["code"] == "INVALID_MESSAGE_FORMAT"


async def test_an_id_the_session_has_not_reached_hides_nothing(house: FakeHouse):
    async with connect(chat_url(house), protocol="chat") as writer, connect(chat_url(house), protocol="chat") as reader:
        await ask(writer, session_id="s")
        await reader.send({"t": "bind", "session_id": "s", "after": 2**53})
        await reader.until("session_bound")
        await ask(writer, session_id="s")
        saved = [f["data"]["id"] for f in await reader.until("end") if f["type"].endswith("message_saved")]
    assert saved == [3, 4]


async def test_a_connection_has_so_many_requests_and_subscriptions(tmp_path):
    sockets = SocketSettings(chat_requests=2, chat_subscriptions=1)
    async with fake_house(settings=DashboardSettings(sockets=sockets)) as house:
        house.engine.script = Gate()
        for name in ("a", "b"):
            await house.sessions.open(name, username="ann")
        async with connect(chat_url(house), protocol="chat") as client:
            for name in ("a", "b"):
                await client.send({"t": "bind", "session_id": name})
            frames = [*await client.until("error"), await client.next()]
            assert [frame["data"] for frame in of(frames, "error")] == [
                "Too many sessions bound on this connection; at most 1."
            ]
            for name in ("m1", "m2", "m3"):
                await client.send({"t": "send", "message": HELLO, "message_id": name, "session_id": f"s-{name}"})
            [refused] = of(await client.until("error"), "error")
            assert refused["data"] == "Too many requests in flight on this connection; at most 2."
            assert refused["message_id"] == "m3"


class TestOpenApi:
    async def events(self, house: FakeHouse, **body: object) -> list[dict]:
        headers = {"X-API-Key": API_KEY}
        events = []
        async with (
            httpx.AsyncClient(headers=headers) as client,
            client.stream("POST", house.url + "/api/v1/chat", json=body) as response,
        ):
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            events += [frame async for frame in read_sse(response.aiter_lines())]
        return events

    async def test_stream(self, house: FakeHouse):
        events = await self.events(house, message="hi", username="ann", conversation_id="s")
        assert events[0] == {
            "type": "session_id",
            "message_id": events[0]["message_id"],
            "session_id": "s",
            "data": None,
        }
        assert kinds(events[1:]) == ["user_message_saved", "plain", "plain", "complete", "message_saved", "end"]
        assert all("ct" not in event for event in events)

    @pytest.mark.parametrize(
        ("body", "status", "text"),
        [
            ({"message": "hi"}, 400, "Missing key: username"),
            ({"message": "hi", "username": " "}, 400, "username is empty"),
            ({"message": "hi", "username": "a\0b"}, 400, None),
            ({"message": "hi", "username": "x" * 257}, 400, None),
            ({"message": "hi", "username": "ann", "session_id": "x" * 257}, 400, None),
            ({"username": "ann"}, 400, "Missing key: message"),
            ({"username": "ann", "message": ""}, 400, "Message content is empty"),
            ({"username": "ann", "message": []}, 400, "Message content is empty"),
            ({"username": "ann", "message": [{"type": "z"}]}, 400, "Unsupported message type: z"),
            ({"username": "ann", "message": 5}, 400, None),
            ({"username": "bob", "message": "hi", "session_id": "anns"}, 403, "session_id belongs to another username"),
        ],
    )
    async def test_refusals(self, house: FakeHouse, body, status, text):
        await house.sessions.open("anns", username="ann")
        async with httpx.AsyncClient(headers={"X-API-Key": API_KEY}) as client:
            response = await client.post(house.url + "/api/v1/chat", json=body)
        assert response.status_code == status
        assert response.json()["status"] == "error"
        assert text is None or response.json()["message"] == text

    async def test_deltas_are_not_collected(self, house: FakeHouse):
        gate = house.engine.script = Gate()
        async with (
            httpx.AsyncClient(headers={"X-API-Key": API_KEY}) as client,
            client.stream("POST", house.url + "/api/v1/chat", json={"message": "hi", "username": "ann"}) as response,
        ):
            frames = read_sse(response.aiter_lines())
            async for frame in frames:
                if frame["type"] == "plain":
                    break
            gate.open.set()
            assert [frame async for frame in frames][-1]["type"] == "end"

    async def test_a_client_that_goes_away_stops_the_model(self, house: FakeHouse):
        house.engine.script = Gate()
        async with (
            httpx.AsyncClient(headers={"X-API-Key": API_KEY}) as client,
            client.stream("POST", house.url + "/api/v1/chat", json={"message": "hi", "username": "ann"}) as response,
        ):
            async for frame in read_sse(response.aiter_lines()):
                if frame["type"] == "plain":
                    break
        assert await settle(lambda: not house.engine.running)
        assert house.history.rows[-1].role == "bot"

    async def test_socket(self, house: FakeHouse):
        async with connect(house.ws("/api/v1/chat/ws", {"key": API_KEY}), protocol="chat") as client:
            await client.send({"t": "ping"})
            assert await client.next() == {"type": "pong"}
            await client.send({"message": "hi", "username": "ann", "session_id": "s", "message_id": "m"})
            frames = await client.until("end")
            assert frames[0] == {"type": "session_id", "message_id": "m", "session_id": "s", "data": None}
            assert kinds(frames[1:]) == ["user_message_saved", "plain", "plain", "complete", "message_saved", "end"]
            for bad, code in (
                ("nonsense", "INVALID_MESSAGE_FORMAT"),
                ({"t": "send", "message": "hi"}, "BAD_USER"),
                ({"t": "send", "username": "ann"}, "INVALID_MESSAGE_FORMAT"),
                ({"t": "send", "username": "bob", "message": "hi", "session_id": "s"}, "SESSION_ERROR"),
                ({"t": "send", "username": "ann", "message": {}}, "INVALID_MESSAGE_FORMAT"),
            ):
                await client.send({**bad, "message_id": "refused"} if isinstance(bad, dict) else bad)
                error = await client.next()
                assert (error["type"], error["code"]) == ("error", code), bad
                assert error.get("message_id") == ("refused" if isinstance(bad, dict) else None), bad
        async with connect(house.ws("/api/v1/chat/ws"), protocol="chat") as client:
            assert await client.next() == {"type": "error", "code": "UNAUTHORIZED", "data": "Missing API key"}
            assert await client.closed() == (1008, "Missing API key")

    async def test_a_socket_stops_the_request_that_is_named(self, house: FakeHouse):
        house.engine.script = Gate()
        async with connect(house.ws("/api/v1/chat/ws", {"key": API_KEY}), protocol="chat") as client:
            for name in ("one", "other"):
                await client.send({"message": "hi", "username": "ann", "session_id": name, "message_id": name})
                await client.until("plain")
            for name in ("one", "other"):
                await client.send({"t": "interrupt", "message_id": name})
                frames = await client.until("end")
                assert {frame["message_id"] for frame in frames} == {name}
                assert "INTERRUPTED" in [frame.get("code") for frame in frames]
            await client.send({"t": "interrupt", "message_id": 5})
            assert (await client.next())["code"] == "INVALID_MESSAGE_FORMAT"

    async def test_dashboard_send_and_stop(self, house: FakeHouse):
        house.engine.script = Gate()
        headers = {"Authorization": f"Bearer {await house.token()}"}
        body = {"message": HELLO, "session_id": "s"}
        async with (
            httpx.AsyncClient(headers=headers) as client,
            client.stream("POST", house.url + "/api/chat/send", json=body) as response,
        ):
            events = []
            async for frame in read_sse(response.aiter_lines()):
                events.append(frame)
                if frame.get("type") == "plain":
                    stopped = await client.post(house.url + "/api/chat/stop", json={"session_id": "s"})
                    assert stopped.json()["data"] == {"stopped_count": 1}
        assert [event.get("code") for event in events if event.get("t") == "error"] == ["INTERRUPTED"]
        assert events[-1]["type"] == "end"


async def test_a_session_bound_over_and_over_keeps_no_earlier_subscriptions(house: FakeHouse):
    async with connect(chat_url(house), protocol="chat") as client:
        await ask(client, session_id="s")
        for _ in range(20):
            await client.send({"t": "bind", "session_id": "s", "after": 0})
            await client.until("session_bound")
        gc.collect()
        assert sum(type(thing) is SessionFollower for thing in gc.get_objects()) == 1
