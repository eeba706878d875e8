"""``astrbot-like plugin``: list, install, update, remove, switch and reload plugins; works beside a running server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.host.cli.common import add_data_options, settings_of
from astrbot_like.host.cli.data import confirm, table, with_stores

if TYPE_CHECKING:
    from astrbot_like.host.stores import Stores
    from astrbot_like.operations.plugin_files import PluginSummary
    from astrbot_like.operations.plugin_requests import PluginRequest


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "plugin", help="list, install, update, remove, switch and reload plugins", description=__doc__
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("list", help="show all plugins").set_defaults(action=_list)
    install = actions.add_parser("install", help="install a plugin")
    install.add_argument("source", help="Git address, owner/name of GitHub, ZIP file or folder")
    install.set_defaults(action=_install)
    update = actions.add_parser("update", help="replace a plugin by its newest version (the server must run)")
    update.add_argument("name")
    update.add_argument("--from", dest="source", default="", metavar="PATH", help="ZIP file or folder")
    update.set_defaults(action=_update)
    remove = actions.add_parser("remove", help="delete an installed plugin")
    remove.add_argument("name")
    remove.add_argument("--config-too", action="store_true", help="its saved configuration as well")
    remove.add_argument("--data-too", action="store_true", help="the files it keeps as well")
    remove.add_argument("--yes", action="store_true", help="don't ask before data is deleted")
    remove.set_defaults(action=_remove)
    for name, text in (
        ("enable", "switch a plugin on"),
        ("disable", "switch a plugin off"),
        ("reload", "stop a plugin and start it from its files (the server must run)"),
    ):
        one = actions.add_parser(name, help=text)
        one.add_argument("name")
        one.set_defaults(action=_change, verb=name)
    for action_parser in set(actions.choices.values()):
        add_data_options(action_parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    return arguments.action(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from astrbot_like.operations.plugin_requests import PluginRequest

    rows = [("NAME", "VERSION", "FROM", "STATE", "PROBLEM")]
    rows += [
        (one.name, one.version, one.origin, one.state, one.problem)
        for one in carry_out(arguments, PluginRequest("list"), timeout=30)
    ]
    print(table(rows))
    return 0


def _install(arguments: argparse.Namespace) -> int:
    from astrbot_like.operations.plugin_requests import PluginRequest

    given = Path(arguments.source).expanduser()
    path = str(given.resolve()) if given.exists() else ""
    (made,) = carry_out(arguments, PluginRequest("install", "" if path else arguments.source, path))
    return _tell(made, "Installed")


def _update(arguments: argparse.Namespace) -> int:
    from astrbot_like.operations.plugin_requests import PluginRequest

    path = str(Path(arguments.source).expanduser().resolve()) if arguments.source else ""
    (made,) = carry_out(arguments, PluginRequest("update", arguments.name, path))
    return _tell(made, "Updated")


def _remove(arguments: argparse.Namespace) -> int:
    from astrbot_like.operations.plugin_requests import PluginRequest

    if arguments.data_too and not confirm(f"Delete all data of {arguments.name}?", yes=arguments.yes):
        return 1
    config, data = arguments.config_too, arguments.data_too
    carry_out(arguments, PluginRequest("remove", arguments.name, delete_config=config, delete_data=data))
    print(f"Removed {arguments.name}.")
    return 0


def _change(arguments: argparse.Namespace) -> int:
    from astrbot_like.operations.plugin_requests import PluginRequest

    found = carry_out(arguments, PluginRequest(arguments.verb, arguments.name))
    if not found:
        print(f"{arguments.name} is {'on' if arguments.verb == 'enable' else 'off'} from the next start on.")
        return 0
    return _tell(found[0], {"enable": "Enabled", "disable": "Disabled", "reload": "Reloaded"}[arguments.verb])


def _tell(plugin: PluginSummary, done: str) -> int:
    print(f"{done} {plugin.name} {plugin.version}".rstrip() + f" ({plugin.state}).")
    if plugin.state == "failed":
        from astrbot_like.domain.errors import PluginError

        raise PluginError(f"{plugin.name} does not start: {plugin.problem}", plugin.name)
    return 0


def carry_out(
    arguments: argparse.Namespace, request: PluginRequest, *, timeout: float | None = None
) -> tuple[PluginSummary, ...]:
    """Do what is asked for, through the running server when there is one, else on the files.

    Args:
        arguments: Name the settings and the data.
        timeout: Seconds that a running server may take; None: as long as an installation may.

    Raises:
        BotError: It could not be done; the text says why.
    """
    settings = settings_of(arguments)
    data = Path(settings.server.data_dir).resolve()

    async def work(stores: Stores) -> tuple[PluginSummary, ...]:
        from astrbot_like.operations.plugin_requests import ask
        from astrbot_like.storage.lock import DirectoryLock

        if DirectoryLock(data).is_held():
            return await ask(data, request, timeout=timeout or settings.plugins.install_timeout + 60)
        return await _on_files(stores, request)

    async def _on_files(stores: Stores, request: PluginRequest) -> tuple[PluginSummary, ...]:
        from astrbot_like.domain.errors import Unavailable
        from astrbot_like.host.plugin_parts import API_VERSION, PluginPreferences
        from astrbot_like.operations.plugin_files import PluginFiles

        preferences = PluginPreferences(stores.preferences)
        files = PluginFiles(data, settings.plugins, preferences, api_version=API_VERSION)
        match request.action:
            case "list":
                return tuple(await files.list())
            case "install":
                return (await files.install(Path(request.path) if request.path else request.name),)
            case "remove":
                config, kept = request.delete_config, request.delete_data
                await files.remove(request.name, delete_config=config, delete_data=kept)
            case "enable" | "disable":
                await files.switch(request.name, on=request.action == "enable")
            case _:
                raise Unavailable(f"To {request.action} a plugin, start the server first.")
        return ()

    return with_stores(arguments, work, make=True)
