"""Writes the bills of materials (CycloneDX, JSON): ``make sbom`` runs it.

``build/sbom.json`` lists the Python packages that an installation brings, ``build/sbom-web.json`` the JavaScript ones
of the web UI. Tools for development are in neither. It fails when a package is missing from its list.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from scripts import third_party

TARGET = third_party.ROOT / "build"
PATIENCE = 600.0
OURS = "astrbot-like"

Bill = dict[str, Any]


def narrowed(bill: Bill, belongs: Callable[[dict[str, Any]], bool]) -> Bill:
    """The bill with the components that belong to it alone, and what depends on what among them."""
    components = [one for one in bill["components"] if belongs(one)]
    kept = {one["bom-ref"] for one in components}
    dependencies = [
        {**one, "dependsOn": [ref for ref in one.get("dependsOn", ()) if ref in kept]}
        for one in bill.get("dependencies", ())
        if one["ref"] in kept
    ]
    return {**bill, "components": components, "dependencies": dependencies}


def missing(bill: Bill, names: Iterable[str]) -> list[str]:
    """Packages that the bill does not list, or without a version or an address."""
    listed = {canonicalize_name(full_name(one)) for one in bill["components"] if one.get("version") and one.get("purl")}
    return sorted(name for name in names if canonicalize_name(name) not in listed)


def full_name(component: dict[str, Any]) -> str:
    """A component's name as its registry knows it."""
    group = component.get("group", "")
    return f"{group}/{component['name']}" if group else component["name"]


def _output(command: list[str], folder: Path) -> Bill:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        raise SystemExit(f"sbom: {' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def main() -> int:
    """Write both files and say where they are."""
    brought = third_party.installed()
    ours = {canonicalize_name(name) for name in (OURS, *brought)}
    python = _output(
        [sys.executable, "-m", "cyclonedx_py", "environment", sys.executable, "--of", "JSON", "-o", "-"],
        third_party.ROOT,
    )
    # Without "--omit dev": that leaves out what the page and the tools both need.
    locked = {(name, version) for name, version, _ in third_party.locked()}
    web = _output(["npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"], third_party.ROOT / "dashboard")
    bills = {
        "sbom.json": (narrowed(python, lambda one: canonicalize_name(one["name"]) in ours), brought),
        "sbom-web.json": (
            narrowed(web, lambda one: (full_name(one), one["version"]) in locked),
            third_party.bundled(),
        ),
    }
    TARGET.mkdir(exist_ok=True)
    status = 0
    for name, (bill, names) in bills.items():
        if lost := missing(bill, names):
            print(f"sbom: {name} lacks {', '.join(lost)}", file=sys.stderr)
            status = 1
        (TARGET / name).write_text(json.dumps(bill, indent=2, ensure_ascii=False) + "\n", "utf-8")
        print(f"build/{name}: {len(bill['components'])} packages")
    return status


if __name__ == "__main__":
    sys.exit(main())
