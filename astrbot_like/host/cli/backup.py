"""``astrbot-like backup``: make, list, check and restore backups of the data directory.

A backup can be made while the server runs. It holds everything, secrets included: guard it as a password.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.host.cli.common import add_data_options, settings_of
from astrbot_like.host.cli.data import confirm, table, with_stores

if TYPE_CHECKING:
    from astrbot_like.host.stores import Stores
    from astrbot_like.operations.backups import BackupInfo

MIB = 1024 * 1024


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "backup", help="make, list, check and restore backups", description=__doc__
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a backup, and print where it is")
    create.add_argument("--output", type=Path, metavar="FILE", help="where to (default: DATA/backups/…zip)")
    create.add_argument("--no-plugins", action="store_true", help="leave installed plugins out")
    create.set_defaults(action=_create)
    actions.add_parser("list", help="show the backups in the data directory").set_defaults(action=_list)
    verify = actions.add_parser("verify", help="check a backup without restoring it")
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.set_defaults(action=_verify)
    restore = actions.add_parser("restore", help="put a backup in the place of the data; what was there is kept")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument("--yes", action="store_true", help="do not ask")
    restore.set_defaults(action=_restore)
    for action_parser in set(actions.choices.values()):
        add_data_options(action_parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    return arguments.action(arguments)


def _create(arguments: argparse.Namespace) -> int:
    from astrbot_like.operations.backups import Backups

    async def work(stores: Stores) -> Path:
        target = arguments.output.resolve() if arguments.output else None
        path, _ = await Backups(stores.data, stores.database).create(
            target, plugins=not arguments.no_plugins, progress=_show_progress()
        )
        return path

    print(with_stores(arguments, work))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from astrbot_like.operations.backups import Backups

    async def work(stores: Stores) -> list[BackupInfo]:
        return await Backups(stores.data, stores.database).all()

    rows = [("FILE", "MADE", "SIZE", "FILES", "VERSION")]
    rows += [
        (info.name, info.created_at, f"{info.size / MIB:.1f} MiB", str(info.files), info.version)
        for info in with_stores(arguments, work)
    ]
    print(table(rows))
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    """Unpack it as a restore would, into a folder that is deleted."""
    from tempfile import TemporaryDirectory

    from astrbot_like.operations.backups import Backups

    with TemporaryDirectory(prefix="astrbot-like-") as scratch:
        info = asyncio.run(Backups(Path(scratch), None).restore(arguments.file, progress=_show_progress()))
    print(f"The backup is whole: {info.files} files, made {info.created_at} by version {info.version}.")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from astrbot_like.operations.backups import Backups, apply_restore
    from astrbot_like.storage.lock import DirectoryLock

    data = Path(settings_of(arguments).server.data_dir).resolve()
    if not confirm(f"Replace what is in {data} by the backup?", yes=arguments.yes):
        return 1
    asyncio.run(Backups(data, None).restore(arguments.file, progress=_show_progress()))
    lock = DirectoryLock(data)
    if lock.is_held():
        print("The backup is checked and laid ready. Restart the server: it restores it when it starts.")
        return 0
    lock.acquire()
    try:
        kept = apply_restore(data)
    finally:
        lock.release()
    print(f"Restored. What was there before is kept in {kept}.")
    return 0


def _show_progress() -> Any:
    if not sys.stderr.isatty():
        return None
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if percent != shown:
            shown = percent
            print(f"\r{percent:3d} %", end="\n" if percent == 100 else "", file=sys.stderr, flush=True)

    return show
