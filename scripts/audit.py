"""Looks for known vulnerabilities in what is installed and in the web UI. ``make audit`` runs it.

Exit status: 0 none known, 1 some found, 75 (try again later) when a service that knows could not be asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TEMPORARY_FAILURE = 75
"""``EX_TEMPFAIL`` of sysexits.h."""
PATIENCE = 300.0
WEB = Path(__file__).parents[1] / "dashboard"
PIP = (sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off", "--format", "json")
NPM = ("npm", "audit", "--omit=dev", "--package-lock-only", "--json")

Verdict = tuple[int, str]
"""Exit status, and words for it."""


def python_verdict(report: str) -> Verdict:
    """What came of it, for what pip-audit wrote as JSON; an empty text when it wrote nothing."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        return TEMPORARY_FAILURE, "Python: the service of known vulnerabilities can't be reached; nothing was checked."
    checked = [package for package in packages if "skip_reason" not in package]
    skipped = len(packages) - len(checked)
    if not checked:
        return TEMPORARY_FAILURE, (
            f"Python: the service knows none of the {skipped} packages; nothing was checked. "
            "A mirror of the package index may stand in its place."
        )
    found = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none'}"
        for package in checked
        for hole in package["vulns"]
    ]
    told = f"Python: {len(checked)} packages checked, {skipped} not known to the service, {len(found)} vulnerabilities."
    return bool(found), "\n".join([*found, told])


def web_verdict(report: str) -> Verdict:
    """What came of it, for what ``npm audit --json`` wrote (https://docs.npmjs.com/cli/commands/npm-audit)."""
    try:
        answer = json.loads(report)
        packages: dict[str, dict[str, Any]] = answer["vulnerabilities"]
        checked = int(answer["metadata"]["dependencies"]["prod"])
    except (json.JSONDecodeError, KeyError, TypeError):
        reason = _npm_reason(report)
        return TEMPORARY_FAILURE, f"web UI: the registry's audit can't be asked ({reason}); nothing was checked."
    holes = [
        (name, hole)
        for name, package in packages.items()
        for hole in package["via"]
        if isinstance(hole, dict)  # a text names another package of the list, by which this one is concerned
    ]
    found = [f"{name} {hole['range']}: {hole['title']} ({hole['severity']}), {hole['url']}" for name, hole in holes]
    return bool(packages), "\n".join(
        [*found, f"web UI: {checked} packages checked, {len(packages)} with vulnerabilities."]
    )


def _npm_reason(report: str) -> str:
    try:
        return str(json.loads(report)["message"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return "npm printed no answer; is it installed?"


def _printed(command: tuple[str, ...], folder: Path) -> str:
    """What a command prints; nothing when it is missing or takes too long."""
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE).stdout
    except (subprocess.TimeoutExpired, FileNotFoundError):
        return ""


def main() -> int:
    """Ask both services, and say plainly what came of it."""
    asked: tuple[tuple[Callable[[str], Verdict], tuple[str, ...]], ...] = ((python_verdict, PIP), (web_verdict, NPM))
    worst = 0
    for verdict, command in asked:
        status, told = verdict(_printed(command, WEB))
        print(told, file=sys.stderr if status else sys.stdout)
        worst = status if worst in (0, TEMPORARY_FAILURE) and status else worst
    return worst


if __name__ == "__main__":
    sys.exit(main())
