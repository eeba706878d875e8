"""Uploads and downloads over a real socket: constant memory, and refusals that a client gets to read."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.runtime.metrics import resident_memory
from tests.support.admin_house import AdminHouse
from tests.support.served import Served

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
