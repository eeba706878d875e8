"""What administrators and plugins do with conversations, profiles, personas, preferences and figures."""

import asyncio
import json
import time

import pytest

from astrbot_like.api.star.managers import ConversationManager
from astrbot_like.domain.errors import BadRequest, ConfigError, Conflict, NotFound, RateLimited, SessionError
from astrbot_like.domain.history import NewMessage
from astrbot_like.domain.messages import FilePart, PlainPart
from astrbot_like.domain.profiles import Persona, Profile, ProviderConfig
from astrbot_like.domain.statistics import TurnRecord, UsageLimit
from astrbot_like.host.services.conversations import Conversations as ConversationsOfPlugins
from astrbot_like.operations.conversations import Conversations
from astrbot_like.operations.personas import Personas
from astrbot_like.operations.profiles import Profiles
from astrbot_like.operations.statistics import Statistics
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.storage.database import Database
from astrbot_like.storage.preferences import PreferenceStore
from astrbot_like.storage.records import record_stores
from astrbot_like.storage.search import MessageSearch
from astrbot_like.storage.turns import TurnStore
from tests.support.stores import open_stores, user_message

UMO = "bot1:FriendMessage:42"


@pytest.fixture
async def stores(tmp_path):
    async with open_stores(tmp_path) as opened:
        yield opened


@pytest.fixture
def conversations(stores):
    return Conversations(stores.sessions, stores.history, stores.attachments, MessageSearch(stores.database))


async def say(stores, session, text, *attachment_ids):
    parts = (PlainPart(text), *(FilePart(name, "f.txt") for name in attachment_ids))
    return await stores.history.append(
        NewMessage(session.session_id, session.conversation_id, "t", "user", parts, (), text)
    )


async def test_a_session_is_opened_page_by_page(stores, conversations):
    session = await stores.sessions.open(None, username="ada")
    for n in range(5):
        await say(stores, session, f"{n}")
    opened = await conversations.open(session.session_id, username="ada", limit=3)
    assert [row.text for row in opened.messages] == ["2", "3", "4"]
    assert opened.more
    older = await conversations.open(session.session_id, before=opened.messages[0].id, limit=3)
    assert [row.text for row in older.messages] == ["0", "1"]
    assert not older.more
    with pytest.raises(SessionError):
        await conversations.open(session.session_id, username="bob")
    with pytest.raises(NotFound):
        await conversations.open("nowhere")


async def test_deleting_takes_the_files_that_nobody_else_names(stores, conversations):
    mine = await stores.sessions.open(None, username="ada")
    other = await stores.sessions.open(None, username="ada")
    shared = await stores.attachments.put_bytes(b"shared", filename="s.txt")
    own = await stores.attachments.put_bytes(b"own", filename="o.txt")
    await say(stores, mine, "look", shared.attachment_id, own.attachment_id)
    await say(stores, other, "look", shared.attachment_id)
    with pytest.raises(SessionError):
        await conversations.delete([mine.session_id], username="bob")
    assert await conversations.delete([mine.session_id, "unknown"], username="ada") == [mine.session_id]
    assert await stores.attachments.get(own.attachment_id) is None
    assert await stores.attachments.get(shared.attachment_id) is not None
    assert await stores.sessions.get(mine.session_id) is None
    assert list(await stores.history.context(mine.conversation_id)) == []
    await conversations.delete([other.session_id])
    assert await stores.attachments.get(shared.attachment_id) is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("weath", ["the weather is fine"]),
        ("WEATHER fine", ["the weather is fine"]),
        ("天气", ["今天天气很好"]),
        ("今天天气", ["今天天气很好"]),
        ("100%", ["100% sure"]),
        ('say "hi"', ['say "hi" to her']),
        ("s", ["100% sure", 'say "hi" to her', "the weather is fine"]),
        ("nothing of it", []),
        ("  ", []),
    ],
)
async def test_search_finds_parts_of_words_in_any_script(stores, conversations, wanted, found):
    session = await stores.sessions.open(None, username="ada")
    for text in ("the weather is fine", "今天天气很好", 'say "hi" to her', "100% sure"):
        await say(stores, session, text)
    page = await conversations.search(wanted)
    assert sorted(hit.message.text for hit in page.hits) == sorted(found)
    assert (await conversations.search(wanted, creator="bob")).hits == ()


