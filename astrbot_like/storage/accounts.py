"""Accounts, failed sign-ins, ended tokens and the installation's own values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from astrbot_like.domain.accounts import Account
from astrbot_like.domain.errors import Conflict, NotFound
from astrbot_like.domain.origins import webchat_origin
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import iso, now_ms
from astrbot_like.storage.tables import (
    accounts,
    api_keys,
    attachments,
    conversations,
    installation,
    login_failures,
    revoked_tokens,
    sessions,
)


class LoginFailures(msgspec.Struct, frozen=True):
    """Failed sign-ins of an account or an address. ``locked_until`` is in seconds since the epoch, 0: not locked."""

    subject: str
    failures: int
    last_at: float
    locked_until: float


class AccountStore:
    """Rows of people who may sign in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, username: str) -> Account | None:
        """The account, or None."""
        return await self._database.read(lambda c: _one(c, username))

    async def all(self) -> list[Account]:
        """All accounts by name."""
        query = select(accounts).order_by(accounts.c.username)
        return await self._database.read(lambda c: [_account_of(row) for row in c.execute(query)])

    async def add(self, username: str, password_hash: str, *, must_change_password: bool) -> Account:
        """Make an account.

        Raises:
            Conflict: The name is taken.
        """
        now = now_ms()
        values = (username, password_hash, must_change_password, 0, now, now)

        def work(connection: Connection) -> None:
            try:
                connection.execute(insert(accounts).values(values))
            except IntegrityError as error:
                raise Conflict("An account of this name exists.") from error

        await self._database.write(work)
        return _account_of(values)

    async def change(
        self,
        username: str,
        *,
        new_username: str | None = None,
        password_hash: str | None = None,
        must_change_password: bool | None = None,
        end_tokens: bool = False,
    ) -> Account:
        """Change an account.

        Args:
            new_username: Its sessions, files and keys go with it; what is kept of them in memory must be forgotten.
            end_tokens: Sign it out everywhere.

        Raises:
            NotFound: There is no such account.
            Conflict: The new name is taken.
        """
        values: dict[str, Any] = {"updated_ms": now_ms()}
        if new_username is not None:
            values["username"] = new_username
        if password_hash is not None:
            values["password_hash"] = password_hash
        if must_change_password is not None:
            values["must_change_password"] = must_change_password
        if end_tokens:
            values["token_generation"] = accounts.c.token_generation + 1

        def work(connection: Connection) -> Account:
            try:
                connection.execute(update(accounts).where(accounts.c.username == username).values(values))
            except IntegrityError as error:
                raise Conflict("An account of this name exists.") from error
            found = _one(connection, new_username or username)
            if found is None:
                raise NotFound("There is no such account.")
            if new_username is not None and new_username != username:
                _move_belongings(connection, username, new_username)
            return found

        return await self._database.write(work)

    async def delete(self, username: str) -> None:
        """Delete an account; an unknown one is ignored."""
        await self._database.write(lambda c: c.execute(delete(accounts).where(accounts.c.username == username)))

    # --- failed sign-ins ------------------------------------------------------------------------------

    async def count_attempts(
        self, subjects: list[str], next_entry: Callable[[str, LoginFailures | None], LoginFailures | None]
    ) -> list[LoginFailures]:
        """Count a sign-in attempt for each subject, in one transaction: attempts at the same time are all counted.

        Args:
            next_entry: Given a subject and its entry (None: it has none) returns the entry to store; None: the subject
                is locked, and nothing is counted for any of them.

        Returns:
            The entries as they were before.
        """

        def work(connection: Connection) -> list[LoginFailures]:
            rows = connection.execute(select(login_failures).where(login_failures.c.subject.in_(subjects)))
            found = {row.subject: _failures_of(row) for row in rows}
            fresh = [next_entry(subject, found.get(subject)) for subject in subjects]
            if None not in fresh:
                connection.execute(_PUT_FAILURES, [_failures_row(entry) for entry in fresh if entry is not None])
            return list(found.values())

        return await self._database.write(work)

    async def forgive(self, subject: str, *, attempts: int | None = None) -> None:
        """Take attempts of a subject back (None: all of them), and unlock it."""
        mine = login_failures.c.subject == subject
        if attempts is None:
            statement: Any = delete(login_failures).where(mine)
        else:
            left = func.max(login_failures.c.failures - attempts, 0)
            statement = update(login_failures).where(mine).values(failures=left, locked_until_ms=0)
        await self._database.write(lambda c: c.execute(statement))

    async def forget_failures(self, older_than: float) -> None:
        """Forget entries whose last attempt is older than ``older_than`` (seconds since the epoch)."""
        statement = delete(login_failures).where(login_failures.c.last_ms < int(older_than * 1000))
        await self._database.write(lambda c: c.execute(statement))

    # --- ended tokens ---------------------------------------------------------------------------------

    async def revoke_token(self, token_id: str, expires_at: float, *, now: float) -> None:
        """End one sign-in; entries of tokens that have expired anyhow are dropped."""

        def work(connection: Connection) -> None:
            connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < now))
            connection.execute(
                upsert(revoked_tokens).values(token_id=token_id, expires_at=expires_at).on_conflict_do_nothing()
            )

        await self._database.write(work)

    async def revoked_tokens(self, *, now: float) -> set[str]:
        """Ids of all ended tokens that have not expired yet."""
        query = select(revoked_tokens.c.token_id).where(revoked_tokens.c.expires_at >= now)
        return await self._database.read(lambda c: set(c.execute(query).scalars()))


