"""The dashboard's and the Open API's routes on real storage; every answer is held against the contract."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain import errors
from astrbot_like.domain.statistics import TurnRecord
from tests.support.admin_house import ADMIN, METRICS_TOKEN, PASSWORD, AdminHouse, admin_house
from tests.support.census import settle
from tests.support.frames import sse_frames
from tests.support.plugin_hosts import write_plugin


@pytest.fixture
async def house(tmp_path):
    async with admin_house(tmp_path) as house:
        yield house


@pytest.fixture
async def token(house):
    return await house.token()


def form(data: bytes, filename: str = "a.bin") -> dict[str, Any]:
    head = f'--X\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode()
    return {"data": head + data + b"\r\n--X--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=X"}}


async def chat(house: AdminHouse, token: str, text: str, **more: Any) -> list[dict[str, Any]]:
    response = await house.call("POST", "/api/chat/send", token=token, json={"message": text, **more})
    assert response.status_code == 200, await response.get_json()
    return sse_frames((await response.get_data(as_text=True)).splitlines())


class TestSignIn:
    async def test_right_and_wrong(self, house):
        body = {"username": ADMIN, "password": PASSWORD}
        signed_in = await house.data("POST", "/api/auth/login", json=body)
        assert set(signed_in) == {"token", "username", "change_password_hint"}
        account = await house.data("GET", "/api/auth/account", token=signed_in["token"])
        assert account["username"] == ADMIN
        for wrong in ({**body, "password": "x"}, {**body, "username": "nobody"}):
            refused = await house.data("POST", "/api/auth/login", json=wrong, status=401)
            assert refused == ("The username or the password is wrong.", "UNAUTHORIZED")
        missing = await house.data("POST", "/api/auth/login", json={"username": ADMIN}, status=400)
        assert missing == ("Missing key: password", "BAD_REQUEST")

    async def test_too_many_failures_lock_the_account_out(self, house):
        for _ in range(10):
            await house.call("POST", "/api/auth/login", json={"username": ADMIN, "password": "x"})
        response = await house.call("POST", "/api/auth/login", json={"username": ADMIN, "password": PASSWORD})
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 30

    async def test_attempts_of_an_address_are_limited(self, tmp_path):
        settings = DashboardSettings(login_rate=0.001)
        async with admin_house(tmp_path / "limited", settings) as house:
            statuses = [
                (await house.call("POST", "/api/auth/login", json={"username": f"u{n}", "password": "x"})).status_code
                for n in range(31)
            ]
        assert statuses[-1] == 429
        assert set(statuses[:20]) == {401}

    async def test_sign_ins_are_listed_and_can_be_ended(self, house):
        body = {"username": ADMIN, "password": PASSWORD}
        tokens = [
            (await house.data("POST", "/api/auth/login", json=body, headers={"User-Agent": f"Browser {n}"}))["token"]
            for n in range(2)
        ]
        listed = (await house.data("GET", "/api/auth/sessions", token=tokens[0]))["sessions"]
        assert sorted(entry["user_agent"] for entry in listed) == ["Browser 0", "Browser 1"]
        other = next(entry for entry in listed if not entry["current"])
        await house.data("POST", "/api/auth/sessions/revoke", token=tokens[0], json={"id": other["id"]})
        assert (await house.call("GET", "/api/auth/account", token=tokens[1])).status_code == 401
        await house.data("POST", "/api/auth/logout", token=tokens[0])
        assert (await house.call("GET", "/api/auth/account", token=tokens[0])).status_code == 401

    async def test_everything_but_the_new_token_ends(self, house):
        body = {"username": ADMIN, "password": PASSWORD}
        first = (await house.data("POST", "/api/auth/login", json=body))["token"]
        second = (await house.data("POST", "/api/auth/login", json=body))["token"]
        fresh = (await house.data("POST", "/api/auth/logout_everywhere", token=first))["token"]
        statuses = [(await house.call("GET", "/api/auth/account", token=t)).status_code for t in (first, second, fresh)]
        assert statuses == [401, 401, 200]

    async def test_changing_the_account_needs_the_present_password(self, house, token):
        change = {"password": "wrong", "new_username": "boss"}
        assert (await house.data("POST", "/api/auth/account", token=token, json=change, status=403))[1] == "FORBIDDEN"
        change["password"] = PASSWORD
        assert (await house.data("POST", "/api/auth/account", token=token, json=change))["username"] == "boss"

    async def test_ones_chats_files_and_keys_go_along_with_a_new_name(self, house, token):
        session_id = (await chat(house, token, "before"))[0]["session_id"]
        stored = await house.data("POST", "/api/chat/post_file", token=token, **form(b"data", "x.txt"))
        await house.data("POST", "/api/apikey/create", token=token, json={"name": "mine", "scopes": ["chat"]})
        change = {"password": PASSWORD, "new_username": "boss"}
        token = (await house.data("POST", "/api/auth/account", token=token, json=change))["token"]
        await chat(house, token, "after", session_id=session_id)
        opened = await house.data("GET", f"/api/chat/get_session?session_id={session_id}", token=token)
        assert [m["text"] for m in opened["history"] if m["role"] == "user"] == ["before", "after"]
        assert opened["session"]["umo"] == f"webchat:FriendMessage:webchat!boss!{session_id}"
        url = f"/api/chat/get_attachment?attachment_id={stored['attachment_id']}"
        assert (await house.call("GET", url, token=token)).status_code == 200
        keys = (await house.data("GET", "/api/apikey/list", token=token))["keys"]
        assert [(key["name"], key["creator"]) for key in keys] == [("mine", "boss")]


class TestChat:
    async def test_a_message_is_answered_stored_and_read(self, house, token):
        frames = await chat(house, token, "hello")
        assert frames[0]["type"] == "session_id"
        assert frames[-1]["type"] == "end"
        session_id = frames[0]["session_id"]
        opened = await house.data("GET", f"/api/chat/get_session?session_id={session_id}", token=token)
        assert [(m["role"], m["text"]) for m in opened["history"]] == [("user", "hello"), ("bot", "echo: hello")]
        assert opened["is_running"] is False
        listed = await house.data("GET", "/api/chat/sessions?search=hel", token=token)
        assert [s["session_id"] for s in listed["sessions"]] == [session_id]
        assert listed["total"] == 1

    async def test_pages_of_a_session(self, house, token):
        session_id = (await chat(house, token, "0"))[0]["session_id"]
        for number in range(1, 4):
            await chat(house, token, str(number), session_id=session_id)
        url = f"/api/chat/get_session?session_id={session_id}&limit=3"
        newest = await house.data("GET", url, token=token)
        assert [m["text"] for m in newest["history"]] == ["echo: 2", "3", "echo: 3"]
        assert newest["has_more"]
        older = await house.data("GET", f"{url}&before={newest['history'][0]['id']}", token=token)
        assert [m["text"] for m in older["history"]] == ["1", "echo: 1", "2"]

    async def test_keyset_pages_of_sessions(self, house, token):
        made = [(await house.data("POST", "/api/chat/new_session", token=token))["session_id"] for _ in range(5)]
        seen, cursor = [], ""
        while cursor is not None:
            page = await house.data(
                "GET", "/api/chat/sessions?limit=2" + (f"&before={cursor}" if cursor else ""), token=token
            )
            seen += [s["session_id"] for s in page["sessions"]]
            cursor = page["next"]
        assert sorted(seen) == sorted(made)

    async def test_truncation_forgets_from_a_message_on(self, house, token):
        session_id = (await chat(house, token, "first"))[0]["session_id"]
        await chat(house, token, "second", session_id=session_id)
        history = (await house.data("GET", f"/api/chat/get_session?session_id={session_id}", token=token))["history"]
        body = {"session_id": session_id, "after_id": history[2]["id"]}
        assert (await house.data("POST", "/api/chat/truncate", token=token, json=body)) == {"removed": 2}
        history = (await house.data("GET", f"/api/chat/get_session?session_id={session_id}", token=token))["history"]
        assert [m["text"] for m in history] == ["first", "echo: first"]

    async def test_a_running_reply_is_seen_and_stopped(self, house, token):
        house.engine.pause = asyncio.Event()
        session_id = (await house.data("POST", "/api/chat/new_session", token=token))["session_id"]
        sending = asyncio.create_task(chat(house, token, "wait", session_id=session_id))
        assert await settle(lambda: house.queues.active(session_id))
        opened = await house.data("GET", f"/api/chat/get_session?session_id={session_id}", token=token)
        assert opened["is_running"] is True
        stop = {"session_id": session_id}
        assert await house.data("POST", "/api/chat/stop", token=token, json={**stop, "message_id": "other"}) == {
            "stopped_count": 0
        }
        assert await house.data("POST", "/api/chat/stop", token=token, json=stop) == {"stopped_count": 1}
        house.engine.pause.set()
        frames = await sending
        assert frames[-1]["type"] == "end"

    async def test_rename_export_and_delete(self, house, token):
        session_id = (await chat(house, token, "hello"))[0]["session_id"]
        name = {"session_id": session_id, "display_name": "  My <chat>  "}
        renamed = await house.data("POST", "/api/chat/update_session_display_name", token=token, json=name)
        assert renamed["display_name"] == "My <chat>"
        for kind, marker in (("json", '"echo: hello"'), ("markdown", "echo: hello")):
            exported = await house.call("GET", f"/api/chat/export?session_id={session_id}&format={kind}", token=token)
            assert exported.headers["Content-Disposition"].startswith("attachment;")
            assert marker in await exported.get_data(as_text=True)
        await house.data("POST", "/api/chat/delete_session", token=token, json={"session_id": session_id})
        gone = await house.data("GET", f"/api/chat/get_session?session_id={session_id}", token=token, status=404)
        assert gone[1] == "NOT_FOUND"

    async def test_deleting_many_takes_their_files_along(self, house, token):
        stored = await house.data("POST", "/api/chat/post_file", token=token, **form(b"data", "x.txt"))
        parts = [{"type": "plain", "text": "see"}, {"type": "file", "attachment_id": stored["attachment_id"]}]
        response = await house.call("POST", "/api/chat/send", token=token, json={"message": parts})
        first = (await response.get_data(as_text=True)).splitlines()[0]
        session_id = json.loads(first[6:])["session_id"]
        url = f"/api/chat/get_attachment?attachment_id={stored['attachment_id']}"
        assert (await house.call("GET", url, token=token)).status_code == 200
        body = {"session_ids": [session_id, "unknown"]}
        assert await house.data("POST", "/api/chat/batch_delete_sessions", token=token, json=body) == {"deleted": 1}
        assert (await house.call("GET", url, token=token)).status_code == 404


class TestOpenApi:
    async def test_sessions_of_an_end_user(self, house):
        key = await house.key("chat")
        for number in range(3):
            await house.sessions.open(f"s{number}", username="alice")
        await house.sessions.open("other", username="bob")
        page = await house.data("GET", "/api/v1/chat/sessions?username=alice&page=2&page_size=2", key=key)
        assert (page["page"], page["page_size"], page["total"], len(page["sessions"])) == (2, 2, 3, 1)
        assert set(page["sessions"][0]) == {
            *("session_id", "platform_id", "creator", "display_name", "is_group", "created_at", "updated_at"),
        }
        big = await house.data("GET", "/api/v1/chat/sessions?username=alice&page_size=1000", key=key)
        assert big["page_size"] == 100
        for query, message in (
            ("", "Missing key: username"),
            ("?username=", "username is empty"),
            ("?username=%20", "username is empty"),
        ):
            refused = await house.data("GET", f"/api/v1/chat/sessions{query}", key=key, status=400)
            assert refused == (message, "BAD_USER")

    async def test_profiles(self, house):
        listed = await house.data("GET", "/api/v1/configs", key=await house.key("config"))
        assert [(c["id"], c["is_default"]) for c in listed["configs"]] == [("default", True)]

    async def test_messages_on_the_bots_own_initiative(self, house):
        key = await house.key("im")
        umo = "webchat:FriendMessage:webchat!alice!s"
        await house.data("POST", "/api/v1/im/message", key=key, json={"umo": umo, "message": "hi"})
        assert house.messages.sent[0][0] == umo
        for body, message in (
            ({"message": "hi"}, "Missing key: umo"),
            ({"umo": umo}, "Missing key: message"),
            ({"umo": umo, "message": ""}, "Message content is empty"),
            ({"umo": umo, "message": [{"type": "dance"}]}, "Unsupported message type: dance"),
        ):
            refused = await house.data("POST", "/api/v1/im/message", key=key, json=body, status=400)
            assert refused[0] == message
        refused = await house.data("POST", "/api/v1/im/message", key=key, json={"umo": "x", "message": "h"}, status=400)
        assert refused[0].startswith("Invalid umo")
        body = {"umo": "telegram:GroupMessage:1", "message": "hi"}
        assert (await house.data("POST", "/api/v1/im/message", key=key, json=body, status=404))[1] == "NOT_FOUND"
        assert await house.data("GET", "/api/v1/im/bots", key=key) == {"bot_ids": ["webchat"]}


CONFIG = {"id": "p", "type": "fake_chat", "answer": "42", "api_key": "sk-0123456789abcdefwxyz"}


class TestProviders:
    async def test_life_of_a_provider(self, house, token):
        made = await house.data("POST", "/api/provider/new", token=token, json={"config": CONFIG})
        assert made["health"] == "ok"
        assert made["config"]["api_key"] == "••••wxyz"
        taken = await house.data("POST", "/api/provider/new", token=token, json={"config": CONFIG}, status=409)
        assert taken[1] == "CONFLICT"
        changed = {**made["config"], "answer": "43"}
        await house.data("POST", "/api/provider/update", token=token, json={"id": "p", "config": changed})
        entry = house.directory.get("p")
        assert entry.instance.config["api_key"] == CONFIG["api_key"]
        assert entry.instance.config["answer"] == "43"
        result = await house.data("POST", "/api/provider/test", token=token, json={"id": "p"})
        assert (result["ok"], result["answer"]) == (True, "43")
        models = await house.data("GET", "/api/provider/models?id=p", token=token)
        assert models["models"] == ["large", "small"]
        assert (await house.data("GET", "/api/provider/voices?id=p", token=token)) == {"voices": []}
        await house.data("POST", "/api/provider/delete", token=token, json={"id": "p"})
        assert (await house.data("GET", "/api/provider/list", token=token))["providers"] == []

    async def test_who_answers_now_is_the_first_that_works(self, house, token):
        async def chain():
            (found,) = (await house.data("GET", "/api/provider/list", token=token))["chains"]
            assert (found["provider_type"], found["ids"]) == ("chat_completion", ["gone", "p", "q"])
            return found["answering"]

        assert await chain() == ""
        await house.data("POST", "/api/provider/new", token=token, json={"config": {**CONFIG, "id": "q"}})
        assert await chain() == "q"
        await house.data("POST", "/api/provider/new", token=token, json={"config": CONFIG})
        assert await chain() == "p"
        for _ in range(3):
            house.directory.failed(house.directory.get("p"), RuntimeError("away"))
        assert await chain() == "q"
        await house.data("POST", "/api/provider/delete", token=token, json={"id": "p"})
        assert await chain() == "q"

    async def test_a_configuration_is_tried_without_saving_it(self, house, token):
        result = await house.data("POST", "/api/provider/test", token=token, json={"config": CONFIG})
        assert result["ok"]
        failing = {**CONFIG, "answer": "fail"}
        result = await house.data("POST", "/api/provider/test", token=token, json={"config": failing})
        assert not result["ok"]
        assert "refused" in result["message"]
        assert "abk_0123456789" not in result["message"]
        broken = {**CONFIG, "answer": "broken"}
        result = await house.data("POST", "/api/provider/test", token=token, json={"config": broken})
        assert "it can't start" in result["message"]
        assert (await house.data("GET", "/api/provider/list", token=token))["providers"] == []

    async def test_environment_variables_are_referred_to_not_copied(self, house, token):
        found = (await house.data("GET", "/api/provider/detected", token=token))["found"]
        assert [(entry["name"], entry["config"]["key"]) for entry in found] == [("OpenAI", ["env:OPENAI_API_KEY"])]

    async def test_bad_configurations(self, house, token):
        for config, message in (
            ({}, "Missing key: id"),
            ({"id": "x"}, "Missing key: type"),
            ({"id": "x", "type": "none"}, "No plugin supplies the provider type 'none'."),
            ({"id": "x", "type": "fake_chat", "enable": "yes"}, "enable must be true or false"),
        ):
            refused = await house.data("POST", "/api/provider/new", token=token, json={"config": config}, status=400)
            assert refused[0] == message
        types = (await house.data("GET", "/api/provider/catalogue", token=token))["types"]
        assert types[0]["schema"]["api_key"]["secret"] is True
        assert types[0]["schema"]["timeout"]["type"] == "int"


class TestHouse:
    async def test_bots(self, house, token):
        config = {"id": "im", "type": "fake_im", "token": "0123456789abcdefwxyz"}
        made = await house.data("POST", "/api/platform/new", token=token, json={"config": config})
        assert (made["state"], made["config"]["token"]) == ("running", "••••wxyz")
        stopped = await house.data("POST", "/api/platform/stop", token=token, json={"id": "im"})
        assert stopped["state"] == "stopped"
        listed = (await house.data("GET", "/api/platform/list", token=token))["platforms"]
        assert [bot["id"] for bot in listed] == ["webchat", "im"]
        refused = await house.data("POST", "/api/platform/delete", token=token, json={"id": "webchat"}, status=409)
        assert refused[1] == "CONFLICT"
        await house.data("POST", "/api/platform/delete", token=token, json={"id": "im"})
        assert (await house.data("GET", "/api/platform/state?id=im", token=token, status=404))[1] == "NOT_FOUND"

    async def test_personas(self, house, token):
        body = {"id": "pirate", "prompt": "Arr.", "begin_dialogs": ["hi", "arr"]}
        await house.data("POST", "/api/persona/create", token=token, json=body)
        await house.data("POST", "/api/persona/update", token=token, json={**body, "prompt": "Arrr."})
        listed = (await house.data("GET", "/api/persona/list", token=token))["personas"]
        assert [(p["id"], p["prompt"]) for p in listed][1] == ("pirate", "Arrr.")
        odd = {**body, "id": "odd", "begin_dialogs": ["hi"]}
        assert (await house.data("POST", "/api/persona/create", token=token, json=odd, status=400))[1] == "BAD_REQUEST"
        await house.data("POST", "/api/persona/delete", token=token, json={"id": "pirate"})

    async def test_profiles(self, house, token):
        made = await house.data("POST", "/api/config/create", token=token, json={"name": "quick"})
        read = (await house.data("GET", f"/api/config/read?id={made['id']}", token=token))["profile"]
        read["llm"] = ["p"]
        written = await house.data("POST", "/api/config/write", token=token, json={"id": made["id"], "profile": read})
        assert written["profile"]["llm"] == ["p"]
        copy = await house.data(
            "POST", "/api/config/create", token=token, json={"name": "copy", "copy_from": made["id"]}
        )
        assert copy["llm"] == ["p"]
        session = await house.data("POST", "/api/chat/new_session", token=token)
        bound = await house.data(
            "POST",
            "/api/chat/bind_profile",
            token=token,
            json={"session_id": session["session_id"], "profile_id": made["id"]},
        )
        assert bound["profile_id"] == made["id"]
        await house.data("POST", "/api/config/delete", token=token, json={"id": made["id"]})
        assert await house.data("POST", "/api/config/delete", token=token, json={"id": "default"}, status=409)
        schema = await house.data("GET", "/api/config/schema", token=token)
        assert all(field["description"] for field in schema["voice"].values())

    async def test_conversations_of_everybody(self, house, token):
        await house.sessions.open("s1", username="alice")
        frames = await chat(house, token, "the quick brown fox")
        listed = await house.data("GET", "/api/conversation/list", token=token)
        assert {s["creator"] for s in listed["sessions"]} == {"alice", ADMIN}
        found = await house.data("GET", "/api/conversation/search?q=quick%20fox", token=token)
        assert {hit["role"] for hit in found["hits"]} == {"user", "bot"}
        read = await house.data(
            "GET", f"/api/conversation/read?session_id={frames[0]['session_id']}&limit=1", token=token
        )
        assert read["has_more"]
        body = {"session_ids": ["s1", "nope"]}
        assert await house.data("POST", "/api/conversation/delete", token=token, json=body) == {"deleted": 1}

    async def test_statistics(self, house, token):
        record = TurnRecord(
            turn_id="t", session_id="s", username="alice", at=house.clock.time(), input_tokens=5, llm_ttft=0.25
        )
        house.statistics.record(record)
        overview = await house.data("GET", "/api/stat/overview", token=token)
        assert overview["today"]["input_tokens"] == 5
        assert overview["memory_bytes"] > 1_000_000
        series = await house.data("GET", "/api/stat/series?range=1h", token=token)
        assert [point["totals"]["turns"] for point in series["points"]] == [1]
        latency = await house.data("GET", "/api/stat/latency", token=token)
        assert latency["stages"][0]["p95"] == 0.25
        usage = await house.data("GET", "/api/stat/usage?by=username", token=token)
        assert usage["rows"][0]["name"] == "alice"
        limit = {"kind": "user", "subject": "*", "period": "day", "tokens": 10}
        await house.data("POST", "/api/stat/limits", token=token, json=limit)
        assert (await house.data("GET", "/api/stat/limits", token=token))["limits"] == [limit]
        await house.data("POST", "/api/stat/limits/lift", token=token, json=limit)
        versions = await house.data("GET", "/api/stat/versions", token=token)
        assert {"Quart", "msgspec"} <= {library["name"] for library in versions["dependencies"]}

    async def test_logs(self, house, token):
        logger = logging.Logger("astrbot_like.somewhere")
        logger.addHandler(house.logs)
        logger.warning("something happened", extra={"plugin": "p", "size": 3})
        logger.info("nothing special")
        history = await house.data("GET", "/api/log/history?level=WARNING", token=token)
        assert [(line["message"], line["fields"]) for line in history["lines"]] == [("something happened", {"size": 3})]
        async with house.client.request(
            "/api/log/live?plugin=p", headers={"Authorization": f"Bearer {token}"}
        ) as connection:
            await connection.send_complete()
            assert (await connection.receive()).startswith(b":")
            logger.info("live", extra={"plugin": "p"})
            async with asyncio.timeout(60):
                event = await connection.receive()
            assert json.loads(event.removeprefix(b"data: "))["message"] == "live"
            await connection.disconnect()
        assert await settle(lambda: not house.logs._watchers)

    async def test_health_readiness_and_metrics(self, house, token):
        assert (await house.call("GET", "/healthz")).status_code == 200
        house.problem = errors.Unavailable("Plugins are loading.")
        assert await house.data("GET", "/readyz", status=503) == ("Plugins are loading.", "UNAVAILABLE")
        metrics = await house.call("GET", "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
        text = await metrics.get_data(as_text=True)
        assert "# TYPE astrbot_like_resident_memory_bytes gauge" in text
        assert 'astrbot_like_background_task_running{task="credential watch"} 1' in text

    async def test_backups(self, house, token):
        exported = await house.call("POST", "/api/backup/export", token=token, json={})
        archive = await exported.get_data(as_text=False)
        assert zipfile.is_zipfile(io.BytesIO(archive))
        listed = (await house.data("GET", "/api/backup/list", token=token))["backups"]
        assert len(listed) == 1
        name = listed[0]["name"]
        restored = await house.data("POST", "/api/backup/restore", token=token, json={"name": name})
        assert restored["restart_required"]
        again = await house.data("POST", "/api/backup/import", token=token, **form(archive, "b.zip"))
        assert again["restored"]["files"] == listed[0]["files"]
        refused = await house.data("POST", "/api/backup/import", token=token, **form(b"no zip", "b.zip"), status=400)
        assert refused[1] == "BAD_REQUEST"
        assert (
            await house.data("GET", "/api/backup/download?name=..%2F..%2Fastrbot_like.db", token=token, status=404)
        )[1] == "NOT_FOUND"
        await house.data("POST", "/api/backup/delete", token=token, json={"name": name})
        assert not list((house.folder / "temp").glob("upload-*"))


STANDIN = Path(__file__).parent.parent / "standins" / "mcp_server.py"


class TestMcpServers:
    async def test_life_of_a_server(self, house, token):
        secret = {"API_KEY": "0123456789abcdefwxyz"}
        config = {"command": sys.executable, "args": [str(STANDIN), "stdio"], "env": secret}
        tried = await house.data("POST", "/api/mcp/test", token=token, json={"config": config})
        assert tried["ok"], tried
        assert "add" in {tool["name"] for tool in tried["tools"]}
        body = {"name": "sums", "config": config}
        made = await house.data("POST", "/api/mcp/new", token=token, json=body)
        assert made["config"]["env"] == {"API_KEY": "••••wxyz"}
        assert (await house.data("POST", "/api/mcp/new", token=token, json=body, status=409))[1] == "CONFLICT"
        async with asyncio.timeout(60):
            while not (listed := (await house.data("GET", "/api/mcp/list", token=token))["servers"][0])["tools"]:
                await asyncio.sleep(0.02)
        assert (listed["state"], listed["last_error"]) == ("connected", "")
        switch = {"server": "sums", "tool": "add", "enabled": False}
        shown = await house.data("POST", "/api/mcp/tool", token=token, json=switch)
        assert {tool["name"]: tool["enabled"] for tool in shown["tools"]}["add"] is False
        await house.data("POST", "/api/mcp/update", token=token, json={"name": "sums", "config": made["config"]})
        stored = await house.mcp._configs.get("sums")
        assert stored.config["env"] == secret
        assert stored.disabled_tools == ("add",)
        await house.data("POST", "/api/mcp/delete", token=token, json={"name": "sums"})
        assert (await house.data("GET", "/api/mcp/list", token=token))["servers"] == []

    async def test_servers_that_are_none(self, house, token):
        gone = await house.data("POST", "/api/mcp/test", token=token, json={"config": {"command": "/no/such/program"}})
        assert not gone["ok"]
        assert gone["message"]
        for body, message in (({}, "Missing key: name"), ({"config": {}}, "The MCP server test needs a url.")):
            refused = await house.data("POST", "/api/mcp/test", token=token, json=body, status=400)
            assert refused[0] == message
        assert (await house.data("POST", "/api/mcp/delete", token=token, json={"name": "x"}, status=404))[1]


PLUGIN = """
class Main(Star):
    '''Says hello.'''
    def __init__(self, context, config):
        super().__init__(context)
        self.config = config
        context.register_web_api("/demo/hello", self.hello, ["GET", "POST"], "says hello")
        context.register_web_api("/demo/broken", self.broken, ["GET"], "fails")

    @filter.llm_tool(name="demo_tool")
    async def demo_tool(self, event):
        '''Does something.'''

    async def hello(self):
        from quart import request
        from astrbot.api.web import request as own
        return {"method": request.method, "who": own.username, "q": own.query.get("q"), "word": self.config["word"]}

    async def broken(self):
        raise RuntimeError("with a secret")
