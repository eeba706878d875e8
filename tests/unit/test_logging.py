"""Log lines carry their context and no secret; watchers never hold anybody up."""

import asyncio
import io
import json
import logging
import threading

import pytest

from astrbot_like.runtime.logging import (
    LONGEST_VALUE,
    WATCHER_LIMIT,
    LogBus,
    LogFilter,
    add_log_context,
    format_json,
    format_logfmt,
)


@pytest.fixture
def logger_and_bus():
    stream = io.StringIO()
    bus = LogBus(stream, "json")
    logger = logging.Logger("astrbot_like.test")
    logger.addHandler(bus)
    return logger, bus, stream


async def test_a_line_is_one_json_object_with_fields_and_turn(logger_and_bus):
    logger, _, stream = logger_and_bus
    add_log_context(turn_id="t1", session_id="s1")
    await asyncio.create_task(_log_in_task(logger))
    line = json.loads(stream.getvalue())
    assert line["msg"] == "provider answered"
    assert line["turn_id"] == "t1"
    assert line["session_id"] == "s1"
    assert line["seconds"] == 0.5
    assert stream.getvalue().count("\n") == 1


async def _log_in_task(logger: logging.Logger) -> None:
    logger.info("provider answered", extra={"seconds": 0.5})


def test_secrets_are_masked_in_messages_fields_and_tracebacks(logger_and_bus):
    logger, bus, stream = logger_and_bus
    key = "abk_" + "x" * 43
    try:
        raise ValueError(f"GET /api/v1/file?api_key={key}")
    except ValueError:
        logger.exception("request failed with %s", f"Bearer {key}", extra={"url": f"http://h/?key={key}"})
    assert key not in stream.getvalue()
    line = bus.history()[0]
    assert key not in line.message + line.error + str(line.fields)
    assert "ValueError" in line.error


def test_history_is_bounded_and_filtered():
    bus = LogBus(limit=10)
    logger = logging.Logger("x")
    logger.addHandler(bus)
    for number in range(20):
        logger.log(
            logging.ERROR if number % 2 else logging.INFO, "line", extra={"plugin": f"p{number % 4}", "n": number}
        )
    assert len(bus.history()) == 10
    assert [line.fields["n"] for line in bus.history(LogFilter(level="ERROR"))] == [11, 13, 15, 17, 19]
    assert [line.fields["n"] for line in bus.history(LogFilter(plugin="p1"))] == [13, 17]
    newest = bus.history(limit=2)
    assert [line.fields["n"] for line in bus.history(before=newest[0].id, limit=2)] == [16, 17]


async def test_watchers_get_lines_from_other_threads(logger_and_bus):
    logger, bus, _ = logger_and_bus
    watcher = bus.watch(LogFilter(level="WARNING"))
    thread = threading.Thread(target=lambda: (logger.info("small"), logger.warning("big")))
    thread.start()
    async with asyncio.timeout(60):
        line = await anext(aiter(watcher))
    thread.join()
    watcher.close()
    assert line.message == "big"


async def test_a_watcher_that_does_not_read_loses_the_oldest_lines(logger_and_bus):
    logger, bus, _ = logger_and_bus
    watcher = bus.watch()
    for number in range(WATCHER_LIMIT + 5):
        logger.info("line", extra={"n": number})
    assert watcher.dropped == 5
    assert (await anext(aiter(watcher))).fields["n"] == 5
    watcher.close()
    logger.info("after the end")
    assert watcher.dropped == 5


def test_logfmt_quotes_what_needs_it(logger_and_bus):
    logger, bus, _ = logger_and_bus
    logger.info("saved", extra={"file": 'a "b"\nc', "size": 3})
    text = format_logfmt(bus.history()[0])
    assert "\n" not in text
    assert 'file="a \\"b\\"\\nc" size=3' in text


@pytest.mark.parametrize("evil", ["\n", "\r", "\r\n", "\x1b[2J", "\x9b2J", "\u2028", "\u202e", "\x00", "\x85"])
def test_no_text_ends_its_line_or_drives_a_terminal(logger_and_bus, evil: str):
    logger, bus, _ = logger_and_bus
    forged = f"bob{evil}2026-01-01T00:00:00.000Z INFO x: signed in"
    logger.info("said %s", forged, extra={"name_given": forged, "bare": f"a{evil}b"})
    [line] = bus.history()
    plain, data = format_logfmt(line), format_json(line)
    for text in (plain, data):
        assert len(text.splitlines()) == 1
        assert not any(char in text for char in evil if char not in "[2J")
    assert json.loads(data)["name_given"] == forged


def test_endless_texts_are_cut_before_they_are_looked_through(logger_and_bus):
    logger, bus, _ = logger_and_bus
    logger.info("x" * 50_000_000, extra={"body": "y" * 50_000_000})
    [line] = bus.history()
    assert len(line.message) == len(line.fields["body"]) == LONGEST_VALUE
