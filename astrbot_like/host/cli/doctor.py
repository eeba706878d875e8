"""``astrbot-like doctor``: check the machine, the data and the providers, and say what to do. Changes nothing."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.host.cli.common import add_data_options, settings_of

if TYPE_CHECKING:
    from astrbot_like.operations.doctor import Finding

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
    from astrbot_like.operations import doctor

    findings: list[Finding] = []

    def note(finding: Finding) -> None:
        findings.append(finding)
        if not arguments.json:
            print(f"{MARKS[finding.state]}  {finding.subject}: {finding.message}", flush=True)
            if finding.advice:
                print(f"      {finding.advice}", flush=True)

    for finding in doctor.check_machine():
        note(finding)
    _check_settings(arguments, note)
    if arguments.json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(findings)).decode())
    failures = sum(finding.state == "failure" for finding in findings)
    if not arguments.json:
        print(f"\n{failures} failure{'s' * (failures > 1)}." if failures else "\nNothing stands in the way.")
    return 1 if failures else 0


def _check_settings(arguments: argparse.Namespace, note: Any) -> None:
    from astrbot_like.domain.errors import BotError
    from astrbot_like.operations import doctor
    from astrbot_like.storage import database
    from astrbot_like.storage.lock import DirectoryLock

    try:
        settings = settings_of(arguments)
    except BotError as error:
        note(doctor.failure("settings", error.message, "Mend the settings file or the environment variable."))
        return
    note(doctor.ok("settings", "can be read"))
    data = Path(settings.server.data_dir).resolve()
    usable = True
    for finding in doctor.check_data(data):
        note(finding)
        # Opening a database of an older schema would upgrade it: that is the server's to do.
        if finding.state == "failure" or (finding.subject == "database" and "upgrades" in finding.message):
            usable = False
    if not DirectoryLock(data).is_held():
        note(doctor.check_port(settings.server.host, settings.server.port))
    if arguments.no_providers:
        return
    from astrbot_like.host.provider_check import check_providers

    there = usable and (data / database.FILE_NAME).is_file()
    try:
        for finding in asyncio.run(check_providers(settings, data if there else None)):
            note(finding)
    except BotError as error:
        note(doctor.failure("providers", "could not be asked", error.message))