class InstallationStore:
    """Values that there is one of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> str | None:
        """The value, or None."""
        query = select(installation.c.value).where(installation.c.key == key)
        return await self._database.read(lambda c: c.execute(query).scalar())

    async def put(self, key: str, value: str) -> None:
        """Store a value."""
        statement = upsert(installation).values(key=key, value=value)
        statement = statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value})
        await self._database.write(lambda c: c.execute(statement))

    async def put_new(self, key: str, value: str) -> str:
        """Store a value unless there is one.

        Returns:
            The value that stands.
        """

        def work(connection: Connection) -> str:
            connection.execute(upsert(installation).values(key=key, value=value).on_conflict_do_nothing())
            return str(connection.execute(select(installation.c.value).where(installation.c.key == key)).scalar_one())

        return await self._database.write(work)


_put = upsert(login_failures)
_PUT_FAILURES = _put.on_conflict_do_update(
    index_elements=["subject"],
    set_={name: _put.excluded[name] for name in ("failures", "last_ms", "locked_until_ms")},
)


def _failures_of(row: Any) -> LoginFailures:
    return LoginFailures(row.subject, row.failures, row.last_ms / 1000, row.locked_until_ms / 1000)


def _failures_row(entry: LoginFailures) -> dict[str, Any]:
    return {
        "subject": entry.subject,
        "failures": entry.failures,
        "last_ms": int(entry.last_at * 1000),
        "locked_until_ms": int(entry.locked_until * 1000),
    }


def _one(connection: Connection, username: str) -> Account | None:
    row = connection.execute(select(accounts).where(accounts.c.username == username)).first()
    return None if row is None else _account_of(row)


def _account_of(row: Any) -> Account:
    username, password_hash, must_change, generation, created, updated = row
    return Account(username, password_hash, bool(must_change), generation, iso(created), iso(updated))


def _move_belongings(connection: Connection, old: str, new: str) -> None:
    """Let what belonged to ``old`` belong to ``new``. The origin of a web chat holds the name, so it changes, too."""
    mine = sessions.c.creator == old
    web = mine & sessions.c.umo.startswith(webchat_origin(old, ""), autoescape=True)
    moved = webchat_origin(new, "") + sessions.c.session_id
    of_web = select(sessions.c.session_id).where(web)
    connection.execute(
        update(conversations)
        .where(conversations.c.session_id.in_(of_web))
        .values(umo=webchat_origin(new, "") + conversations.c.session_id)
    )
    connection.execute(update(sessions).where(web).values(umo=moved))
    connection.execute(update(sessions).where(mine).values(creator=new))
    connection.execute(update(attachments).where(attachments.c.owner == old).values(owner=new))
    connection.execute(update(api_keys).where(api_keys.c.creator == old).values(creator=new))
