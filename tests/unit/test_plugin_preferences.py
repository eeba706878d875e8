"""Preferences of plugins, over a storage that can fail."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from astrbot_like.plugin_host.preferences import StoredPreferences
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.runtime.tasks import Supervisor


class Table:
    """The storage's table, in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], Any] = {("umo", "u", "k"): {"a": 1}}
        self.broken = False

    async def scopes(self) -> list[str]:
        return sorted({key[0] for key in self.rows})

    async def find(self, scope: str, **_: Any) -> list[Any]:
        return [
            SimpleNamespace(scope_id=key[1], key=key[2], value=v) for key, v in self.rows.items() if key[0] == scope
        ]

    async def put(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        if self.broken:
            raise OSError("disk full")
        self.rows[scope, scope_id, key] = value

    async def remove(self, scope: str, scope_id: str, key: str) -> None:
        self.rows.pop((scope, scope_id, key), None)


@pytest.fixture
async def table() -> Table:
    return Table()


async def opened(table: Table) -> tuple[StoredPreferences, Supervisor]:
    supervisor = Supervisor(SystemClock())
    store = StoredPreferences(table, supervisor)
    await store.load()
    return store, supervisor


async def test_reads_are_from_memory_and_writes_are_durable(table: Table) -> None:
    store, supervisor = await opened(table)
    value = store.peek("umo", "u", "k")
    value["a"] = 2
    assert store.peek("umo", "u", "k") == {"a": 1}
    await store.put("plugin", "me", "list", [1, 2])
    assert table.rows["plugin", "me", "list"] == [1, 2]
    assert [one.value for one in await store.find("plugin", "me", None)] == [{"val": [1, 2]}]
    await store.remove("plugin", None, "list")
    assert ("plugin", "me", "list") not in table.rows
    assert store.peek("plugin", "me", "list", "default") == "default"
    await supervisor.aclose()


async def test_writes_nobody_waits_for_last_too(table: Table) -> None:
    store, supervisor = await opened(table)
    for number in range(5):
        store.put_soon("global", "global", "n", number)
    store.put_soon("global", "global", "gone", 1)
    store.remove_soon("global", "global", "gone")
    assert store.peek("global", "global", "n") == 4
    await store.aclose()
    assert table.rows["global", "global", "n"] == 4
    assert ("global", "global", "gone") not in table.rows
    await supervisor.aclose()


async def test_a_failed_write_is_told_and_tried_again(table: Table) -> None:
    store, supervisor = await opened(table)
    table.broken = True
    with pytest.raises(OSError, match="disk full"):
        await store.put("plugin", "me", "k", 1)
    table.broken = False
    await store.put("plugin", "me", "other", 2)
    assert table.rows["plugin", "me", "k"] == 1
    await supervisor.aclose()


async def test_only_what_json_can_hold(table: Table) -> None:
    store, supervisor = await opened(table)
    with pytest.raises(TypeError):
        await store.put("plugin", "me", "k", object())
    assert store.peek("plugin", "me", "k") is None
    await supervisor.aclose()
