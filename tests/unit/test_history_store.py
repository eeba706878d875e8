"""Messages: durable when acknowledged, in order, and in the model's context without a query."""

import asyncio

import pytest

from astrbot_like.domain.errors import NotFound, SessionError
from astrbot_like.domain.history import NewMessage
from astrbot_like.domain.messages import FilePart, PlainPart
from astrbot_like.storage.settings import StorageSettings
from tests.support.stores import open_stores, user_message


@pytest.fixture
async def stores(tmp_path):
    async with open_stores(tmp_path) as opened:
        yield opened


async def test_messages_come_back_as_they_were_stored(stores):
    session = await stores.sessions.open(None, username="ada")
    message = NewMessage(
        session_id=session.session_id,
        conversation_id=session.conversation_id,
        turn_id="t1",
        role="bot",
        parts=(PlainPart("你好"), FilePart("a1", "x.txt")),
        context=({"role": "assistant", "content": "你好", "tool_calls": []},),
        text="你好",
        interrupted=True,
        full_text="你好, all of it",
        meta={"reasoning": "…"},
    )
    stored = await stores.history.append(message)
    assert stored.created_at.endswith("Z")
    assert await stores.history.get(stored.id) == stored
    assert list(await stores.history.after(session.session_id, 0)) == [stored]


async def test_many_writers_share_commits_and_keep_their_order(stores):
    sessions = [await stores.sessions.open(None, username=f"u{n}") for n in range(20)]

    async def talk(session):
        return [(await stores.history.append(user_message(session, f"{n}"))).id for n in range(10)]

    before = stores.database.transactions
    ids = await asyncio.gather(*map(talk, sessions))
    assert stores.database.transactions - before < 200 / 4
    everything = [one for mine in ids for one in mine]
    assert len(set(everything)) == 200
    assert all(mine == sorted(mine) for mine in ids)
    for session, mine in zip(sessions, ids, strict=True):
        rows = await stores.history.after(session.session_id, 0)
        assert [row.id for row in rows] == mine
        assert [row.text for row in rows] == [str(n) for n in range(10)]


async def test_a_message_of_a_deleted_session_harms_no_other(stores):
    good = await stores.sessions.open(None, username="ada")
    gone = await stores.sessions.open(None, username="bob")
    await stores.sessions.delete([gone.session_id])
    results = await asyncio.gather(
        stores.history.append(user_message(good, "one")),
        stores.history.append(user_message(gone, "two")),
        stores.history.append(user_message(good, "three")),
        return_exceptions=True,
    )
    assert isinstance(results[1], NotFound)
    assert [row.text for row in await stores.history.after(good.session_id, 0)] == ["one", "three"]
    assert results[2].id > results[0].id


async def test_ids_are_never_given_twice(tmp_path):
    async with open_stores(tmp_path) as stores:
        session = await stores.sessions.open(None, username="ada")
        last = await stores.history.append(user_message(session, "x"))
        await stores.sessions.delete([session.session_id])
    async with open_stores(tmp_path) as stores:
        session = await stores.sessions.open(None, username="ada")
        assert (await stores.history.append(user_message(session, "y"))).id > last.id


async def test_a_turn_makes_no_query_once_its_context_is_known(stores):
    session = await stores.sessions.open(None, username="ada")
    await stores.history.append(user_message(session, "first"))
    await stores.history.context(session.conversation_id)
    await stores.history.conversation(session.conversation_id)
    reads = stores.database.reads
    for n in range(5):
        again = await stores.sessions.open(session.session_id, username="ada")
        await stores.history.append(user_message(again, f"{n}"))
        await stores.history.conversation(again.conversation_id)
        context = await stores.history.context(again.conversation_id)
    assert stores.database.reads == reads
    assert [row.text for row in context] == ["first", "0", "1", "2", "3", "4"]


async def test_context_read_while_messages_come_misses_none(stores):
    session = await stores.sessions.open(None, username="ada")
    for n in range(3):
        await stores.history.append(user_message(session, f"{n}"))
    context, *_ = await asyncio.gather(
        stores.history.context(session.conversation_id),
        *(stores.history.append(user_message(session, f"late {n}")) for n in range(5)),
    )
    assert [row.text for row in context][:3] == ["0", "1", "2"]
    now = [row.text for row in await stores.history.context(session.conversation_id)]
    assert now == ["0", "1", "2"] + [f"late {n}" for n in range(5)]


@pytest.mark.parametrize("cache", [0, 64 << 20])
async def test_compression_reset_and_replacement_change_the_context_alone(tmp_path, cache):
    async with open_stores(tmp_path, StorageSettings(context_cache=cache)) as stores:
        session = await stores.sessions.open(None, username="ada")
        conversation_id = session.conversation_id
        ids = [(await stores.history.append(user_message(session, f"{n}"))).id for n in range(4)]
        await stores.history.compress(conversation_id, summary="so far", up_to=ids[1])
        assert [row.text for row in await stores.history.context(conversation_id)] == ["2", "3"]
        assert (await stores.history.conversation(conversation_id)).summary == "so far"
        await stores.history.replace_context(conversation_id, [{"role": "user", "content": "made up"}])
        context = await stores.history.context(conversation_id)
        assert [message for row in context for message in row.context] == [{"role": "user", "content": "made up"}]
        assert len(await stores.history.after(session.session_id, 0)) == 4
        await stores.history.append(user_message(session, "next"))
        assert len(await stores.history.context(conversation_id)) == 2
        await stores.history.reset(conversation_id)
        assert list(await stores.history.context(conversation_id)) == []
        assert (await stores.history.conversation(conversation_id)).summary == ""


