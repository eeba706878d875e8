"""Timed jobs of plugins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.domain.errors import BadRequest, NotFound
from astrbot_like.domain.jobs import Job
from astrbot_like.host.services.cron import CronJobs
from astrbot_like.host.services.crontab import named_weekdays, trigger_of
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.runtime.tasks import Supervisor
from astrbot_like.storage.database import Database
from astrbot_like.storage.records import RecordStore, record_stores

UMO = "webchat:FriendMessage:webchat!ann!1"


class House:
    """Timed jobs over a real database; ``restart`` makes them anew over the same one."""

    def __init__(self, records: RecordStore[Job]) -> None:
        self.records = records
        self.clock = SystemClock()
        self.supervisor = Supervisor(self.clock)
        self.said: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.jobs = self._new()

    def _new(self) -> CronJobs:
        return CronJobs(self.records, self._speak, self.clock, self.supervisor, look=0.1)

    async def _speak(self, umo: str, note: str) -> None:
        if note == "broken":
            raise RuntimeError("no model")
        await self.said.put((umo, note))

    async def restart(self) -> None:
        self.jobs.close()
        self.records.forget()
        self.jobs = self._new()
        await self.jobs.restore()

    async def until(self, done: Any) -> None:
        async with asyncio.timeout(60):
            while not await done():
                await asyncio.sleep(0.02)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = await Database.open(tmp_path)
    house = House(record_stores(database, tmp_path).jobs)
    yield house
    house.jobs.close()
    await house.supervisor.aclose()
    await database.aclose()


async def test_functions_are_called_in_the_context_they_come_from_and_forgotten_with_their_owner(house: House) -> None:
    calls: list[tuple[str, str]] = []

    async def mine(word: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        calls.append((word, "own task" if task is not outer else "the scheduler's"))

    async def other() -> None:
        calls.append(("other", ""))

    outer = asyncio.current_task()
    jobs = house.jobs
    made = await jobs.add_basic_job(name="a", cron_expression="* * * * *", handler=mine, payload={"word": "x"})
    kept = await jobs.add_basic_job(name="b", cron_expression="* * * * *", handler=other, persistent=True)
    assert made.next_run_time is not None
    await jobs._run(made)
    assert calls == [("x", "own task")]
    await jobs.forget(lambda handler: handler is mine)
    assert [job.job_id for job in await jobs.list_jobs()] == [kept.job_id]
    await house.restart()
    assert await house.jobs.list_jobs() == [], "a function can't be kept"


async def test_jobs_hung_into_the_scheduler_itself_go_with_their_owner(house: House) -> None:
    done = asyncio.Event()

    async def mine() -> None:
        done.set()

    async def other() -> None: ...

    scheduler = house.jobs.scheduler
    at = datetime.now(UTC) + timedelta(days=1)
    scheduler.add_job(mine, "date", run_date=at, id="mine")
    scheduler.add_job(other, "date", run_date=at, id="other")
    scheduler.add_job(mine, "date", run_date=datetime.now(UTC), id="now", misfire_grace_time=None)
    async with asyncio.timeout(60):
        await done.wait()
    await house.jobs.forget(lambda handler: handler is mine)
    assert scheduler.get_job("mine") is None
    assert scheduler.get_job("other") is not None


async def test_a_job_is_in_time_after_the_machine_slept_or_its_clock_was_set(house: House) -> None:
    done = asyncio.Event()

    async def mine() -> None:
        done.set()

    scheduler = house.jobs.scheduler
    scheduler.add_job(mine, "date", run_date=datetime.now(UTC) + timedelta(seconds=0.5), misfire_grace_time=None)
    await asyncio.sleep(0)  # the scheduler has set its timer
    scheduler._stop_timer()  # that stands still, as it does while the machine sleeps
    async with asyncio.timeout(60):
        await done.wait()


async def test_a_persistent_job_is_there_after_a_restart_until_it_is_deleted(house: House) -> None:
    payload = {"session": UMO, "note": "Say good morning"}
    made = await house.jobs.add_active_job(name="morning", cron_expression="0 7 * * *", payload=payload, timezone="UTC")
    await house.jobs.add_active_job(name="fleeting", cron_expression="0 7 * * *", payload=payload, persistent=False)
    await house.jobs.update_job(made.job_id, cron_expression="30 8 * * 1-5", description="On working days")
    await house.restart()
    found = (await house.jobs.list_jobs("active_agent"))[0]
    assert (found.name, found.payload, found.description) == ("morning", payload, "On working days")
    assert found.next_run_time is not None
    assert (found.next_run_time.hour, found.next_run_time.minute) == (8, 30)
    assert len(await house.jobs.list_jobs()) == 1
    await house.jobs.delete_job(found.job_id)
    await house.restart()
    assert await house.jobs.list_jobs() == []
    with pytest.raises(NotFound):
        await house.jobs.update_job(found.job_id, name="x")


async def test_what_was_to_run_while_the_server_was_off_runs_once_it_is_back(house: House) -> None:
    payload = {"session": UMO, "note": "The tea is ready"}
    soon = datetime.now(UTC) + timedelta(hours=1)
    made = await house.jobs.add_active_job(name="tea", cron_expression=None, payload=payload, run_at=soon)
    assert made.run_once
    house.jobs.close()
    record = await house.records.get(made.job_id)
    assert record is not None
    await house.records.put(Job(**{**_fields(record), "run_at": (soon - timedelta(hours=2)).isoformat()}))
    await house.restart()
    async with asyncio.timeout(60):
        assert await house.said.get() == (UMO, "The tea is ready")

    async def gone() -> bool:
        return not await house.jobs.list_jobs() and not await house.records.all()

    await house.until(gone)


async def test_a_job_that_fails_says_why_and_is_kept(house: House) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    job = await house.jobs.add_active_job(
        name="b", cron_expression="* * * * *", payload={"session": UMO, "note": "broken"}
    )
    await house.jobs._run_once(job)
    assert job.last_error == "no model"
    nowhere = await house.jobs.add_active_job(name="n", cron_expression=None, payload={"note": "x"}, run_at=at)
    await house.jobs._run_once(nowhere)
    assert nowhere.last_error is not None
    assert "names no session" in nowhere.last_error
    await house.restart()
    assert [(one.name, one.last_error) for one in await house.jobs.list_jobs()] == [("b", "no model")]


async def test_a_stored_schedule_that_is_none_does_not_keep_the_others_from_running(house: House) -> None:
    await house.records.put(Job(job_id="bad", name="bad", cron_expression="never"))
    await house.records.put(Job(job_id="good", name="good", cron_expression="* * * * *"))
    await house.restart()
    bad, good = sorted(await house.jobs.list_jobs(), key=lambda job: job.name)
    assert bad.last_error is not None
    assert good.next_run_time is not None


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "* * * * 5-2", "x y z a b"])
async def test_schedules_that_are_none_are_refused(house: House, expression: str) -> None:
    with pytest.raises(BadRequest, match="The schedule of 'a' is not valid"):
        await house.jobs.add_basic_job(name="a", cron_expression=expression, handler=print)
    with pytest.raises(BadRequest):
        await house.jobs.add_basic_job(name="a", cron_expression="* * * * *", handler=print, timezone="Mars/Crater")
    assert await house.jobs.list_jobs() == []


@pytest.mark.parametrize(
    ("field", "names"),
    [
        *(("*", "*"), ("0", "sun"), ("7", "sun"), ("0,6", "sun,sat"), ("mon-fri", "mon-fri"), ("MON,3", "mon,wed")),
        *(("1-5", "mon,tue,wed,thu,fri"), ("5-7", "fri,sat,sun"), ("*/2", "sun,tue,thu,sat"), ("1-5/2", "mon,wed,fri")),
    ],
)
def test_weekdays_count_from_sunday_as_in_crontab(field: str, names: str) -> None:
    assert named_weekdays(field) == names


def test_a_sunday_job_runs_on_sunday() -> None:
    trigger = trigger_of("s", "0 9 * * 0", None, "UTC")
    assert trigger.get_next_fire_time(None, datetime(2026, 11, 20, tzinfo=UTC)) == datetime(2026, 11, 22, 9, tzinfo=UTC)


def _fields(record: Job) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}
