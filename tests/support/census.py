"""What a process holds: tasks, descriptors, temporary files, memory. A soak compares two of these.

Memory is told in two ways. ``blocks`` are those of Python's allocator that are in use: they tell a leak of objects from
memory that was freed and that the allocators keep. ``anonymous`` is what the process takes of the machine, native
libraries included, without mapped files, which the kernel can take back.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec


class Census(msgspec.Struct, frozen=True):
    """Counts at one moment.

    Attributes:
        files: Temporary ones.
        blocks: Of Python's allocator, in use.
        anonymous: Bytes of resident memory that no file stands behind.
    """

    tasks: int
    descriptors: int
    sockets: int
    files: int
    blocks: int
    anonymous: int


def count(data: Path) -> Census:
    """Count this process and the temporary files of a data directory."""
    gc.collect()
    opened = open_descriptors()
    return Census(
        tasks=len(asyncio.all_tasks()),
        descriptors=len(opened),
        sockets=sum(name.startswith("socket:") for name in opened),
        files=sum(len(files) for _, _, files in os.walk(data / "temp")),
        blocks=sys.getallocatedblocks(),
        anonymous=anonymous_memory(),
    )


def anonymous_memory() -> int:
    """Bytes of this process's resident memory that no file stands behind."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def task_names() -> Counter[str]:
    """Names of the tasks that are there, for the message of a test that finds too many."""
    return Counter(task.get_name().rstrip("0123456789-abcdef ") for task in asyncio.all_tasks())


def open_descriptors() -> list[str]:
    """What the descriptors of this process stand for, for the message of a test that finds too many."""
    found: list[str] = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue  # closed meanwhile
    return sorted(found)


async def settle(condition: Callable[[], object], seconds: float = 60.0) -> bool:
    """Wait until ``condition`` holds; False when it does not in time."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
    return True