async def test_search_follows_deletion_and_pages(stores, conversations):
    session = await stores.sessions.open(None, username="ada")
    for n in range(5):
        await say(stores, session, f"apple {n}")
    first = await conversations.search("apple", limit=3)
    rest = await conversations.search("apple", before=first.before, limit=3)
    assert [hit.message.text[-1] for hit in (*first.hits, *rest.hits)] == ["4", "3", "2", "1", "0"]
    assert rest.before is None
    await conversations.delete([session.session_id])
    assert (await conversations.search("apple")).hits == ()
    again = await stores.sessions.open(None, username="ada")
    await say(stores, again, "apple pie")
    assert len((await conversations.search("apple")).hits) == 1


async def test_a_long_session_is_deleted_a_part_at_a_time(stores, conversations, monkeypatch):
    monkeypatch.setattr("astrbot_like.storage.sessions.MESSAGES_AT_ONCE", 10)
    long, other = [await stores.sessions.open(None, username="ada") for _ in range(2)]
    await asyncio.gather(*(say(stores, long, f"{n}") for n in range(35)))
    await say(stores, other, "stays")
    before = stores.database.transactions
    assert await conversations.delete([long.session_id]) == [long.session_id]
    assert stores.database.transactions - before >= 4
    assert await stores.history.count(long.session_id) == 0
    assert await stores.history.count(other.session_id) == 1


async def test_exports_hold_every_message(stores, conversations):
    session = await stores.sessions.open(None, username="ada")
    await say(stores, session, "first/one", "a1")
    await say(stores, session, "second")
    exported = await conversations.export(session.session_id, "json", username="ada")
    document = json.loads(exported.content)
    assert [message["text"] for message in document["messages"]] == ["first/one", "second"]
    assert exported.filename == "first-one.json"
    text = (await conversations.export(session.session_id, "markdown")).content.decode()
    assert "second" in text
    assert "[file: f.txt]" in text


async def test_plugins_change_conversations_by_origin(stores, conversations):
    assert await conversations.current_id(UMO) is None
    made = await conversations.new(UMO, title="One", content=[{"role": "user", "content": "hi"}])
    assert await conversations.current_id(UMO) == made.conversation_id
    assert await conversations.context(made.conversation_id) == [{"role": "user", "content": "hi"}]
    second = await conversations.new(UMO)
    await conversations.switch(UMO, made.conversation_id)
    await conversations.update(UMO, title="Renamed", history=[{"role": "user", "content": "x"}], token_usage=5)
    changed = await conversations.conversation(UMO, made.conversation_id)
    assert (changed.title, changed.token_usage) == ("Renamed", 5)
    assert await conversations.context(made.conversation_id) == [{"role": "user", "content": "x"}]
    await conversations.reset(UMO)
    assert await conversations.context(made.conversation_id) == []
    await conversations.delete_conversation(UMO)
    assert await conversations.current_id(UMO) == second.conversation_id
    assert await conversations.conversation("bot1:FriendMessage:other", second.conversation_id) is None
    with pytest.raises(BadRequest):
        await conversations.new("nonsense")
    web = await conversations.new("webchat:FriendMessage:webchat!ada!s1")
    opened = await stores.sessions.open("s1", username="ada")
    assert (opened.conversation_id, opened.platform_id) == (web.conversation_id, "webchat")


async def test_a_plugin_that_deletes_the_current_conversation_brings_no_older_one_back(stores, conversations):
    plugins = ConversationsOfPlugins(stores.sessions, stores.history, conversations)
    older = await plugins.create(UMO, content=[{"role": "user", "content": "old"}])
    (listed,) = await ConversationManager(plugins).get_conversations(UMO)
    assert json.loads(listed.history) == [{"role": "user", "content": "old"}]
    current = await plugins.create(UMO)
    await plugins.delete(UMO, current)
    fresh = await plugins.current_id(UMO)
    assert fresh not in (None, older, current)
    assert (await plugins.get(UMO, fresh)).history == "[]"
    await plugins.delete(UMO, older)
    await plugins.delete(UMO, "nonsense")
    assert [one.cid for one in await plugins.list(UMO)] == [fresh]
    await plugins.delete(UMO, fresh)
    assert len(await plugins.list(UMO)) == 1


