"""Everything that keeps data, opened in one go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from astrbot_like.operations.accounts import Accounts
from astrbot_like.operations.api_keys import ApiKeys
from astrbot_like.operations.backups import apply_restore
from astrbot_like.operations.conversations import Conversations
from astrbot_like.operations.personas import Personas
from astrbot_like.operations.settings import AccountSettings
from astrbot_like.operations.statistics import Statistics
from astrbot_like.runtime.clock import Clock
from astrbot_like.storage.accounts import AccountStore, InstallationStore
from astrbot_like.storage.api_keys import ApiKeyStore
from astrbot_like.storage.attachments import AttachmentStore
from astrbot_like.storage.change_watch import ChangeWatch
from astrbot_like.storage.database import Database
from astrbot_like.storage.history import HistoryStore
from astrbot_like.storage.lock import DirectoryLock
from astrbot_like.storage.platform_messages import PlatformMessageStore
from astrbot_like.storage.preferences import PreferenceStore
from astrbot_like.storage.records import Records, record_stores
from astrbot_like.storage.search import MessageSearch
from astrbot_like.storage.secrets import FILE_NAME as SECRET_FILE
from astrbot_like.storage.secrets import SecretBox
from astrbot_like.storage.sessions import SessionStore
from astrbot_like.storage.settings import StorageSettings
from astrbot_like.storage.turns import TurnStore


@dataclass(frozen=True, kw_only=True)
class Stores:
    """The open stores of a data directory, and the operations that need nothing else."""

    data: Path
    database: Database
    watch: ChangeWatch
    records: Records
    sessions: SessionStore
    history: HistoryStore
    attachments: AttachmentStore
    preferences: PreferenceStore
    platform_messages: PlatformMessageStore
    accounts: Accounts
    api_keys: ApiKeys
    personas: Personas
    conversations: Conversations
    statistics: Statistics
    search: MessageSearch
    lock: DirectoryLock | None

    async def aclose(self) -> None:
        """Write what waits and close."""
        await self.api_keys.flush()
        await self.statistics.flush()
        await self.history.aclose()
        await self.preferences.aclose()
        self.accounts.close()
        await self.database.aclose()
        if self.lock is not None:
            self.lock.release()


async def open_stores(
    data: Path,
    settings: StorageSettings,
    clock: Clock,
    *,
    exclusive: bool,
    accounts: AccountSettings | None = None,
) -> Stores:
    """Open a data directory, making or migrating it.

    Args:
        exclusive: Take the server's lock, and put a backup in place that was laid ready; the command line works
            beside a running server and does not.

    Raises:
        StorageError: The directory can't be used; the text says why and what to do.
    """
    lock = None
    if exclusive:
        lock = DirectoryLock(data)
        await asyncio.to_thread(lock.acquire)
    try:
        if exclusive:
            await asyncio.to_thread(apply_restore, data)
        database = await Database.open(data)
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    watch = ChangeWatch(database, clock)
    preferences = PreferenceStore(database)
    await preferences.load()
    sessions = SessionStore(database, cache=settings.session_cache)
    history = HistoryStore(database, sessions, settings)
    attachments = AttachmentStore(database, data / "attachments", settings, clock)
    records = record_stores(database, data)
    search = MessageSearch(database, clock)
    stores = Stores(
        data=data,
        database=database,
        watch=watch,
        records=records,
        sessions=sessions,
        history=history,
        attachments=attachments,
        preferences=preferences,
        platform_messages=PlatformMessageStore(database),
        accounts=Accounts(
            AccountStore(database), InstallationStore(database), SecretBox(data / SECRET_FILE), clock, accounts
        ),
        api_keys=ApiKeys(ApiKeyStore(database), watch, clock),
        personas=Personas(records.personas),
        conversations=Conversations(sessions, history, attachments, search),
        statistics=Statistics(TurnStore(database), clock, keep_days=settings.turn_record_days),
        search=search,
        lock=lock,
    )

    async def changed_outside() -> None:
        records.forget()
        await preferences.reload()
        await stores.accounts.changed_outside()
        await stores.statistics.changed_outside()

    watch.subscribe(changed_outside)
    return stores