"""
SCHEMA = {"word": {"type": "string", "default": "hi"}, "picture": {"type": "file", "default": []}}


class TestPlugins:
    @pytest.fixture
    async def demo(self, house, token, tmp_path) -> dict[str, Any]:
        folder = write_plugin(tmp_path / "source", "demo", PLUGIN)
        (folder / "_conf_schema.json").write_text(json.dumps(SCHEMA), "utf-8")
        (folder / "README.md").write_text("# Demo", "utf-8")
        return await house.data("POST", "/api/plugin/install-upload", token=token, **form(zipped(folder), "demo.zip"))

    async def test_life_of_a_plugin(self, house, token, demo):
        assert (demo["name"], demo["state"]) == ("demo", "active")
        listed = (await house.data("GET", "/api/plugin/get", token=token))["plugins"]
        assert [plugin["name"] for plugin in listed] == ["demo"]
        assert (await house.data("POST", "/api/plugin/off", token=token, json={"name": "demo"}))["state"] == "disabled"
        assert (await house.data("POST", "/api/plugin/on", token=token, json={"name": "demo"}))["state"] == "active"
        assert (await house.data("POST", "/api/plugin/reload", token=token, json={"name": "demo"}))["state"] == "active"
        assert (await house.data("GET", "/api/plugin/readme?name=demo", token=token))["text"] == "# Demo"
        assert (await house.call("GET", "/api/plugin/logo?name=demo", token=token)).status_code == 404
        await house.data("POST", "/api/plugin/uninstall", token=token, json={"name": "demo"})
        assert (await house.data("GET", "/api/plugin/get", token=token))["plugins"] == []

    async def test_configuration(self, house, token, demo):
        config = await house.data("GET", "/api/plugin/config?name=demo", token=token)
        assert config["values"] == {"word": "hi", "picture": []}
        body = {"name": "demo", "config": {"word": "hello"}}
        await house.data("POST", "/api/plugin/config", token=token, json=body)
        assert (await house.data("GET", "/api/plugin/config?name=demo", token=token))["values"]["word"] == "hello"
        wrong = {"name": "demo", "config": {"word": 3}}
        refused = await house.data("POST", "/api/plugin/config", token=token, json=wrong, status=400)
        assert refused[0] == "word: must be a text"
        url = "/api/plugin/config-file?name=demo&key="
        stored = await house.data("POST", f"{url}picture", token=token, **form(b"png", "../../a.png"))
        assert stored == {"path": "files/picture/a.png"}
        assert (house.plugins.folders.data_folder("demo") / stored["path"]).read_bytes() == b"png"
        for key in ("word", "nope"):
            refused = await house.data("POST", url + key, token=token, **form(b"x"), status=400)
            assert refused[1] == "BAD_REQUEST"

    async def test_tools_stay_switched_off_over_a_reload(self, house, token, demo):
        body = {"name": "demo_tool", "enabled": False}
        await house.data("POST", "/api/plugin/tool", token=token, json=body)
        shown = await house.data("POST", "/api/plugin/reload", token=token, json={"name": "demo"})
        assert [(tool["name"], tool["active"]) for tool in shown["tools"]] == [("demo_tool", False)]
        await house.data("POST", "/api/plugin/tool", token=token, json={**body, "enabled": True})
        shown = await house.data("POST", "/api/plugin/reload", token=token, json={"name": "demo"})
        assert shown["tools"][0]["active"]

    async def test_its_own_web_api(self, house, token, demo):
        for path in ("/api/plug/demo/hello", "/api/v1/plugins/extensions/demo/hello"):
            response = await house.call("POST", f"{path}?q=1", token=token)
            assert await response.get_json() == {"method": "POST", "who": ADMIN, "q": "1", "word": "hi"}
        failed = await house.call("GET", "/api/plug/demo/broken", token=token)
        answer = await failed.get_json()
        assert (failed.status_code, answer["data"]["code"]) == (409, "PLUGIN_ERROR")
        assert "secret" not in answer["message"]
        assert (await house.call("GET", "/api/plug/demo/none", token=token)).status_code == 404
        assert (await house.call("POST", "/api/plug/demo/broken", token=token)).status_code == 405

    async def test_archives_that_are_none(self, house, token):
        for data in (b"no zip", b"", b"PK\x05\x06" + bytes(18)):
            response = await house.call("POST", "/api/plugin/install-upload", token=token, **form(data, "x.zip"))
            assert response.status_code in (400, 409)
        assert (await house.data("POST", "/api/plugin/install", token=token, json={}, status=400))[0] == (
            "Missing key: url"
        )
        assert not list((house.folder / "temp").glob("upload-*"))


def zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()
