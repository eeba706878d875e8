"""Names of conversations: no two places share one, and nobody gets into a place by its name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrbot_like.domain.errors import BadRequest, InvalidMessageFormat, SessionError
from astrbot_like.domain.origins import parse_origin, webchat_names, webchat_origin
from tests.support.stores import Stores, open_stores

GROUP = "telegram:GroupMessage:-1001"


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(tmp_path) as opened:
        yield opened


@given(username=st.text(min_size=1), session_id=st.text(min_size=1).filter(lambda text: "!" not in text))
def test_user_and_session_are_found_again(username: str, session_id: str) -> None:
    assert webchat_names(parse_origin(webchat_origin(username, session_id))) == (username, session_id)


@pytest.mark.parametrize(
    "umo", ["webchat:FriendMessage:4fd2", "webchat:FriendMessage:webchat!a", "webchat:FriendMessage:webchat!!", GROUP]
)
def test_other_origins_name_no_user(umo: str) -> None:
    assert webchat_names(parse_origin(umo)) is None


@pytest.mark.parametrize("umo", ["", "x", "webchat:FriendMessage", "webchat:FriendMessage:", "::x"])
def test_what_is_no_origin(umo: str) -> None:
    with pytest.raises(BadRequest):
        parse_origin(umo)


async def test_a_name_with_the_mark_makes_no_second_owner(stores: Stores) -> None:
    mine = await stores.sessions.open("c", username="a!b")
    assert mine.umo == "webchat:FriendMessage:webchat!a!b!c"
    with pytest.raises(InvalidMessageFormat, match="session_id must not hold '!'"):
        await stores.sessions.open("b!c", username="a")
    assert await stores.sessions.by_umo(mine.umo) == mine


async def test_the_web_chat_does_not_reach_sessions_of_other_platforms(stores: Stores) -> None:
    group = await stores.sessions.open(GROUP, username="7", platform_id="telegram", umo=GROUP, is_group=True)
    for username in ("7", "eve"):
        with pytest.raises(SessionError):
            await stores.sessions.open(GROUP, username=username)
    assert await stores.sessions.open(GROUP, username="8", platform_id="telegram", umo=GROUP) == group


async def test_the_web_chat_does_not_take_the_names_of_other_platforms(stores: Stores) -> None:
    with pytest.raises(InvalidMessageFormat):
        await stores.sessions.open(GROUP, username="eve")
