"""The rows of the benchmark: each measures one property of a running server and gives its figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import msgspec

from astrbot_like.bench import load as loads
from astrbot_like.bench.figures import Figure, milliseconds, percentile
from astrbot_like.bench.processes import BotServer, EchoServer, Process
from astrbot_like.bench.talker import FRAME_BYTES, Load, Result, Target, spread

KIB = 1024


class Scale(msgspec.Struct, frozen=True):
    """How much is measured.

    Attributes:
        turns: Turns of each session where turns are counted.
        seconds: How long a load lasts.
        client_steps, server_steps: Numbers of conversations that are tried, with the client's and the server's turn
            detection.
        idle: Connections whose memory is measured.
    """

    turns: int = 40
    seconds: float = 12.0
    client_steps: tuple[int, ...] = (40, 80, 120, 140, 160)
    server_steps: tuple[int, ...] = (20, 40, 60, 80)
    idle: int = 500
    starts: int = 5


QUICK = Scale(turns=8, seconds=4.0, client_steps=(40, 120), server_steps=(20, 60), idle=100, starts=2)


class Bench(msgspec.Struct):
    """What the rows share.

    Attributes:
        target: The server under test.
        server: Its process, when it is ours.
        core: Cores of a server.
        cores: Cores of the load.
        speech: Real speech, for rows that need a voice.
    """

    target: Target
    server: BotServer | None
    core: set[int]
    cores: set[int]
    speech: bytes
    scale: Scale = Scale()

    def run(self, what: Callable[[Load], Result], **options: object) -> Result:
        """Spread a load over the cores."""
        return spread(what, Load(target=self.target, **options), self.cores)  # type: ignore[arg-type]

    def cpu(self) -> float:
        """CPU seconds the server has used."""
        return self.server.process.usage().cpu if self.server else float("nan")


def wrong(result: Result) -> str:
    """What went wrong, for a figure's note."""
    return f"; {len(result.wrong)} wrong, first: {result.wrong[0]}" if result.wrong else ""


def first_audio(bench: Bench) -> list[Figure]:
    """End of input to the first audio, ten sessions."""
    bench.run(loads.voice_turns, sessions=10, turns=3)
    result = bench.run(loads.voice_turns, sessions=10, turns=bench.scale.turns, pause=1.0, realtime=True)
    note = f"{len(result.latencies)} turns{wrong(result)}"
    return [
        Figure(
            "first audio", "end of input → first audio, 10 sessions, p50", milliseconds(result.latencies, 0.5), "ms", 3
        ),
        Figure("first audio", "… p99", milliseconds(result.latencies, 0.99), "ms", 10, note=note),
    ]


