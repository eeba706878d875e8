"""``python -m astrbot_like`` is the ``astrbot-like`` command."""

import sys

from astrbot_like.host.cli import main

if __name__ == "__main__":
    sys.exit(main())
