"""Uploads and downloads over a real socket: constant memory, and refusals that a client gets to read."""

from __future__ import annotations

import http.client
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.runtime.metrics import resident_memory
from tests.support.admin_house import AdminHouse
from tests.support.served import Served
from tests.support.server_process import ServerProcess, make_key

MIB = 1024 * 1024
SIZE = 100 * MIB
PIECE = bytes(range(256)) * 256
HEAD = b'--X\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
TAIL = b"\r\n--X--\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, AdminHouse]]:
    served = Served(tmp_path_factory.mktemp("house"), DashboardSettings())
    house = served.start()
    yield served, house
    served.stop()


def pieces(size: int) -> Iterator[bytes]:
    """A form with a file of ``size`` bytes."""
    yield HEAD
    while size > 0:
        yield PIECE[: min(size, len(PIECE))]
        size -= len(PIECE)
    yield TAIL


def send(served: Served, key: str, size: int, *, chunked: bool = False) -> tuple[int, dict]:
    """Upload ``size`` bytes as a client that reads only after it has sent everything."""
    address = urlsplit(served.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    connection.putrequest("POST", "/api/v1/file")
    connection.putheader("X-API-Key", key)
    connection.putheader("Content-Type", "multipart/form-data; boundary=X")
    if chunked:
        connection.putheader("Transfer-Encoding", "chunked")
    else:
        connection.putheader("Content-Length", str(len(HEAD) + size + len(TAIL)))
    connection.endheaders()
    for piece in pieces(size):
        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    if chunked:
        connection.send(b"0\r\n\r\n")
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def test_a_hundred_mebibytes_take_little_memory_up_and_down(served: tuple[Served, AdminHouse]):
    serving, house = served
    key = serving.run(house.key("file"))
    assert send(serving, key, MIB)[0] == 200
    before = resident_memory()
    status, answer = send(serving, key, SIZE)
    assert status == 200
    assert resident_memory() - before < 16 * MIB
    address = urlsplit(serving.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    url = f"/api/v1/file?attachment_id={answer['data']['attachment_id']}"
    connection.request("GET", url, headers={"X-API-Key": key})
    response = connection.getresponse()
    received, same = 0, True
    while piece := response.read(len(PIECE)):
        same = same and piece == PIECE[: len(piece)]
        received += len(piece)
    connection.close()
    assert (received, same) == (SIZE, True)
    assert resident_memory() - before < 16 * MIB


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("size", "key", "status", "code"),
    [(SIZE + 1, None, 413, "TOO_LARGE"), (2 * SIZE, None, 413, "TOO_LARGE"), (SIZE, "abk_none", 401, "UNAUTHORIZED")],
)
def test_refusals_reach_a_client_that_is_still_sending(
    served: tuple[Served, AdminHouse], size: int, key: str | None, status: int, code: str, chunked: bool
):
    serving, house = served
    given, answer = send(serving, key or serving.run(house.key("file")), size, chunked=chunked)
    assert (given, answer["data"]["code"]) == (status, code)


def peak_memory(process: int) -> int:
    """The most memory that a process has had resident, in bytes (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process's memory is Linux's to tell")
async def test_a_server_process_takes_a_hundred_mebibytes_in_constant_memory(tmp_path: Path):
    async with ServerProcess(tmp_path) as server:
        key = await make_key(server.url)
        async with aiohttp.ClientSession(server.url, headers={"X-API-Key": key}) as http:

            async def upload(size: int) -> str:
                headers = {"Content-Type": "multipart/form-data; boundary=X"}
                async with http.post("/api/v1/file", data=apieces(size), headers=headers) as answer:
                    assert answer.status == 200, await answer.text()
                    return (await answer.json())["data"]["attachment_id"]

            async def download(attachment_id: str, **headers: str) -> tuple[int, int]:
                received = 0
                query = {"attachment_id": attachment_id}
                async with http.get("/api/v1/file", params=query, headers=headers) as answer:
                    async for piece in answer.content.iter_chunked(len(PIECE)):
                        received += len(piece)
                    return answer.status, received

            await download(await upload(4 * MIB))
            before = peak_memory(server.pid)
            big = await upload(SIZE)
            assert await download(big) == (200, SIZE)
            assert await download(big, Range="bytes=104857000-") == (206, SIZE - 104857000)
            assert await download(big, Range="bytes=0-99") == (206, 100)
            assert (await download(big, Range=f"bytes={SIZE}-"))[0] == 416
            async with http.head("/api/v1/file", params={"attachment_id": big}) as answer:
                assert (answer.status, answer.content_length) == (200, SIZE)
            grown = peak_memory(server.pid) - before
            print(f"100 MiB up and down took {grown / MIB:.1f} MiB more than 4 MiB did")
            assert grown < 8 * MIB


async def apieces(size: int) -> AsyncIterator[bytes]:
    for piece in pieces(size):
        yield piece
