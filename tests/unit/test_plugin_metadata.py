"""What plugins say about themselves, and where they are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from astrbot_like.domain.errors import PluginError
from astrbot_like.plugin_host import discovery
from astrbot_like.plugin_host.metadata import PluginMetadata, check_version, parse_metadata, read_metadata

GOOD = "name: 模拟\ndesc: does things\nversion: v1\nauthor: Some/One\n"


def write(folder: Path, text: str, name: str = "metadata.yaml", encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding)
    return folder


@pytest.mark.parametrize(("name", "encoding"), [("metadata.yaml", "utf-8-sig"), ("metadata.yml", "utf-8")])
def test_reads_both_names_and_a_byte_order_mark(tmp_path: Path, name: str, encoding: str) -> None:
    metadata = read_metadata(write(tmp_path / "p", GOOD, name, encoding))
    assert metadata is not None
    assert (metadata.name, metadata.plugin_id) == ("模拟", "some_one/模拟")


def test_description_stands_for_desc_and_numbers_for_version() -> None:
    text = "name: a\ndescription: d\nversion: 1.0\nauthor: b\nsupport_platforms: telegram\nhelp: ignored\n"
    metadata = parse_metadata(text, where="m")
    assert (metadata.desc, metadata.version, metadata.support_platforms) == ("d", "1.0", ("telegram",))


@pytest.mark.parametrize("field", ["name", "desc", "version", "author"])
@pytest.mark.parametrize("value", [None, "''", "[1]"])
def test_required_fields_are_non_empty_texts(field: str, value: str | None) -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith(field)]
    if value is not None:
        lines.append(f"{field}: {value}")
    with pytest.raises(PluginError, match=field):
        parse_metadata("\n".join(lines), where="m")


@pytest.mark.parametrize("text", ["- a", "a: [", "!!python/object/apply:os.system ['x']"])
def test_what_is_no_metadata_is_refused(text: str) -> None:
    with pytest.raises(PluginError):
        parse_metadata(text, where="m")


def test_no_file_is_no_metadata(tmp_path: Path) -> None:
    assert read_metadata(tmp_path) is None


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [("", True), (">=4.16,<5", True), (">=5", False), ("==4.27.*", True), ("~=4.20", True), ("latest", False)],
)
def test_version_range(wanted: str, fits: bool) -> None:
    metadata = PluginMetadata(name="a", author="b", desc="c", version="1", astrbot_version=wanted)
    if fits:
        check_version(metadata, "4.27.4")
    else:
        with pytest.raises(PluginError):
            check_version(metadata, "4.27.4")


def test_discovery_order_and_shadowing(tmp_path: Path) -> None:
    for place, names in (("user", ("b", "a", ".hidden", "__pycache__", "own")), ("bundled", ("a", "z"))):
        for name in names:
            folder = tmp_path / place / name
            folder.mkdir(parents=True)
            (folder / ("own.py" if name == "own" else "main.py")).write_text("")
    (tmp_path / "user" / "empty").mkdir()
    found = discovery.discover(tmp_path / "user", bundled=tmp_path / "bundled", entry_points=False)
    assert [(source.directory, source.origin) for source in found] == [
        ("a", "user"),
        ("b", "user"),
        ("own", "user"),
        ("z", "bundled"),
    ]
    assert found[2].main.name == "own.py"


def test_entry_points_lead_to_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_plugin_package" / "inner"
    package.mkdir(parents=True)
    (package / "main.py").write_text("raise RuntimeError('must not run at discovery')")
    info = tmp_path / "some_plugin_package-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-plugin-package\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[astrbot_like.plugins]\nnice = some_plugin_package.inner.main\ngone = no_such_package_here\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = discovery.from_entry_points()
    mine = [source for source in found if source.directory in ("nice", "gone")]
    assert [(source.directory, source.main) for source in mine] == [("nice", (package / "main.py").resolve())]
