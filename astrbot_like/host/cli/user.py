"""``astrbot-like user``: accounts that may sign in to the dashboard; works beside a running server."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING, Any

from astrbot_like.host.cli.common import add_data_options
from astrbot_like.host.cli.data import confirm, table, with_stores

if TYPE_CHECKING:
    from astrbot_like.domain.accounts import Account
    from astrbot_like.host.stores import Stores


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "user", help="accounts that may sign in to the dashboard", description=__doc__
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("list", help="show all accounts").set_defaults(action=_list)
    set_password = actions.add_parser("set-password", help="set a password, unlock the account and end its sign-ins")
    set_password.set_defaults(action=_set_password)
    add_user = actions.add_parser("add", help="make an account")
    add_user.set_defaults(action=_add)
    for named in (set_password, add_user):
        named.add_argument("name", metavar="NAME")
        named.add_argument("--random", action="store_true", help="make a password up and print it")
        named.add_argument(
            "--password-stdin", action="store_true", help="read the password from the first line of standard input"
        )
    delete = actions.add_parser("delete", help="delete an account")
    delete.add_argument("name", metavar="NAME")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.set_defaults(action=_delete)
    actions.add_parser(
        "sign-out-all", help="replace the secret that signs tokens: everybody signs in again"
    ).set_defaults(action=_sign_out_all)
    for action_parser in set(actions.choices.values()):
        add_data_options(action_parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    return arguments.action(arguments)


def _list(arguments: argparse.Namespace) -> int:
    async def work(stores: Stores) -> list[Account]:
        return await stores.accounts.all()

    rows = [("NAME", "SINCE", "PASSWORD")]
    rows += [
        (account.username, account.created_at, "to be changed" if account.must_change_password else "set")
        for account in with_stores(arguments, work)
    ]
    print(table(rows))
    return 0


def _set_password(arguments: argparse.Namespace) -> int:
    password = _password(arguments)

    async def work(stores: Stores) -> None:
        await stores.accounts.set_password(arguments.name, password)

    with_stores(arguments, work)
    print(f"The password of {arguments.name} is set; every sign-in of that account has ended.")
    return 0


def _add(arguments: argparse.Namespace) -> int:
    password = _password(arguments)

    async def work(stores: Stores) -> None:
        await stores.accounts.add(arguments.name, password)

    with_stores(arguments, work, make=True)
    print(f"The account {arguments.name} is made; its owner is asked to change the password.")
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    if not confirm(f"Delete the account {arguments.name}?", yes=arguments.yes):
        return 1

    async def work(stores: Stores) -> None:
        await stores.accounts.delete(arguments.name)

    with_stores(arguments, work)
    print(f"The account {arguments.name} is deleted.")
    return 0


def _sign_out_all(arguments: argparse.Namespace) -> int:
    async def work(stores: Stores) -> None:
        await stores.accounts.rotate_signing_secret()

    with_stores(arguments, work)
    print("Every sign-in of every account has ended.")
    return 0


def _password(arguments: argparse.Namespace) -> str:
    """From the terminal (twice), from standard input, or made up; never from an argument, which other users see."""
    from astrbot_like.domain.errors import BadRequest
    from astrbot_like.operations.passwords import random_password

    if arguments.random:
        made = random_password()
        print(f"Password: {made}")
        return made
    if arguments.password_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("New password: ")
    if first != getpass.getpass("Once more: "):
        raise BadRequest("The two passwords differ. Nothing was changed.")
    return first
