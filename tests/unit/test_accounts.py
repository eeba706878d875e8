"""Accounts and API keys: made once, verified fast, locked, revoked, and true when another process changes them."""

import asyncio
import re

import pytest

from astrbot_like.domain.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited
from astrbot_like.operations.accounts import Accounts
from astrbot_like.operations.api_keys import ApiKeys
from astrbot_like.operations.settings import AccountSettings
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.storage.accounts import AccountStore, InstallationStore
from astrbot_like.storage.api_keys import ApiKeyStore
from astrbot_like.storage.change_watch import ChangeWatch
from astrbot_like.storage.database import Database
from astrbot_like.storage.secrets import SecretBox


class ShiftedClock(SystemClock):
    """The system's clock, some seconds ahead."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


class House:
    """Accounts and keys over one database."""

    def __init__(self, directory, database):
        self.database = database
        self.clock = ShiftedClock()
        self.watch = ChangeWatch(database, self.clock)
        self.accounts = Accounts(
            AccountStore(database),
            InstallationStore(database),
            SecretBox(directory / "secret.key"),
            self.clock,
            AccountSettings(account_failures=3, address_failures=5),
        )
        self.watch.subscribe(self.accounts.changed_outside)
        self.keys = ApiKeys(ApiKeyStore(database), self.watch, self.clock)

    async def aclose(self):
        self.accounts.close()
        await self.database.aclose()


@pytest.fixture
async def house(tmp_path):
    opened = House(tmp_path, await Database.open(tmp_path))
    yield opened
    await opened.aclose()


@pytest.fixture
async def other(house, tmp_path):
    """A second process on the same data directory."""
    opened = House(tmp_path, await Database.open(tmp_path))
    yield opened
    await opened.aclose()


async def test_the_first_start_makes_one_account_with_a_random_password(house):
    made = await house.accounts.ensure_first()
    assert made.username == "admin"
    assert len(made.password) >= 16
    account = await house.accounts.authenticate("admin", made.password)
    assert account.must_change_password
    assert made.password not in account.password_hash
    assert await house.accounts.ensure_first() is None


async def test_an_unattended_installation_brings_its_password(house):
    made = await house.accounts.ensure_first("root", "a good one")
    assert (made.username, made.password) == ("root", None)
    assert not (await house.accounts.authenticate("root", "a good one")).must_change_password
    assert await house.accounts.authenticate("root", "a bad one") is None
    assert await house.accounts.authenticate("nobody", "a good one") is None


async def test_a_new_password_ends_every_sign_in(house):
    await house.accounts.ensure_first("root", "a good one")
    before = await house.accounts.token_generation("root")
    with pytest.raises(Forbidden):
        await house.accounts.change("root", password="wrong", new_password="another one")
    with pytest.raises(BadRequest, match="at least 8"):
        await house.accounts.change("root", password="a good one", new_password="short")
    await house.accounts.change("root", password="a good one", new_username="ada", new_password="another one")
    assert await house.accounts.token_generation("root") is None
    assert await house.accounts.token_generation("ada") == before + 1
    assert await house.accounts.authenticate("ada", "another one")


async def test_failed_sign_ins_lock_the_account_for_a_while_and_longer_each_time(house):
    await house.accounts.ensure_first("root", "a good one")
    for _ in range(3):
        assert await house.accounts.authenticate("root", "guess") is None
    with pytest.raises(RateLimited) as locked:
        await house.accounts.authenticate("root", "a good one")
    assert 0 < locked.value.retry_after <= 30
    house.clock.ahead = 31
    assert await house.accounts.authenticate("root", "guess") is None
    with pytest.raises(RateLimited) as locked:
        await house.accounts.authenticate("root", "a good one")
    assert locked.value.retry_after > 30
    house.clock.ahead = 200
    assert await house.accounts.authenticate("root", "a good one")
    assert await house.accounts.authenticate("root", "guess") is None
    assert await house.accounts.authenticate("root", "a good one"), "a success forgives earlier failures"


async def test_a_clock_that_is_set_back_locks_nobody_out_for_long(house):
    await house.accounts.ensure_first("root", "a good one")
    house.clock.ahead = 365 * 86_400
    for _ in range(3):
        assert await house.accounts.authenticate("root", "guess") is None
    with pytest.raises(RateLimited):
        await house.accounts.authenticate("root", "a good one")
    house.clock.ahead = 0
    assert await house.accounts.authenticate("root", "a good one")


async def test_guesses_at_the_same_time_are_all_counted(house):
    await house.accounts.ensure_first("root", "a good one")
    guesses = await asyncio.gather(
        *(house.accounts.authenticate("root", "guess") for _ in range(10)), return_exceptions=True
    )
    assert guesses.count(None) == 3
    assert sum(isinstance(guess, RateLimited) for guess in guesses) == 7
    with pytest.raises(RateLimited):
        await house.accounts.authenticate("root", "a good one")


async def test_people_behind_one_address_do_not_lock_it_by_signing_in(house):
    await house.accounts.ensure_first("root", "a good one")
    for _ in range(12):
        assert await house.accounts.authenticate("root", "a good one", "203.0.113.5")


async def test_an_address_is_locked_whatever_name_it_tries(house):
    await house.accounts.ensure_first("root", "a good one")
    for n in range(5):
        assert await house.accounts.authenticate(f"user{n}", "guess", "203.0.113.5") is None
    with pytest.raises(RateLimited):
        await house.accounts.authenticate("root", "a good one", "203.0.113.5")
    assert await house.accounts.authenticate("root", "a good one", "203.0.113.6")


async def test_the_signing_secret_lasts_and_can_be_replaced(house, other):
    await house.accounts.ensure_first("root", "a good one")
    before = await house.accounts.token_generation("root")
    secret = await house.accounts.signing_secret()
    assert len(secret) >= 32
    assert await other.accounts.signing_secret() == secret
    await other.accounts.rotate_signing_secret()
    await house.watch.check()
    assert await house.accounts.signing_secret() != secret
    assert await house.accounts.token_generation("root") != before, "connections are ended by that"


async def test_one_sign_in_can_be_ended(house):
    await house.accounts.revoke_token("one", house.clock.time() + 60)
    assert await house.accounts.token_revoked("one")
    assert not await house.accounts.token_revoked("two")


async def test_the_last_account_stays(house):
    await house.accounts.ensure_first("root", "a good one")
    with pytest.raises(Conflict):
        await house.accounts.delete("root")
    await house.accounts.add("ada", "a password")
    with pytest.raises(Conflict):
        await house.accounts.add("ada", "a password")
    await house.accounts.delete("root")
    with pytest.raises(NotFound):
        await house.accounts.set_password("root", "a password")


async def test_a_key_is_shown_once_and_verified_without_a_query(house):
    made = await house.keys.create("laptop", ["file", "chat"], creator="root")
    assert re.fullmatch(r"abk_[A-Za-z0-9_-]{43}", made.key)
    assert made.record.prefix == made.key[:12]
    assert made.record.scopes == ("chat", "file")
    await house.keys.all()
    reads = house.database.reads
    for _ in range(100):
        record = await house.keys.verify(made.key)
    assert house.database.reads == reads
    assert record.key_id == made.record.key_id
    assert await house.keys.verify(made.key + "x") is None
    assert await house.keys.verify("abk_" + "A" * 43) is None
    raw = (house.database.path.parent / "astrbot_like.db").read_bytes()
    wal = (house.database.path.parent / "astrbot_like.db-wal").read_bytes()
    assert made.key.encode() not in raw + wal


async def test_a_key_ends_when_it_is_revoked_or_expires(house):
    made = await house.keys.create("a", ["*"], creator="root", expires_at=house.clock.time() + 60)
    assert made.record.allows("im")
    assert await house.keys.is_active(made.record.key_id)
    house.clock.ahead = 61
    assert await house.keys.verify(made.key) is None
    assert not await house.keys.is_active(made.record.key_id)
    house.clock.ahead = 0
    revoked = await house.keys.revoke(made.record.key_id)
    assert revoked.revoked_at
    assert await house.keys.verify(made.key) is None
    await house.keys.delete(made.record.key_id)
    assert await house.keys.all() == []
    with pytest.raises(NotFound):
        await house.keys.revoke(made.record.key_id)


@pytest.mark.parametrize(
    ("name", "scopes", "ahead"), [("", ["chat"], 1), ("a", [], 1), ("a", ["chat", "root"], 1), ("a", ["chat"], -1)]
)
async def test_keys_that_make_no_sense_are_refused(house, name, scopes, ahead):
    with pytest.raises(BadRequest):
        await house.keys.create(name, scopes, creator="root", expires_at=house.clock.time() + ahead)


async def test_a_key_made_by_another_process_works_at_once(house, other):
    assert await house.keys.all() == []
    made = await other.keys.create("cli", ["chat"], creator="cli")
    assert (await house.keys.verify(made.key)).name == "cli"
    await other.keys.revoke(made.record.key_id)
    assert await house.watch.check()
    assert await house.keys.verify(made.key) is None
    assert not await house.watch.check(), "nothing has changed since"


async def test_the_last_use_is_stored_now_and_then(house, other):
    made = await house.keys.create("a", ["chat"], creator="root")
    await house.keys.verify(made.key)
    assert (await house.keys.all())[0].last_used_at
    assert (await other.keys.all())[0].last_used_at is None
    await house.keys.flush()
    await other.watch.check()
    assert (await other.keys.all())[0].last_used_at
    await asyncio.gather(*(house.keys.verify(made.key) for _ in range(5)))
    transactions = house.database.transactions
    await house.keys.flush()
    assert house.database.transactions == transactions
