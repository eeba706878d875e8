"""Speech through a service of somebody else's that has Azure's voices, as AstrBot's option ``other[{…}]`` names it.

The address is signed with a shared key in the way of content networks' type A (``sign=time-nonce-0-md5``), by the clock
of the service; the answer is a file of sound.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any
from urllib.parse import urlsplit

import msgspec

from astrbot_like.api.kit.errors import Blame
from astrbot_like.api.kit.http import HttpService

PREFIX = "other["


class Account(msgspec.Struct):
    """What stands in ``other[{…}]``."""

    key: str = msgspec.field(name="OTTS_SKEY")
    url: str = msgspec.field(name="OTTS_URL")
    time_url: str = msgspec.field(name="OTTS_AUTH_TIME")


class Clock(msgspec.Struct):
    """What the service says the time is, in seconds since the epoch."""

    timestamp: int


def account_of(key: str, blame: Blame) -> Account:
    """The account in a key of the form ``other[{…}]``.

    Raises:
        ServiceError: It holds no such object.
    """
    try:
        return msgspec.json.decode(key[len(PREFIX) :].rstrip().removesuffix("]"), type=Account)
    except msgspec.DecodeError as error:
        raise blame.missing(
            "OTTS_SKEY, OTTS_URL and OTTS_AUTH_TIME within other[{…}]", "Write them as one JSON object."
        ) from error


async def speech(http: HttpService, account: Account, fields: dict[str, Any]) -> bytes:
    """The file that the service makes of these form fields.

    Raises:
        ServiceError: The service failed.
    """
    from urllib.parse import urlencode

    signed = {"sign": await _signature(http, account)}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "UAK": "AstrBot/AzureTTS"}
    form = urlencode(fields).encode()
    return b"".join([chunk async for chunk in http.sound(account.url, headers=headers, form=form, params=signed)])


async def _signature(http: HttpService, account: Account) -> str:
    try:
        now = msgspec.convert(await http.json("GET", account.time_url), Clock, strict=False).timestamp
    except msgspec.ValidationError as error:
        raise http.blame.nonsense("no time") from error
    nonce = secrets.token_hex(5)
    told = f"{urlsplit(account.url).path or '/'}-{now}-{nonce}-0-{account.key}"
    return f"{now}-{nonce}-0-{hashlib.md5(told.encode(), usedforsecurity=False).hexdigest()}"