def deltas(bench: Bench) -> list[Figure]:
    """Model delta to the client's frame."""
    result = bench.run(loads.stamped_deltas, sessions=5, turns=max(2, bench.scale.turns // 4), model="stamped-100-5")
    note = f"{len(result.latencies)} deltas{wrong(result)}"
    return [
        Figure("deltas", "model delta → bot_delta_chunk, p50", milliseconds(result.latencies, 0.5), "ms", 1),
        Figure("deltas", "… p99", milliseconds(result.latencies, 0.99), "ms", 5, note=note),
    ]


def interruption(bench: Bench) -> list[Figure]:
    """``interrupt`` to ``stop_play``, and nothing of the turn after it."""
    one = bench.run(loads.interrupts, sessions=1, turns=bench.scale.turns, model="endless")
    many = bench.run(loads.interrupts, sessions=30, turns=max(3, bench.scale.turns // 4), model="endless")
    stale = sum("after stop_play" in text for text in one.wrong + many.wrong)
    return [
        Figure("interrupt", "interrupt → stop_play, 1 session, p99", milliseconds(one.latencies, 0.99), "ms", 10),
        Figure(
            *("interrupt", "… 30 sessions, p99", milliseconds(many.latencies, 0.99), "ms", 20),
            note=f"{len(many.latencies)} interruptions{wrong(many)}",
        ),
        Figure("interrupt", "frames of a turn after its stop_play", stale, "frames", 0),
    ]


def _steps(bench: Bench, steps: tuple[int, ...], *, detection: bool, must: int) -> list[Figure]:
    best, figures = 0, []
    name = "server" if detection else "client"
    for sessions in steps:
        before, began = bench.cpu(), time.perf_counter()
        result = bench.run(
            loads.voice_turns,
            sessions=sessions,
            seconds=bench.scale.seconds,
            model="talk-1",
            speech=bench.speech,
            realtime=True,
            server_detection=detection,
            pause=0.5,
        )
        p95 = milliseconds(result.latencies, 0.95)
        busy = (bench.cpu() - before) / (time.perf_counter() - began)
        note = (
            f"p50 {milliseconds(result.latencies, 0.5):.1f} ms, {result.count} turns, server CPU {busy:.0%}, "
            f"generator late p99 {milliseconds(result.late, 0.99):.1f} ms, its CPU {result.cpu:.0%}{wrong(result)}"
        )
        figures.append(
            Figure("conversations", f"{sessions} conversations, {name} detection, p95", p95, "ms", note=note)
        )
        if p95 <= 100 and not result.wrong:
            best = sessions
        elif sessions > must:
            break
    figures.append(
        Figure(
            *("conversations", f"conversations on one core, {name} detection, p95 ≤ 100 ms", best, "sessions", must),
            sense="at least",
            note=f"steps {', '.join(map(str, steps))}",
        )
    )
    return figures


def conversations(bench: Bench) -> list[Figure]:
    """How many people can talk at once."""
    return [
        *_steps(bench, bench.scale.client_steps, detection=False, must=120),
        *_steps(bench, bench.scale.server_steps, detection=True, must=60),
    ]


def audio_frame(bench: Bench) -> list[Figure]:
    """Server CPU for an inbound frame, against an echo on the same server."""
    if bench.server is None:
        return []
    options = {"sessions": 20, "seconds": bench.scale.seconds, "realtime": True, "speech": bytes(FRAME_BYTES * 100)}
    with EchoServer(bench.core) as echo:
        spread(loads.echoed, Load(target=Target(echo.url, ""), **{**options, "seconds": 1.0}), bench.cores)
        before = echo.process.usage().cpu
        result = spread(loads.echoed, Load(target=Target(echo.url, ""), **options), bench.cores)
        echo_cost = (echo.process.usage().cpu - before) / result.count
    bench.run(loads.uplink, **{**options, "seconds": 1.0})
    before = bench.cpu()
    result = bench.run(loads.uplink, **options)
    cost = (bench.cpu() - before) / result.count
    return [
        Figure("audio frame", "server CPU for an echoed frame, bare Quart", echo_cost * 1e6, "µs"),
        Figure("audio frame", "server CPU for an inbound audio frame", cost * 1e6, "µs", note=f"{result.count} frames"),
        Figure("audio frame", "ratio", cost / echo_cost, "×", 1.5),
    ]


def memory(bench: Bench) -> list[Figure]:
    """Bytes of an idle connection and of a talking session, each on a fresh server: freed memory would hide them."""
    if bench.server is None:
        return []
    talking = {"model": "talk-1", "realtime": True, "speech": bench.speech}
    return [
        _memory_of(bench, "idle connection", loads.idle, bench.scale.idle, 56, {}),
        _memory_of(bench, "talking session", loads.voice_turns, 50, 300, talking),
    ]


def _memory_of(
    bench: Bench, name: str, what: Callable[[Load], Result], count: int, must: int, options: dict[str, Any]
) -> Figure:
    from concurrent.futures import ThreadPoolExecutor

    with BotServer(core=bench.core) as server, ThreadPoolExecutor(1) as background:
        target = Target(server.url, server.api_key())
        # What is made once for all (engines, caches, database connections) is not a session's.
        spread(what, Load(target=target, sessions=5, seconds=1.0, **options), bench.cores)
        before = most = server.process.usage().resident
        load = Load(target=target, sessions=count, seconds=8.0, **options)
        running = background.submit(spread, what, load, bench.cores)
        while not running.done():
            most = max(most, server.process.usage().resident)
            time.sleep(0.05)
        note = f"{count} at once{wrong(running.result())}"
    return Figure("memory", f"memory of one {name}", (most - before) / count / KIB, "KiB", must, note=note)


def chat(bench: Bench) -> list[Figure]:
    """Chat turns with durable messages."""
    bench.run(loads.chat_turns, sessions=20, seconds=1.0)
    result = bench.run(loads.chat_turns, sessions=20, seconds=bench.scale.seconds)
    note = f"p99 {milliseconds(result.latencies, 0.99):.0f} ms with 80 in flight{wrong(result)}"
    return [
        Figure(
            *("chat", "chat turns per second, durable", result.count / result.seconds, "turns/s", 300),
            sense="at least",
            note=note,
        )
    ]


def start(bench: Bench) -> list[Figure]:
    """Process start to the first HTTP answer, embedded default."""
    if bench.server is None:
        return []
    times: list[float] = []
    for _ in range(bench.scale.starts):
        with BotServer(mock=False, core=None) as server:
            times.append(server.first_answer)
    # The first start of a data directory also makes the database and the admin account.
    return [Figure("start", "process start → first HTTP answer, new data directory", median(times), "s", 0.7)]


def capacity(bench: Bench) -> list[Figure]:
    """Over capacity: a clear refusal, and the admitted are served as before."""
    if bench.server is None:
        return []
    limit = 60
    with BotServer(max_live_sessions=limit, core=bench.core) as server:
        target = Target(server.url, server.api_key())
        load = Load(
            target=target,
            sessions=limit + 20,
            seconds=bench.scale.seconds / 2,
            model="talk-1",
            speech=bench.speech,
            realtime=True,
        )
        result = spread(loads.voice_turns, load, bench.cores)
    return [
        Figure("capacity", f"{limit + 20} ask where {limit} fit: refused", result.refused, "sessions", 20, "at least"),
        Figure(
            *("capacity", "… first audio of the admitted, p95", milliseconds(result.latencies, 0.95), "ms", 100),
            note=f"{result.count} turns{wrong(result)}",
        ),
    ]


def flat(bench: Bench) -> list[Figure]:
    """What a chat turn costs with a thousand idle connections beside it."""
    if bench.server is None:
        return []
    from concurrent.futures import ThreadPoolExecutor

    def cost() -> float:
        before = bench.cpu()
        result = bench.run(loads.chat_turns, sessions=4, seconds=bench.scale.seconds / 2)
        return (bench.cpu() - before) / max(1, result.count)

    alone = cost()
    with ThreadPoolExecutor(1) as background:
        running = background.submit(
            lambda: bench.run(loads.idle, sessions=2 * bench.scale.idle, seconds=bench.scale.seconds / 2 + 8)
        )
        time.sleep(5)
        crowded = cost()
        running.result()
    return [
        Figure("flat", "CPU of a chat turn", alone * 1000, "ms"),
        Figure("flat", f"… beside {2 * bench.scale.idle} idle connections, ratio", crowded / alone, "×", 1.25),
    ]


ROWS: dict[str, Callable[[Bench], list[Figure]]] = {
    "first-audio": first_audio,
    "deltas": deltas,
    "interrupt": interruption,
    "conversations": conversations,
    "audio-frame": audio_frame,
    "memory": memory,
    "chat": chat,
    "start": start,
    "capacity": capacity,
    "flat": flat,
}

__all__ = ["QUICK", "ROWS", "Bench", "Process", "Scale", "percentile"]
