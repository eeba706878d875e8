"""``astrbot-like api-key``: make, list, revoke and delete API keys; works beside a running server."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from astrbot_like.host.cli.common import add_data_options
from astrbot_like.host.cli.data import table, with_stores
from astrbot_like.runtime.clock import iso_utc

if TYPE_CHECKING:
    from astrbot_like.domain.accounts import ApiKey
    from astrbot_like.host.stores import Stores

DAY = 86_400


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "api-key", help="make, list, revoke and delete API keys", description=__doc__
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a key and print it, on the last line, this once")
    create.add_argument("--name", required=True, help="what people know it by")
    create.add_argument(
        "--scope", action="append", default=[], metavar="SCOPE", help="chat, config, file, im or *; may be repeated"
    )
    create.add_argument("--expires-days", type=float, metavar="DAYS", help="end of its life (default: never)")
    create.add_argument("--creator", default="cli", help="whose key it is (default: cli)")
    create.set_defaults(action=_create)
    actions.add_parser("list", help="show all keys").set_defaults(action=_list)
    revoke = actions.add_parser("revoke", help="end a key; it stays in the list")
    delete = actions.add_parser("delete", help="end a key and forget it")
    for named, action in ((revoke, _revoke), (delete, _delete)):
        named.add_argument("key", help="its id, or the prefix that the list shows")
        named.set_defaults(action=action)
    for action_parser in set(actions.choices.values()):
        add_data_options(action_parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    return arguments.action(arguments)


def _create(arguments: argparse.Namespace) -> int:
    async def work(stores: Stores) -> str:
        days = arguments.expires_days
        made = await stores.api_keys.create(
            arguments.name,
            arguments.scope or ["chat"],
            creator=arguments.creator,
            expires_at=None if days is None else time.time() + days * DAY,
        )
        print(f"API key {made.record.name} with scopes {', '.join(made.record.scopes)}; it is shown this once:")
        return made.key

    print(with_stores(arguments, work, make=True))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    async def work(stores: Stores) -> list[ApiKey]:
        return await stores.api_keys.all()

    now = time.time()
    rows = [("ID", "NAME", "PREFIX", "SCOPES", "CREATOR", "EXPIRES", "LAST USE", "STATE")]
    rows += [
        (
            key.key_id,
            key.name,
            key.prefix,
            ",".join(key.scopes),
            key.creator,
            iso_utc(key.expires_at) if key.expires_at else "never",
            iso_utc(key.last_used_at) if key.last_used_at else "never",
            "revoked" if key.revoked_at else "valid" if key.valid_at(now) else "expired",
        )
        for key in with_stores(arguments, work)
    ]
    print(table(rows))
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    async def work(stores: Stores) -> None:
        await stores.api_keys.revoke(await _key_id(stores, arguments.key))

    with_stores(arguments, work)
    print("Revoked. A running server refuses it within seconds.")
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    async def work(stores: Stores) -> None:
        await stores.api_keys.delete(await _key_id(stores, arguments.key))

    with_stores(arguments, work)
    print("Deleted. A running server refuses it within seconds.")
    return 0


async def _key_id(stores: Stores, named: str) -> str:
    from astrbot_like.domain.errors import Conflict, NotFound

    keys = await stores.api_keys.all()
    found = {
        key.key_id for key in keys if named == key.key_id or (len(named) >= 8 and key.prefix.startswith(named[:12]))
    }
    if not found:
        raise NotFound("There is no such API key. 'astrbot-like api-key list' shows all.")
    if len(found) > 1:
        raise Conflict("Several API keys begin like that. Give the id.")
    return found.pop()