async def test_profiles_are_made_chosen_bound_and_deleted(stores, tmp_path):
    records = record_stores(stores.database, tmp_path)
    declared = {"fixed": Profile("", "Fixed", llm=("a",))}
    profiles = Profiles(records.profiles, stores.sessions, declared)
    made = await profiles.create("Kids", {"llm": ["x", "y"], "voice": {"rate": 1.2}})
    assert made.llm == ("x", "y")
    assert [profile.name for profile in await profiles.all()] == ["default", "Fixed", "Kids"]
    assert (await profiles.chosen(config_name="Kids")).id == made.id
    with pytest.raises(ConfigError, match=r"^config_id not found: nope$"):
        await profiles.chosen(config_id="nope")
    with pytest.raises(ConfigError, match=r"^config_name not found: nope$"):
        await profiles.chosen(config_name="nope")
    await profiles.create("Kids")
    with pytest.raises(ConfigError, match=r"^config_name is ambiguous, please use config_id: Kids$"):
        await profiles.chosen(config_name="Kids")
    session = await stores.sessions.open(None, username="ada")
    await profiles.bind(session.session_id, made.id)
    assert (await stores.sessions.get(session.session_id)).profile_id == made.id
    await profiles.update("default", {"name": "Main", "plugin_set": ["one"]})
    assert (await profiles.get("default")).plugin_set == ("one",)
    await profiles.delete(made.id)
    assert (await stores.sessions.get(session.session_id)).profile_id == "default"
    for routes in (["::"], ["x" * 301], "telegram"):
        with pytest.raises(BadRequest):
            await profiles.update("default", {"routes": routes})
    for refused in ("default", "fixed"):
        with pytest.raises(Conflict):
            await profiles.delete(refused)
    with pytest.raises(Conflict):
        await profiles.update("fixed", {"name": "x"})
    with pytest.raises(BadRequest):
        await profiles.update("default", {"llm": "x"})
    with pytest.raises(BadRequest):
        await profiles.update("default", {"colour": "x"})


async def test_personas_are_kept_and_given_in_the_form_of_plugins(stores, tmp_path):
    personas = Personas(record_stores(stores.database, tmp_path).personas)
    assert [persona.id for persona in await personas.all()] == ["default"]
    await personas.create(Persona("Pirate", "Arr", begin_dialogs=("hi", "ahoy")))
    with pytest.raises(Conflict):
        await personas.create(Persona("Pirate", "Arr"))
    with pytest.raises(BadRequest):
        await personas.create(Persona("Odd", "x", begin_dialogs=("alone",)))
    assert (await personas.get("Pirate")).begin_dialogs == ("hi", "ahoy")
    await personas.update(Persona("default", "Be brief."))
    assert (await personas.find(None)).prompt == "Be brief."
    await personas.delete("Pirate")
    assert await personas.find("Pirate") is None


async def test_secrets_of_providers_are_encrypted_at_rest(tmp_path):
    database = await Database.open(tmp_path)
    config = {"api_key": "sk-very-secret", "key": ["sk-in-a-list"], "model": "m", "max_tokens": 5, "token": "env:TOKEN"}
    records = record_stores(database, tmp_path)
    await records.providers.add(ProviderConfig("p", "openai_chat_completion", "chat_completion", config))
    again = record_stores(database, tmp_path)
    assert (await again.providers.get("p")).config == config
    await database.aclose()
    raw = database.path.read_bytes()
    assert b"sk-very-secret" not in raw
    assert b"sk-in-a-list" not in raw
    assert b"env:TOKEN" in raw
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


