"""A process that stores messages as fast as it can and prints the id of each once it is acknowledged.

Usage: ``python -m tests.support.storing_process DIRECTORY``; it runs until it is killed.
"""

import asyncio
import sys
from pathlib import Path

from tests.support.stores import open_stores, user_message


async def main(directory: Path) -> None:
    async with open_stores(directory) as stores:
        sessions = [await stores.sessions.open(None, username=f"u{n}") for n in range(20)]

        async def talk(session):
            n = 0
            while True:
                stored = await stores.history.append(user_message(session, f"message {n}"))
                sys.stdout.write(f"{stored.id} {session.session_id} {n}\n")
                sys.stdout.flush()
                n += 1

        async with asyncio.TaskGroup() as group:
            for session in sessions:
                group.create_task(talk(session))


asyncio.run(main(Path(sys.argv[1])))