async def test_pages_go_both_ways_without_gap_or_repeat(stores):
    session = await stores.sessions.open(None, username="ada")
    ids = [(await stores.history.append(user_message(session, f"{n}"))).id for n in range(25)]
    forward, at = [], 0
    while page := await stores.history.after(session.session_id, at, limit=10):
        forward += [row.id for row in page]
        at = page[-1].id
    assert forward == ids
    backward, end = [], None
    while page := await stores.history.before(session.session_id, end, limit=10):
        backward = [row.id for row in page] + backward
        end = page[0].id
    assert backward == ids


async def test_one_user_never_opens_anothers_session(stores):
    session = await stores.sessions.open("mine", username="ada")
    with pytest.raises(SessionError, match="session_id belongs to another username"):
        await stores.sessions.open("mine", username="bob")
    assert await stores.sessions.open("mine", username="ada") == session
    assert session.umo == "webchat:FriendMessage:webchat!ada!mine"


async def test_everybody_shares_a_group_of_a_platform(stores):
    umo = "bot1:GroupMessage:42"
    session = await stores.sessions.open(None, username="ada", platform_id="bot1", umo=umo, is_group=True)
    assert (await stores.sessions.open(None, username="bob", platform_id="bot1", umo=umo)).session_id == (
        session.session_id
    )
    assert (await stores.sessions.by_umo(umo)).is_group


async def test_opening_the_same_session_at_once_makes_one(stores):
    opened = await asyncio.gather(*(stores.sessions.open("s", username="ada") for _ in range(10)))
    assert len({session.conversation_id for session in opened}) == 1


async def test_conversations_are_made_switched_and_deleted(stores):
    session = await stores.sessions.open(None, username="ada")
    first = session.conversation_id
    second = await stores.sessions.new_conversation(session.session_id, title="Second")
    assert (await stores.sessions.get(session.session_id)).conversation_id == second.conversation_id
    await stores.sessions.switch_conversation(session.session_id, first)
    left = await stores.sessions.delete_conversation(first)
    assert left.conversation_id == second.conversation_id
    left = await stores.sessions.delete_conversation(second.conversation_id)
    assert left.conversation_id not in (first, second.conversation_id)
    assert await stores.sessions.conversation(left.conversation_id) is not None
    other = await stores.sessions.open(None, username="bob")
    with pytest.raises(NotFound):
        await stores.sessions.switch_conversation(session.session_id, other.conversation_id)


async def test_lists_are_newest_first_in_pages(stores):
    names = []
    for n in range(7):
        session = await stores.sessions.open(f"s{n}", username="ada" if n % 2 else "bob")
        await stores.history.append(user_message(session, f"hello {n}"))
        names.append(session.session_id)
    seen, cursor = [], None
    while True:
        page = await stores.sessions.list(cursor=cursor, limit=3, count=True)
        assert page.total == 7
        seen += [session.session_id for session in page.sessions]
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(seen) == names
    assert len(seen) == 7
    assert [s.session_id for s in (await stores.sessions.list(creator="ada")).sessions] == ["s5", "s3", "s1"]
    found = await stores.sessions.list(search="hello 4")
    assert [s.display_name for s in found.sessions] == ["hello 4"]


async def test_only_the_first_message_names_a_session(stores):
    session = await stores.sessions.open(None, username="ada")
    await stores.history.append(user_message(session, "  plan\n my  week  "))
    await stores.history.append(user_message(session, "and another thing"))
    assert (await stores.sessions.get(session.session_id)).display_name == "plan my week"
    stored = (await stores.sessions.list()).sessions[0]
    assert stored.display_name == "plan my week"
    renamed = await stores.sessions.rename(session.session_id, "Week")
    assert renamed.display_name == "Week"


async def test_those_who_open_a_session_go_on_in_the_order_they_came(tmp_path):
    order = []

    async def come(stores, session_id, number):
        await stores.sessions.open(session_id, username="ada")
        order.append(number)

    for cold in (True, False):
        async with open_stores(tmp_path) as stores:
            if not cold:
                await stores.sessions.list()
            for session_id in ("known", f"fresh {cold}"):
                order.clear()
                async with asyncio.TaskGroup() as group:
                    for number in range(20):
                        group.create_task(come(stores, session_id, number))
                        if number % 3 == 0:
                            await asyncio.sleep(0.0005)
                assert order == sorted(order)


async def test_new_conversations_do_not_fill_the_memory(tmp_path):
    async with open_stores(tmp_path, StorageSettings(context_cache=6_000)) as stores:
        for _ in range(50):
            await stores.sessions.open(None, username="alice")
        assert 0 < stores.history._cache.size <= 6_000
