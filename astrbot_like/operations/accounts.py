"""Accounts: the first one, signing in, lock-out, changing names and passwords, ending sign-ins."""

from __future__ import annotations

import asyncio
import logging
import secrets

import msgspec

from astrbot_like.domain.accounts import Account
from astrbot_like.domain.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited
from astrbot_like.operations.passwords import Passwords, random_password
from astrbot_like.operations.settings import AccountSettings
from astrbot_like.runtime.clock import Clock
from astrbot_like.storage.accounts import AccountStore, InstallationStore, LoginFailures
from astrbot_like.storage.cached import Cached
from astrbot_like.storage.secrets import SecretBox

log = logging.getLogger(__name__)

FIRST_NAME = "admin"
NAME_LENGTH = 64
PASSWORD_LENGTH = 1024
TOKEN_SECRET = "token_secret"
FORGIVEN_AFTER = 24 * 3600.0
"""Seconds after which earlier failures count no more."""


class FirstAccount(msgspec.Struct, frozen=True):
    """The account of a new installation. ``password`` is set when it was made up and must be shown once."""

    username: str
    password: str | None


class Accounts:
    """People who may sign in.

    Args:
        box: Encrypts the secret that signs tokens.
    """

    def __init__(
        self,
        store: AccountStore,
        installation: InstallationStore,
        box: SecretBox,
        clock: Clock,
        settings: AccountSettings | None = None,
    ) -> None:
        self._store = store
        self._installation = installation
        self._box = box
        self._clock = clock
        self._settings = settings or AccountSettings()
        self._passwords = Passwords()
        self._accounts = Cached(self._read_accounts)
        self._revoked = Cached(lambda: store.revoked_tokens(now=clock.time()))
        self._secret: str | None = None
        self._forgotten = -FORGIVEN_AFTER

    # --- the first start ------------------------------------------------------------------------------

    async def ensure_first(self, username: str | None = None, password: str | None = None) -> FirstAccount | None:
        """Make the first account when there is none.

        Args:
            username, password: From the environment of an unattended installation; else made up.

        Returns:
            What was made; None when there was an account already.
        """
        if await self._accounts.get():
            return None
        name = _checked_name(username or FIRST_NAME)
        made_up = None if password else random_password()
        hashed = await self._passwords.hash(password or made_up or "")
        try:
            account = await self._store.add(name, hashed, must_change_password=made_up is not None)
        except Conflict:
            return None  # another process was faster
        self._changed(account)
        log.info("first account made", extra={"username": name})
        return FirstAccount(name, made_up)

    # --- signing in -----------------------------------------------------------------------------------

    async def authenticate(self, username: str, password: str, address: str = "") -> Account | None:
        """The account when the password is right. Takes the same time whether the account exists or not.

        Args:
            address: Where the request comes from; failures are counted for it too.

        Raises:
            RateLimited: The account or the address is locked after too many failures.
        """
        username, password = username[:NAME_LENGTH], password[: PASSWORD_LENGTH + 1]
        subjects = [f"account:{username}", *([f"address:{address}"] if address else [])]
        now = self._clock.time()
        # Counted before the password is looked at, so that a hundred guesses at once are a hundred.
        before = await self._store.count_attempts(subjects, lambda subject, entry: self._next(subject, entry, now))
        locked = max((entry.locked_until for entry in before if self._locked(entry, now)), default=0.0)
        if locked > now:
            raise RateLimited("Too many failed sign-ins. Please wait before you try again.", retry_after=locked - now)
        account = (await self._accounts.get()).get(username)
        right = await self._passwords.verify(account.password_hash if account else None, password)
        if account is None or not right:
            log.warning("sign-in failed", extra={"address": address})
            return None
        await self._store.forgive(subjects[0])
        for subject in subjects[1:]:
            await self._store.forgive(subject, attempts=1)
        if (passed := self._clock.monotonic()) - self._forgotten > FORGIVEN_AFTER:
            self._forgotten = passed
            await self._store.forget_failures(now - FORGIVEN_AFTER)
        return account

    async def token_generation(self, username: str) -> int | None:
        """The generation of the account's tokens that is valid now; None when there is no such account."""
        account = (await self._accounts.get()).get(username)
        return None if account is None else account.token_generation

    async def token_revoked(self, jti: str) -> bool:
        """Whether that one sign-in was ended."""
        return jti in await self._revoked.get()

    async def revoke_token(self, jti: str, expires_at: float) -> None:
        """End one sign-in (sign out)."""
        await self._store.revoke_token(jti, expires_at, now=self._clock.time())
        if (kept := self._revoked.changed()) is not None:
            kept.add(jti)

    async def signing_secret(self) -> str:
        """The secret that signs tokens, made when there is none yet."""
        if self._secret is None:
            stored = await self._installation.get(TOKEN_SECRET)
            if stored is None:
                fresh = await asyncio.to_thread(self._box.encrypt, secrets.token_urlsafe(48))
                stored = await self._installation.put_new(TOKEN_SECRET, fresh)
            self._secret = await asyncio.to_thread(self._box.decrypt, stored)
        return self._secret

    async def rotate_signing_secret(self) -> None:
        """Replace the secret, which ends every sign-in, also of what is connected."""
        fresh = secrets.token_urlsafe(48)
        await self._installation.put(TOKEN_SECRET, await asyncio.to_thread(self._box.encrypt, fresh))
        self._secret = fresh
        for account in await self.all():
            self._changed(await self._store.change(account.username, end_tokens=True))

    # --- changing -------------------------------------------------------------------------------------

    async def all(self) -> list[Account]:
        """All accounts by name."""
        return sorted((await self._accounts.get()).values(), key=lambda account: account.username)

    async def get(self, username: str) -> Account | None:
        """The account, or None."""
        return (await self._accounts.get()).get(username)

    async def add(self, username: str, password: str) -> Account:
        """Make an account; its owner is asked to change the password.

        Raises:
            BadRequest: The name or the password does not fit.
            Conflict: The name is taken.
        """
        self._check_password(password)
        hashed = await self._passwords.hash(password)
        account = await self._store.add(_checked_name(username), hashed, must_change_password=True)
        return self._changed(account)

    async def change(
        self,
        username: str,
        *,
        password: str,
        new_username: str | None = None,
        new_password: str | None = None,
    ) -> Account:
        """Change one's own name or password. A new password ends all sign-ins of the account.

        Args:
            password: The present one.

        Raises:
            Forbidden: ``password`` is wrong.
            BadRequest: The new name or password does not fit.
            Conflict: The new name is taken.
            RateLimited: Too many wrong passwords.
        """
        if await self.authenticate(username, password) is None:
            raise Forbidden("The present password is wrong.")
        if new_username is None and new_password is None:
            raise BadRequest("Give a new name or a new password.")
        if new_username is not None:
            new_username = _checked_name(new_username)
        hashed = None
        if new_password is not None:
            self._check_password(new_password)
            if new_password == password:
                raise BadRequest("The new password is the present one. Choose another.")
            hashed = await self._passwords.hash(new_password)
        account = await self._store.change(
            username,
            new_username=new_username,
            password_hash=hashed,
            must_change_password=False if hashed else None,
            end_tokens=hashed is not None,
        )
        return self._changed(account, was=username)

    async def set_password(self, username: str, password: str) -> Account:
        """Set a password without knowing the present one (command line); ends all sign-ins and unlocks the account.

        Raises:
            NotFound: There is no such account.
            BadRequest: The password does not fit.
        """
        self._check_password(password)
        if (await self._accounts.get()).get(username) is None:
            raise NotFound(f"There is no account named {username}.")
        hashed = await self._passwords.hash(password)
        account = await self._store.change(username, password_hash=hashed, must_change_password=False, end_tokens=True)
        await self._store.forgive(f"account:{username}")
        return self._changed(account)

    async def delete(self, username: str) -> None:
        """Delete an account, which ends its sign-ins.

        Raises:
            NotFound: There is no such account.
            Conflict: It is the last one.
        """
        accounts = await self._accounts.get()
        if username not in accounts:
            raise NotFound(f"There is no account named {username}.")
        if len(accounts) == 1:
            raise Conflict("The last account can't be deleted.")
        await self._store.delete(username)
        if (kept := self._accounts.changed()) is not None:
            kept.pop(username, None)

    async def changed_outside(self) -> None:
        """Another process has written: read everything anew."""
        self._accounts.forget()
        self._revoked.forget()
        self._secret = None

    def close(self) -> None:
        """End the threads that hash."""
        self._passwords.close()

    async def _read_accounts(self) -> dict[str, Account]:
        return {account.username: account for account in await self._store.all()}

    def _changed(self, account: Account, was: str | None = None) -> Account:
        if (kept := self._accounts.changed()) is not None:
            kept.pop(was or account.username, None)
            kept[account.username] = account
        return account

    def _check_password(self, password: str) -> None:
        if len(password) < self._settings.password_length:
            raise BadRequest(f"A password needs at least {self._settings.password_length} characters.")
        if len(password) > PASSWORD_LENGTH:
            raise BadRequest(f"A password may have at most {PASSWORD_LENGTH} characters.")

    def _locked(self, entry: LoginFailures, now: float) -> bool:
        """Whether a lock holds; one that ends later than any lock lasts is of a clock that has been set back since."""
        return 0 < entry.locked_until - now <= self._settings.longest_lock

    def _next(self, subject: str, entry: LoginFailures | None, now: float) -> LoginFailures | None:
        if entry is not None and self._locked(entry, now):
            return None
        settings = self._settings
        recent = entry is not None and abs(now - entry.last_at) < FORGIVEN_AFTER
        count = 1 + (entry.failures if entry is not None and recent else 0)
        allowed = settings.account_failures if subject.startswith("account:") else settings.address_failures
        over = count - allowed
        lock = min(settings.first_lock * 2 ** min(over, 32), settings.longest_lock) if over >= 0 else 0.0
        return LoginFailures(subject, count, now, now + lock if lock else 0.0)


def _checked_name(username: str) -> str:
    name = username.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise BadRequest(f"A user name needs 1 to {NAME_LENGTH} printable characters.")
    return name
