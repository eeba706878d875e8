"""The service's models: https://ai.google.dev/api/models#method:-models.list."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from astrbot_like.api.kit.http import HttpService


class Model(msgspec.Struct, rename="camel"):
    """One model and what it can do."""

    name: str
    supported_generation_methods: list[str] = []


class Models(msgspec.Struct):
    """The answer."""

    models: list[Model]


async def listed_models(http: HttpService, version: str, headers: Mapping[str, str], *methods: str) -> list[str]:
    """Names of the models that know one of these methods, sorted.

    Raises:
        ServiceError: The service failed.
    """
    data = await http.bytes("GET", f"/{version}/models", headers=headers, params={"pageSize": "1000"})
    found = http.blame.decoded(msgspec.json.Decoder(Models), data, "no list of models").models
    able = (model.name for model in found if set(methods) & set(model.supported_generation_methods))
    return sorted(name.removeprefix("models/") for name in able)
