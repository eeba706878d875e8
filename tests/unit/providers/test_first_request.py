"""The first request to a service finds its library imported, and not by the event loop."""

import subprocess
import sys

SCRIPT = """
import asyncio, sys, threading
seen = []

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "aiohttp":
            seen.append(threading.current_thread() is threading.main_thread())
        return None

sys.meta_path.insert(0, Finder())
from astrbot_like.api.kit.errors import Blame
from astrbot_like.api.kit.http import HttpService

async def main():
    service = HttpService("http://127.0.0.1:1", Blame("p", "p"), timeout=5.0)
    assert not seen, "imported before it is needed"
    try:
        async with service.websocket("/"):
            pass
    except Exception as error:
        print(type(error).__name__)
    await service.aclose()

asyncio.run(main())
print("on the loop" if True in seen else "beside the loop" if seen else "never")
"""


def test_the_http_library_is_imported_beside_the_event_loop():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1:] == ["beside the loop"], done.stdout + done.stderr
