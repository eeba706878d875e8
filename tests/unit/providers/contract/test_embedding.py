"""What every service that embeds texts must do."""

from __future__ import annotations

import asyncio

import pytest

from astrbot_like.api.kit.errors import ServiceError
from tests.unit.providers.contract.button import check_button
from tests.unit.providers.contract.checks import DEADLINE, check_failure, wait_until
from tests.unit.providers.contract.embedding_rows import EMBEDDERS
from tests.unit.providers.contract.subjects import Fault, Running, each, each_fault


@each(EMBEDDERS, "text")
async def test_vectors_come_in_the_order_of_the_texts(running: Running) -> None:
    texts = ["x" * length for length in range(1, 701)]  # more than one request takes
    expected = [running.subject.expected(text) for text in texts]
    assert await running.provider.get_embeddings(texts) == expected
    assert await running.provider.get_embedding("abc") == running.subject.expected("abc")
    assert await running.provider.get_embeddings([]) == []
    assert running.provider.get_dim() == 4


@each(EMBEDDERS, "cancel")
async def test_leaving_stops_the_service(running: Running) -> None:
    running.service.meet(Fault.SILENCE)
    task = asyncio.create_task(running.provider.get_embedding("hello"))
    async with asyncio.timeout(DEADLINE):
        await wait_until(lambda: running.service.under_way == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_until(lambda: running.service.aborted == 1)


@each_fault(EMBEDDERS)
async def test_failures_are_coded_and_say_what_to_do(running: Running, fault: Fault) -> None:
    async with running.failing(fault) as provider:
        with pytest.raises(ServiceError) as caught:
            await provider.get_embedding("hello")
    check_failure(running, fault, caught.value)


@each(EMBEDDERS, "test button")
async def test_the_button(running: Running) -> None:
    assert "4 dimensions" in (await check_button(running)).answer


@each(EMBEDDERS, "listing")
async def test_models_are_listed(running: Running) -> None:
    models = await running.provider.get_models()
    assert models
    assert models == sorted(models)
