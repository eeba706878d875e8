"""Credentials: where they may stand, what is refused with which words, and how guessing is slowed down."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import jwt
import pytest
from werkzeug.datastructures import Headers, MultiDict

from astrbot_like.dashboard import credentials
from astrbot_like.dashboard.addresses import client_address, parse_networks
from astrbot_like.dashboard.auth import Authenticator, socket_error_code
from astrbot_like.dashboard.credential_watch import CredentialWatch
from astrbot_like.dashboard.identity import Identity, InsufficientScope, checked_username
from astrbot_like.dashboard.limits import RateLimiter
from astrbot_like.domain.accounts import ApiKey
from astrbot_like.domain.errors import BadUser, BotError, RateLimited, StorageError, Unauthorized
from tests.support.virtual_time import run_virtual

SECRET = "s" * 40


class FakeClock:
    now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class FakeStores:
    """Keys, accounts and the secret in memory."""

    def __init__(self) -> None:
        self.secret = SECRET
        self.generations = {"ann": 3}
        self.revoked: set[str] = set()
        self.keys = {"abk_good": ApiKey("k1", "n", "abk_good", ("chat",), "ann", "")}
        self.failing = False

    async def signing_secret(self) -> str:
        return self.secret

    async def rotate_signing_secret(self) -> None:
        self.secret = "t" * 40

    async def token_generation(self, username: str) -> int | None:
        if self.failing:
            raise StorageError
        return self.generations.get(username)

    async def token_revoked(self, jti: str) -> bool:
        return jti in self.revoked

    async def verify(self, key: str) -> ApiKey | None:
        return self.keys.get(key)

    async def is_active(self, key_id: str) -> bool:
        return any(key.key_id == key_id for key in self.keys.values())


@pytest.fixture
def stores():
    return FakeStores()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def authenticator(stores, clock):
    return Authenticator(keys=stores, accounts=stores, secrets=stores, clock=clock, token_lifetime=100)


def carrier(args: dict[str, str] | None = None, **headers: str):
    return SimpleNamespace(
        args=MultiDict(args or {}), headers=Headers({name.replace("_", "-"): value for name, value in headers.items()})
    )


async def refusal(awaitable) -> BotError:
    with pytest.raises(BotError) as caught:
        await awaitable
    return caught.value


async def test_an_issued_token_is_accepted_and_names_its_account(authenticator):
    identity = await authenticator.token(await authenticator.issue_token("ann"))
    assert (identity.username, identity.kind, identity.key_id) == ("ann", "jwt", "")
    assert identity.allows("im")


async def test_tokens_are_refused_with_the_documented_words(authenticator, clock):
    token = await authenticator.issue_token("ann")
    assert (await refusal(authenticator.token(None))).message == "Missing authentication token"
    assert (await refusal(authenticator.token(""))).message == "Missing authentication token"
    assert (await refusal(authenticator.token("x.y.z"))).message == "Invalid token"
    assert (await refusal(authenticator.token(token[:-2]))).message == "Invalid token"
    clock.now += 101
    assert (await refusal(authenticator.token(token))).message == "Token expired"


async def test_tokens_outlive_a_clock_that_is_set_back_and_end_with_one_that_is_set_ahead(authenticator, clock):
    token = await authenticator.issue_token("ann")
    clock.now -= 86_400
    assert (await authenticator.token(token)).username == "ann"
    clock.now += 86_400 + 101
    assert (await refusal(authenticator.token(token))).message == "Token expired"


@pytest.mark.parametrize(
    ("claims", "algorithm", "secret"),
    [
        ({"username": "ann", "exp": 1_900_000_000, "gen": 3}, "HS512", SECRET * 2),
        ({"username": "ann", "exp": 1_900_000_000, "gen": 3}, "none", None),
        ({"username": "ann", "exp": 1_900_000_000, "gen": 3}, "HS256", "wrong" * 10),
        ({"exp": 1_900_000_000, "gen": 3}, "HS256", SECRET),
        ({"username": "ann", "gen": 3}, "HS256", SECRET),
        ({"username": ["ann"], "exp": 1_900_000_000, "gen": 3}, "HS256", SECRET),
        ({"username": "", "exp": 1_900_000_000, "gen": 3}, "HS256", SECRET),
        ({"username": "bob", "exp": 1_900_000_000, "gen": 3}, "HS256", SECRET),
        ({"username": "ann", "exp": 1_900_000_000, "gen": 2}, "HS256", SECRET),
    ],
)
async def test_forged_tokens_are_invalid(authenticator, claims, algorithm, secret):
    token = jwt.encode(claims, secret, algorithm=algorithm)
    assert (await refusal(authenticator.token(token))).message == "Invalid token"


async def test_rotation_generation_and_revocation_end_tokens(authenticator, stores):
    token = await authenticator.issue_token("ann")
    identity = await authenticator.token(token)
    stores.revoked.add(identity.credential)
    assert not await authenticator.still_valid(identity)
    stores.revoked.clear()
    assert await authenticator.still_valid(identity)
    stores.generations["ann"] += 1
    assert not await authenticator.still_valid(identity)
    stores.generations["ann"] -= 1
    await stores.rotate_signing_secret()
    assert (await refusal(authenticator.token(token))).message == "Invalid token"


async def test_api_keys_are_refused_with_the_documented_words(authenticator):
    missing = await refusal(authenticator.api_key(None, "chat"))
    invalid = await refusal(authenticator.api_key("abk_bad", "chat"))
    narrow = await refusal(authenticator.api_key("abk_good", "file"))
    assert [e.message for e in (missing, invalid, narrow)] == [
        "Missing API key",
        "Invalid API key",
        "Insufficient API key scope",
    ]
    assert isinstance(missing, Unauthorized)
    assert isinstance(narrow, InsufficientScope)
    assert {socket_error_code(e) for e in (missing, invalid, narrow)} == {"UNAUTHORIZED"}
    identity = await authenticator.api_key("abk_good", "chat")
    assert (identity.kind, identity.key_id, identity.owner) == ("key", "k1", "key:k1")


@pytest.mark.parametrize(
    "request_",
    [
        carrier(X_API_Key="abk_1"),
        carrier(Authorization="Bearer abk_1"),
        carrier(Authorization="bearer  abk_1 "),
        carrier(Authorization="ApiKey abk_1"),
        carrier({"api_key": "abk_1"}),
        carrier({"key": "abk_1"}),
    ],
)
def test_every_place_of_an_api_key(request_):
    assert credentials.api_key(request_) == "abk_1"


def test_places_of_a_token():
    assert credentials.socket_token(carrier({"token": "t"})) == "t"
    assert credentials.socket_token(carrier(Authorization="Bearer t")) == "t"
    assert credentials.bearer_token(carrier({"token": "t"})) is None
    assert credentials.bearer_token(carrier(Authorization="Basic t")) is None
    assert credentials.api_key(carrier(Authorization="Bearer ")) is None


def test_usernames_of_end_users():
    assert checked_username(" ann ") == "ann"
    for value, message in ((None, "Missing key: username"), ("  ", "username is empty")):
        with pytest.raises(BadUser) as caught:
            checked_username(value)
        assert caught.value.message == message


async def test_the_watch_tells_every_connection_of_a_dead_credential_once(authenticator, stores, clock):
    watch = CredentialWatch(authenticator, clock, 2)
    identity = await authenticator.api_key("abk_good", "chat")
    ended: list[int] = []
    watch.add(identity, lambda: ended.append(1))
    stop = watch.add(identity, lambda: ended.append(2))
    watch.add(identity, lambda: ended.append(3))
    stop()
    await watch.check()
    assert ended == []
    stores.keys.clear()
    await watch.check()
    await watch.check()
    assert sorted(ended) == [1, 3]
    assert len(watch) == 0


async def test_the_watch_keeps_connections_while_the_store_fails(authenticator, stores, clock):
    watch = CredentialWatch(authenticator, clock, 2)
    identity = Identity("ann", "jwt", ("*",), "t", clock.now + 50, 3)
    ended: list[int] = []
    watch.add(identity, lambda: ended.append(1))
    stores.failing = True
    await watch.check()
    assert not ended
    stores.failing = False
    clock.now += 60
    await watch.check()
    assert ended == [1]


def test_the_watch_notices_within_five_seconds():
    async def scenario() -> float:
        from astrbot_like.runtime.clock import SystemClock

        stores, clock = FakeStores(), SystemClock()
        authenticator = Authenticator(keys=stores, accounts=stores, secrets=stores, clock=clock, token_lifetime=100)
        watch = CredentialWatch(authenticator, clock, 2)
        done = asyncio.Event()
        watch.add(await authenticator.api_key("abk_good", "chat"), done.set)
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(3)
        stores.keys.clear()
        started = clock.monotonic()
        await done.wait()
        task.cancel()
        return clock.monotonic() - started

    assert run_virtual(scenario()) <= 5


def test_rate_limit_lets_bursts_through_and_says_how_long_to_wait(clock):
    limiter = RateLimiter(2, 3, clock)
    for _ in range(3):
        limiter.take("a")
    with pytest.raises(RateLimited) as caught:
        limiter.take("a")
    assert caught.value.retry_after == pytest.approx(0.5)
    limiter.take("b")
    clock.now += 0.5
    limiter.take("a")


def test_forwarded_addresses_are_believed_from_trusted_proxies_only():
    trusted = parse_networks(["10.0.0.0/8"])
    assert client_address("1.1.1.1, 2.2.2.2", "9.9.9.9", trusted) == "9.9.9.9"
    assert client_address("1.1.1.1, 2.2.2.2", "10.0.0.1", trusted) == "2.2.2.2"
    assert client_address("1.1.1.1, 2.2.2.2, 10.0.0.2", "10.0.0.1", trusted) == "2.2.2.2"
    assert client_address("", "10.0.0.1", trusted) == "10.0.0.1"
    assert client_address("1.1.1.1", "10.0.0.1", ()) == "10.0.0.1"