async def test_preferences_are_visible_at_once_and_last(stores):
    preferences = PreferenceStore(stores.database)
    await preferences.load()
    await preferences.put("plugin", "me/one", "k", {"a": [1, "二"]})
    preferences.put_soon("plugin", "me/one", "later", 1)
    value = preferences.peek("plugin", "me/one", "k")
    value["a"].append(2)
    assert preferences.peek("plugin", "me/one", "k") == {"a": [1, "二"]}
    assert preferences.peek("plugin", "me/one", "later") == 1
    assert preferences.peek("plugin", "me/one", "absent", "default") == "default"
    with pytest.raises(BadRequest):
        await preferences.put("plugin", "me/one", "bad", object())
    await preferences.aclose()
    again = PreferenceStore(stores.database)
    assert {found.key for found in await again.find("plugin", "me/one")} == {"k", "later"}
    assert await again.get("plugin", "me/one", "k") == {"a": [1, "二"]}
    again.remove_soon("plugin", "me/one", "k")
    assert again.peek("plugin", "me/one", "k") is None
    await again.remove("plugin", "me/one")
    await again.aclose()
    await preferences.reload()
    assert await preferences.find() == []


async def test_preferences_can_be_set_from_a_thread(stores):
    preferences = PreferenceStore(stores.database)
    await preferences.load()
    await asyncio.to_thread(preferences.put_soon, "global", "global", "k", 1)
    await asyncio.sleep(0)
    await preferences.aclose()
    assert await PreferenceStore(stores.database).get("global", "global", "k") == 1


def turn(at, **values):
    return TurnRecord(turn_id="t", session_id="s", username="ada", at=at, **values)


async def test_figures_of_turns_are_summed_up(stores):
    statistics = Statistics(TurnStore(stores.database), SystemClock())
    start = 1_700_000_000.0
    for n in range(100):
        statistics.record(
            turn(
                start + n,
                outcome="failed" if n == 0 else "completed",
                error_code="TIMEOUT" if n == 0 else "",
                provider_id="p1" if n < 60 else "p2",
                input_tokens=10,
                output_tokens=1,
                llm_ttft=(n + 1) / 100,
            )
        )
    overview = await statistics.overview(start, start + 100, step=50)
    assert (overview.totals.turns, overview.totals.failed, overview.totals.input_tokens) == (100, 1, 1000)
    [ttft] = overview.stages
    assert (ttft.p50, ttft.p95, ttft.p99, ttft.max) == (0.5, 0.95, 0.99, 1.0)
    assert [(bucket.at, bucket.totals.turns) for bucket in overview.buckets] == [(start, 50), (start + 50, 50)]
    assert [(share.name, share.totals.turns) for share in overview.providers] == [("p1", 60), ("p2", 40)]
    assert [share.name for share in overview.errors] == ["TIMEOUT"]
    with pytest.raises(BadRequest):
        await statistics.overview(start, start + 10_000, step=1)


async def test_tokens_are_limited_by_user_key_and_session(stores):
    statistics = Statistics(TurnStore(stores.database), SystemClock())
    now = time.time()

    async def check(username="ada", credential="", session_id="s"):
        await statistics.check(username=username, credential=credential, session_id=session_id)

    await check()
    await statistics.set_limit(UsageLimit("user", "*", "day", 100))
    await statistics.set_limit(UsageLimit("user", "bob", "day", 1000))
    statistics.record(turn(now, input_tokens=60, output_tokens=39))
    await check()
    statistics.record(turn(now, input_tokens=1))
    with pytest.raises(RateLimited, match="100 tokens a day"):
        await check()
    await check(username="bob")
    await statistics.lift_limit("user", "*", "day")
    await check()
    await statistics.set_limit(UsageLimit("session", "s", "month", 100))
    with pytest.raises(RateLimited):
        await check()
    await check(session_id="other")


async def test_a_message_is_found_by_its_session_after_a_rename(stores, conversations):
    session = await stores.sessions.open(None, username="ada")
    await stores.history.append(user_message(session, "hello"))
    await conversations.rename(session.session_id, "  Holiday \n plans ")
    assert [found.display_name for found in (await conversations.list(search="Holiday")).sessions] == ["Holiday plans"]
    with pytest.raises(BadRequest):
        await conversations.rename(session.session_id, "   ")
