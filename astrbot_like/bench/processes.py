"""The server under test in a process of its own, pinned to one core, and what the system says of its use."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from astrbot_like.domain.errors import Unavailable

START_DEADLINE = 30.0
STOP_DEADLINE = 15.0
ADMIN = "admin"
PASSWORD = "bench-password-1"

SETTINGS = """
max_live_sessions = {max_live_sessions}

[[providers]]
id = "llm"
type = "bench_llm"
[[providers]]
id = "stt"
type = "bench_stt"
[[providers]]
id = "tts"
type = "bench_tts"

[profiles.default]
llm = ["llm"]
stt = ["stt"]
tts = ["tts"]

[profiles.default.host.platform_settings.rate_limit]
count = 0
"""


class Usage(msgspec.Struct, frozen=True):
    """What a process has used: CPU seconds of all its threads, resident bytes."""

    cpu: float
    resident: int


def usage(pid: int) -> Usage:
    """From ``/proc`` (proc(5)); CPU time has the resolution of the clock tick, usually 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Usage(cpu, pages * os.sysconf("SC_PAGE_SIZE"))


def pin(pid: int, cores: set[int]) -> None:
    """Keep all threads of a process on ``cores``."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def spare_cores() -> tuple[set[int], set[int]]:
    """The core of the server, and the cores of the load."""
    cores = sorted(os.sched_getaffinity(0))
    return {cores[0]}, set(cores[1:] or cores)


class Process:
    """A child that listens; killed at the end if it does not go by itself."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        self.started = time.perf_counter()
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}, cwd=log.parent
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def output(self) -> str:
        """What it printed so far."""
        return self._log.read_text(errors="replace")

    def usage(self) -> Usage:
        """What it has used."""
        return usage(self.pid)

    def stop(self) -> int:
        """SIGTERM, and SIGKILL when it does not end; its exit status."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(STOP_DEADLINE)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        return self.popen.wait()

    def check_alive(self) -> None:
        """Raise when it has ended.

        Raises:
            Unavailable: With the last lines it printed.
        """
        if self.popen.poll() is not None:
            tail = "\n".join(self.output().splitlines()[-15:])
            raise Unavailable(f"The process ended with status {self.popen.returncode}:\n{tail}")


class BotServer:
    """``astrbot-like run`` on a temporary data directory.

    Args:
        mock: With the providers of zero delay; else the embedded default.
        core: Cores it may use; None: all.
    """

    def __init__(
        self, *, mock: bool = True, max_live_sessions: int = 5000, core: set[int] | None = None, settings: str = ""
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="astrbot-like-bench-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        data = self.directory / "data"
        data.mkdir()
        arguments = ["run", "--port", str(self.port), "--data-dir", str(data)]
        if mock:
            self._install_mock(data)
            file = self.directory / "settings.toml"
            file.write_text(SETTINGS.format(max_live_sessions=max_live_sessions) + settings)
            arguments += ["--config", str(file)]
        self.process = Process(
            [sys.executable, "-m", "astrbot_like", *arguments], self._environment(), self.directory / "server.log"
        )
        self.first_answer = self._await_answer()
        if mock:
            self.wait_until_ready()
        if core is not None:
            pin(self.process.pid, core)

    def token(self) -> str:
        """A sign-in token of the administrator."""
        return self._post("/api/auth/login", {"username": ADMIN, "password": PASSWORD})["token"]

    def api_key(self) -> str:
        """A key with all scopes the load needs."""
        body = {"name": "bench", "scopes": ["chat", "file"]}
        return self._post("/api/apikey/create", body, token=self.token())["key"]

    def wait_until_ready(self) -> None:
        """Wait until plugins and providers are loaded."""
        deadline = time.perf_counter() + START_DEADLINE
        while time.perf_counter() < deadline:
            self.process.check_alive()
            try:
                with urlopen(self.url + "/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.02)
        raise Unavailable(f"The server was not ready within {START_DEADLINE:g} s:\n{self.process.output()[-2000:]}")

    def _post(self, path: str, body: dict[str, Any], *, token: str = "") -> dict[str, Any]:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        request = Request(self.url + path, msgspec.json.encode(body), headers)
        with urlopen(request, timeout=10) as answer:
            return msgspec.json.decode(answer.read())["data"]

    def __enter__(self) -> BotServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop it and remove its data."""
        self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        root = Path(__file__).resolve().parent.parent.parent
        path = os.pathsep.join(part for part in (str(root), os.environ.get("PYTHONPATH", "")) if part)
        return {
            "ASTRBOT_LIKE_ADMIN_USERNAME": ADMIN,
            "ASTRBOT_LIKE_ADMIN_PASSWORD": PASSWORD,
            "PYTHONPATH": path,
        }

    @staticmethod
    def _install_mock(data: Path) -> None:
        plugin = data / "plugins" / "bench_providers"
        plugin.mkdir(parents=True)
        shutil.copy(Path(__file__).with_name("mock_providers.py"), plugin / "main.py")
        lines = ["name: bench_providers", "desc: Providers of zero delay.", "version: 1.0.0", "author: astrbot-like"]
        (plugin / "metadata.yaml").write_text("\n".join(lines) + "\n")

    def _await_answer(self) -> float:
        """Seconds from the start of the process to its first HTTP answer."""
        deadline = time.perf_counter() + START_DEADLINE
        while time.perf_counter() < deadline:
            self.process.check_alive()
            try:
                with urlopen(self.url + "/healthz", timeout=2) as answer:
                    answer.read()
                return time.perf_counter() - self.process.started
            except OSError:
                time.sleep(0.002)
        self.process.stop()
        raise Unavailable(f"The server did not answer within {START_DEADLINE:g} s:\n{self.process.output()[-2000:]}")


class EchoServer:
    """The bare Quart echo in a process of its own."""

    def __init__(self, core: set[int] | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="astrbot-like-bench-"))
        root = str(Path(__file__).resolve().parent.parent.parent)
        self.process = Process(
            [sys.executable, "-m", "astrbot_like.bench.echo"], {"PYTHONPATH": root}, self.directory / "echo.log"
        )
        deadline = time.perf_counter() + START_DEADLINE
        while not self.process.output().endswith("\n"):
            self.process.check_alive()
            if time.perf_counter() > deadline:
                raise Unavailable("The echo server did not start.")
            time.sleep(0.01)
        self.url = self.process.output().split()[0]
        if core is not None:
            pin(self.process.pid, core)

    def __enter__(self) -> EchoServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
