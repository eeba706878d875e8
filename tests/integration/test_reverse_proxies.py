"""The examples of ``deploy/`` with the real nginx and Caddy: voice, streams, uploads and addresses through TLS."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import websockets

from tests.support.applications import PASSWORD, USERNAME
from tests.support.census import settle
from tests.support.frames import read_sse
from tests.support.houses import House, scripted_house
from tests.support.live_client import CheckedSocket
from tests.support.ports import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
MIB = 1024 * 1024
CLIENT = "127.0.0.2"
"""Where the clients come from: this machine too, but not the proxy's address."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return paths


def nginx(folder: Path, port: int, upstream: str) -> list[str]:
    """The example with our port, certificate and server in it; returns the command."""
    cert, key = certificate(folder)
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl").replace("bot.example.org", "localhost")
    site = re.sub(r"ssl_certificate .*;", f"ssl_certificate {cert};", site)
    site = re.sub(r"ssl_certificate_key .*;", f"ssl_certificate_key {key};", site)
    site = site.replace("http://127.0.0.1:6185", upstream)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {paths}\n{site}\n}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, upstream: str) -> list[str]:
    """The example with our port, certificate and server in it; returns the command."""
    cert, key = certificate(folder)
    site = (DEPLOY / "Caddyfile").read_text("utf-8")
    site = site.replace("bot.example.org {", f"https://localhost:{port} {{\n\ttls {cert} {key}")
    site = site.replace("127.0.0.1:6185", upstream.removeprefix("http://"))
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n{site}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES = {"nginx": nginx, "caddy": caddy}


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[None]:
    """A program for as long as the test runs."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


class Proxied:
    """A house behind a proxy."""

    def __init__(self, house: House, port: int) -> None:
        self.house = house
        self.origin = f"https://localhost:{port}"
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    @asynccontextmanager
    async def http(self, address: str = CLIENT, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A client at an address of its own."""
        connector = aiohttp.TCPConnector(ssl=self.tls, local_addr=(address, 0), family=socket.AF_INET)
        async with aiohttp.ClientSession(self.origin, connector=connector, headers=headers) as session:
            yield session

    def socket(self, path: str, origin: str | None = None, **query: str) -> Any:
        """A WebSocket as a browser opens it from a page of ``origin``."""
        url = self.house.ws(path, **query).replace(self.house.url.replace("http", "ws", 1), "")
        return websockets.connect(
            self.origin.replace("http", "ws", 1) + url, ssl=self.tls, origin=origin, max_size=None
        )


@pytest.fixture(params=PROXIES)
async def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Proxied]:
    name = request.param
    if shutil.which(name, path="/usr/sbin:/usr/bin:/bin") is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    folder = tmp_path / "proxy"
    folder.mkdir()
    port = free_port()
    chat = {"reply": "one two three four", "gap": 0.2}
    async with scripted_house(tmp_path / "data", chat=chat, dashboard={"trusted_proxies": ["127.0.0.1"]}) as house:
        with running(PROXIES[name](folder, port, house.url), folder):
            proxied = Proxied(house, port)

            def listening() -> bool:
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            assert await settle(listening, 30), (folder / "output").read_text()
            yield proxied


async def test_voice_streams_uploads_and_addresses(proxied: Proxied):
    await voice(proxied)
    await stream(proxied)
    await upload(proxied)
    await addresses(proxied)


async def voice(proxied: Proxied) -> None:
    """A spoken turn from our own page; another page is refused, behind TLS too."""
    async with proxied.socket("/api/live_chat/ws", origin=proxied.origin) as opened:
        client = CheckedSocket(opened, "live")
        await client.speak(b"\1\0" * 3200)
        frames = await client.until("end")
    assert "response" in [frame.get("t") for frame in frames]
    async with proxied.socket("/api/live_chat/ws", origin="https://evil.example") as opened:
        assert (await CheckedSocket(opened, "live").closed())[0] == 1008


async def stream(proxied: Proxied) -> None:
    """Every delta comes when it is made, not at the end."""
    body = {"message": "hello", "username": "ann"}
    async with proxied.http(**{"X-API-Key": proxied.house.key}) as http, http.post("/api/v1/chat", json=body) as answer:
        times = [time.monotonic() async for frame in read_sse(answer.content) if frame["type"] == "plain"]
    assert len(times) >= 4
    assert times[-1] - times[0] > 0.4


async def upload(proxied: Proxied) -> None:
    """A file as large as the server takes; a larger one is refused in words, not cut."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield bytes(MIB)

    async with proxied.http(**{"X-API-Key": proxied.house.key}) as http:
        form = aiohttp.FormData()
        form.add_field("file", pieces(), filename="large.bin")
        async with http.post("/api/v1/file", data=form) as answer:
            assert answer.status == 200, await answer.text()
            attachment = (await answer.json())["data"]["attachment_id"]
        async with http.get("/api/v1/file", params={"attachment_id": attachment}) as answer:
            size = 0
            async for piece in answer.content.iter_any():
                size += len(piece)
    assert size == 100 * MIB


async def addresses(proxied: Proxied) -> None:
    """The client's own address counts, whatever it says of itself."""
    login = {"username": USERNAME, "password": PASSWORD}
    async with proxied.http(**{"X-Forwarded-For": "6.6.6.6"}) as http:
        async with http.post("/api/auth/login", json=login) as answer:
            token = (await answer.json())["data"]["token"]
        async with http.get("/api/auth/sessions", headers={"Authorization": f"Bearer {token}"}) as answer:
            text = await answer.text()
    assert CLIENT in text
    assert "6.6.6.6" not in text


def test_the_unit_of_systemd_is_valid(tmp_path: Path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (DEPLOY / "astrbot-like.service").read_text("utf-8")
    program = tmp_path / "astrbot-like"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "astrbot-like.service").write_text(
        unit.replace("/opt/astrbot-like/.venv/bin/astrbot-like", str(program))
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "astrbot-like.service")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    ours = [line for line in done.stderr.splitlines() if "astrbot-like.service" in line]
    assert not ours, done.stderr
