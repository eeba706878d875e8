"""What is asked for, what is shipped, and what the list of licences says of it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest

from scripts import audit, sbom, third_party

ROOT = third_party.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("requirement", third_party.direct(), ids=str)
def test_every_dependency_has_both_bounds(requirement):
    operators = {specifier.operator for specifier in requirement.specifier}
    assert operators & {">=", "==", "~="}, "no version is known to be too old"
    assert operators & {"<", "==", "~="}, "a new major version would be installed unseen"


def test_no_dependency_is_named_twice():
    names = [requirement.name for requirement in third_party.direct()]
    assert len(names) == len(set(names))


def test_the_web_ui_is_built_from_what_its_lock_file_says():
    lock = json.loads((ROOT / "dashboard" / "package-lock.json").read_text("utf-8"))
    for path, entry in lock["packages"].items():
        assert not path or entry.get("link") or entry.get("integrity"), f"{path} has no checksum"


def test_the_list_of_licences_names_everything():
    document = third_party.DOCUMENT.read_text("utf-8")
    listed = {line.split("|")[1].strip().lower() for line in document.splitlines() if line.startswith("| ")}
    missing = {name for name in third_party.installed() if name.lower() not in listed}
    missing |= {name for name in third_party.bundled() if name.lower() not in listed}
    assert not missing, "run: python -m scripts.third_party"
    assert "see its files" not in document


def test_the_web_ui_brings_the_licence_text_of_every_library_in_it():
    web, recipe = ROOT / "astrbot_like" / "web", ROOT / "dashboard" / "vite.config.ts"
    if not (web / "index.html").is_file() or (web / "index.html").stat().st_mtime < recipe.stat().st_mtime:
        pytest.skip("the web UI is not built, or from older sources (make web)")
    notices = web / "licences.txt"
    entries = re.split(r"^## (\S+) - (\d\S*).*$", notices.read_text("utf-8"), flags=re.MULTILINE)[1:]
    named = dict(zip(entries[::3], entries[2::3], strict=True))
    short = [
        name for name, text in named.items() if len(text) < 500 or not re.search(r"copyright|licen[cs]e", text, re.I)
    ]
    assert not short, "these bring a name but no licence text"
    lock = json.loads((ROOT / "dashboard" / "package-lock.json").read_text("utf-8"))["packages"]
    # Vue's own package only passes on its parts.
    asked_for = {*lock[""]["dependencies"], "@vue/runtime-core"} - {"vue"}
    assert asked_for <= set(named)
    resolved = {(path.rpartition("node_modules/")[2], entry["version"]) for path, entry in lock.items() if path}
    assert set(zip(entries[::3], entries[1::3], strict=True)) <= resolved, "built from other versions: run make web"


def test_every_file_of_the_package_is_shipped():
    """Python files are found by themselves; everything else must be named."""
    shipped = PROJECT["tool"]["setuptools"]["package-data"]
    for path in (ROOT / "astrbot_like").rglob("*"):
        inside = path.relative_to(ROOT)
        if not path.is_file() or path.suffix in (".py", ".pyc") or "web" in inside.parts[1:2]:
            continue
        folder = ".".join(inside.parts[:-1])
        patterns = shipped.get(folder, [])
        assert any(PurePosixPath(path.name).match(pattern) for pattern in patterns), f"package-data lacks {inside}"


def test_a_source_distribution_holds_what_the_wheel_is_built_from():
    lines = Path(ROOT / "MANIFEST.in").read_text("utf-8").splitlines()
    assert "graft plugins" in lines
    for name in PROJECT["project"]["license-files"]:
        assert (ROOT / name).is_file()


@pytest.mark.parametrize(
    ("report", "status", "words"),
    [
        ("", 75, "can't be reached"),
        ('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', 75, "knows none of the 1 packages"),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', 0, "1 packages checked"),
        (
            '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]}',
            1,
            "a 1: CVE-1, mended in 2",
        ),
    ],
)
def test_an_audit_that_checked_nothing_says_so(report: str, status: int, words: str):
    given, told = audit.python_verdict(report)
    assert given == status
    assert words in told


HOLE = {"range": "<2", "title": "Script runs", "severity": "high", "url": "https://example.org/1"}


@pytest.mark.parametrize(
    ("vulnerabilities", "status", "words"),
    [
        ({}, 0, "7 packages checked, 0 with"),
        ({"a": {"via": [HOLE]}, "b": {"via": ["a"]}}, 1, "a <2: Script runs (high), https://example.org/1\n"),
    ],
)
def test_an_audit_of_the_web_ui_names_what_it_found(vulnerabilities: dict, status: int, words: str):
    report = {"vulnerabilities": vulnerabilities, "metadata": {"dependencies": {"prod": 7, "dev": 9}}}
    given, told = audit.web_verdict(json.dumps(report))
    assert given == status
    assert words in told
    assert told.endswith(f"7 packages checked, {len(vulnerabilities)} with vulnerabilities.")


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("", "is it installed?"),
        ('{"message": "405 Method Not Allowed", "error": {}}', "(405 Method Not Allowed)"),
        ("[]", "nothing was checked"),
    ],
)
def test_an_audit_of_the_web_ui_that_checked_nothing_says_so(report: str, words: str):
    given, told = audit.web_verdict(report)
    assert given == 75
    assert words in told


def test_a_bill_of_materials_holds_what_is_brought_and_nothing_else():
    parts = [
        {"bom-ref": "quart==1", "name": "Quart", "version": "1", "purl": "pkg:pypi/quart@1"},
        {"bom-ref": "pytest==9", "name": "pytest", "version": "9", "purl": "pkg:pypi/pytest@9"},
        {"bom-ref": "nameless", "name": "jinja2", "version": ""},
    ]
    edges = [{"ref": "quart==1", "dependsOn": ["pytest==9"]}, {"ref": "pytest==9"}]
    bill = sbom.narrowed({"components": parts, "dependencies": edges}, lambda one: one["name"] != "pytest")
    assert [one["name"] for one in bill["components"]] == ["Quart", "jinja2"]
    assert bill["dependencies"] == [{"ref": "quart==1", "dependsOn": []}]
    assert sbom.missing(bill, ["quart", "Jinja2", "typing_extensions"]) == ["Jinja2", "typing_extensions"]


def test_a_package_of_the_web_ui_is_found_by_its_full_name():
    part = {"name": "core", "group": "@vue", "version": "3", "purl": "pkg:npm/%40vue/core@3"}
    assert sbom.missing({"components": [part]}, ["@vue/core"]) == []
