"""Looks for known vulnerabilities in what is installed. ``make audit`` runs it.

Exit status: 0 none known, 1 some found, 75 (try again later) when the service that knows could not be asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

TEMPORARY_FAILURE = 75
"""``EX_TEMPFAIL`` of sysexits.h."""
PATIENCE = 300.0


def verdict(report: str) -> tuple[int, str]:
    """Exit status and words for what pip-audit wrote as JSON; an empty text when it wrote nothing."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        return TEMPORARY_FAILURE, "audit: the service of known vulnerabilities can't be reached; nothing was checked."
    checked = [package for package in packages if "skip_reason" not in package]
    skipped = len(packages) - len(checked)
    if not checked:
        return TEMPORARY_FAILURE, (
            f"audit: the service knows none of the {skipped} packages; nothing was checked. "
            "A mirror of the package index may stand in its place."
        )
    found = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none'}"
        for package in checked
        for hole in package["vulns"]
    ]
    told = f"audit: {len(checked)} packages checked, {skipped} not known to the service, {len(found)} vulnerabilities."
    return bool(found), "\n".join([*found, told])


def main() -> int:
    """Run pip-audit on this environment and say plainly what came of it."""
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        done = None
    status, told = verdict(done.stdout if done else "")
    print(told, file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())
