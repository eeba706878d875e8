"""``astrbot-like doctor``: check the machine, the data and the providers, and say what to do. Changes nothing."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.host.cli.common import add_data_options, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from astrbot_like.config import Settings
    from astrbot_like.operations.doctor.findings import Finding

    Note = Callable[[Finding], None]

MARKS = {"ok": "ok  ", "warning": "WARN", "failure": "FAIL"}


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor", help="check the machine, the data and the providers", description=__doc__
    )
    parser.add_argument("--no-providers", action="store_true", help="do not ask the providers (some cost money)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    add_data_options(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; status 1 when something does not work."""
    from astrbot_like.operations.doctor.machine import check_machine

    findings: list[Finding] = []

    def note(finding: Finding) -> None:
        findings.append(finding)
        if not arguments.json:
            print(f"{MARKS[finding.state]}  {finding.subject}: {finding.message}", flush=True)
            if finding.advice:
                print(f"      {finding.advice}", flush=True)

    for finding in check_machine():
        note(finding)
    _check_settings(arguments, note)
    if arguments.json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(findings)).decode())
    failures = sum(finding.state == "failure" for finding in findings)
    if not arguments.json:
        print(f"\n{failures} failure{'s' * (failures > 1)}." if failures else "\nNothing stands in the way.")
    return 1 if failures else 0


def _check_settings(arguments: argparse.Namespace, note: Note) -> None:
    from astrbot_like.domain.errors import BotError
    from astrbot_like.operations.doctor.data import check_data, check_settings_file
    from astrbot_like.operations.doctor.findings import failure, ok
    from astrbot_like.operations.doctor.network import check_forwarding, check_port, check_way_out
    from astrbot_like.storage import database
    from astrbot_like.storage.lock import DirectoryLock

    try:
        settings = settings_of(arguments)
    except BotError as error:
        note(failure("settings", error.message, "Mend the settings file or the environment variable."))
        return
    note(ok("settings", "can be read"))
    file = arguments.config or os.environ.get("ASTRBOT_LIKE_CONFIG")
    for finding in check_settings_file(Path(file)) if file else ():
        note(finding)
    note(_web_ui(settings))
    data = Path(settings.server.data_dir).resolve()
    usable = True
    for finding in check_data(data):
        note(finding)
        # Opening a database of an older schema would upgrade it: that is the server's to do.
        if finding.state == "failure" or (finding.subject == "database" and "upgrades" in finding.message):
            usable = False
    if usable and not DirectoryLock(data).is_held():
        note(check_port(settings.server.host, settings.server.port))
    dashboard = settings.dashboard
    for finding in check_forwarding(settings.server.host, dashboard.trusted_proxies, dashboard.allowed_origins):
        note(finding)
    for finding in check_way_out():
        note(finding)
    there = usable and (data / database.FILE_NAME).is_file()
    if there:
        _check_plugins(arguments, note)
    if not arguments.no_providers:
        _check_providers(settings, data if there else None, note)


def _web_ui(settings: Settings) -> Finding:
    from astrbot_like.dashboard.static import PACKAGE_WEB
    from astrbot_like.operations.doctor.findings import ok, warning

    web = Path(settings.dashboard.web_root) if settings.dashboard.web_root else PACKAGE_WEB
    if (web / "index.html").is_file():
        return ok("web UI", "built")
    advice = "Run make web in the source tree (it needs Node.js 20 or newer), or install a released package."
    return warning("web UI", f"not built: there is no index.html in {web}", advice)


def _check_plugins(arguments: argparse.Namespace, note: Note) -> None:
    from astrbot_like.domain.errors import BotError
    from astrbot_like.host.cli.plugin import carry_out
    from astrbot_like.operations.doctor.findings import failure, ok, warning
    from astrbot_like.operations.plugin_requests import PluginRequest

    try:
        plugins = carry_out(arguments, PluginRequest("list"), timeout=30)
    except BotError as error:
        note(warning("plugins", "could not be listed", error.message))
        return
    failed = [plugin for plugin in plugins if plugin.problem and plugin.state != "off"]
    for plugin in failed:
        advice = f"Mend or update it, or switch it off: astrbot-like plugin disable {plugin.name}"
        note(failure(f"plugin {plugin.name}", plugin.problem, advice))
    if not failed:
        note(ok("plugins", f"{len(plugins)}, nothing is known against them"))


def _check_providers(settings: Settings, data: Path | None, note: Note) -> None:
    from astrbot_like.domain.errors import BotError
    from astrbot_like.host.provider_check import check_providers
    from astrbot_like.operations.doctor.findings import failure

    try:
        for finding in asyncio.run(check_providers(settings, data)):
            note(finding)
    except BotError as error:
        note(failure("providers", "could not be asked", error.message))
