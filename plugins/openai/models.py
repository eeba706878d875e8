"""The models of a server: https://platform.openai.com/docs/api-reference/models/list."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from astrbot_like.api.kit.http import HttpService


class Model(msgspec.Struct):
    """One model."""

    id: str


class Models(msgspec.Struct):
    """The answer."""

    data: list[Model]


async def listed_models(http: HttpService, address: str, headers: Mapping[str, str]) -> list[str]:
    """Names of the server's models, sorted; the interface does not tell what each of them is for.

    Raises:
        ServiceError: The server failed.
    """
    data = await http.bytes("GET", address, headers=headers)
    found = http.blame.decoded(msgspec.json.Decoder(Models), data, "no list of models")
    return sorted(model.id for model in found.data)
