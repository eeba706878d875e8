"""Packages that plugins require."""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
import zipfile
from pathlib import Path

import pytest

from astrbot_like.domain.errors import Conflict, PluginError
from astrbot_like.plugin_host.requirements import Requirements, requirement_lines
from astrbot_like.plugin_host.settings import PluginSettings
from tests.support.plugin_hosts import plugin_host, say, write_plugin


def wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """A wheel with one module that says its version."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


def offline(wheels: Path) -> tuple[str, ...]:
    return ("--no-index", "--find-links", str(wheels))


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    wheel(folder, "zz_test_dep", "1.0", "zz_test_inner>=1", "pyyaml")
    wheel(folder, "zz_test_dep", "2.0", "zz_test_inner>=1")
    wheel(folder, "zz_test_inner", "1.5")
    wheel(folder, "zz_test_clash", "1.0", "pyyaml<1")
    return folder


def test_lines_without_comments_and_options(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "# c\na>=1 # why\n-r other.txt\n--index-url x\n\nb \\\n ==2\n", "utf-8-sig"
    )
    assert requirement_lines(tmp_path) == ["a>=1", "b   ==2"]
    assert requirement_lines(tmp_path / "nowhere") == []


def test_what_is_unmet(tmp_path: Path) -> None:
    requirements = Requirements(tmp_path / "site-packages", PluginSettings())
    yaml = importlib.metadata.version("pyyaml")
    lines = ["pyyaml", "PyYAML>=1", "zz-none", "pyyaml==0.1", "pywin32; sys_platform == 'win32'", "zz-none[extra]>2"]
    needs = requirements.unmet(lines, "p")
    assert [(need.line, need.found, need.core) for need in needs] == [
        ("zz-none", "", False),
        ("pyyaml==0.1", yaml, True),
        ("zz-none[extra]>2", "", False),
    ]
    with pytest.raises(PluginError, match="no requirement"):
        requirements.unmet(["what is this?"], "p")


async def test_installs_into_the_place_of_its_own(tmp_path: Path, wheels: Path) -> None:
    target = tmp_path / "site-packages"
    requirements = Requirements(target, PluginSettings(pip_arguments=offline(wheels)))
    folder = write_plugin(tmp_path, "p", "", requirements__txt="zz-test-dep<2\npyyaml\n")
    assert await requirements.ensure(folder) == ["zz-test-dep<2"]
    assert sorted(path.name for path in target.glob("*.py")) == ["zz_test_dep.py", "zz_test_inner.py"]
    assert not list(target.glob("yaml*"))
    assert await requirements.ensure(folder) == []
    (folder / "requirements.txt").write_text("zz-test-dep>=2\n")
    assert await requirements.ensure(folder) == ["zz-test-dep>=2"]
    assert "2.0" in (target / "zz_test_dep.py").read_text()


@pytest.mark.parametrize("line", ["pyyaml==0.1", "zz-test-clash"])
async def test_a_clash_with_the_program_is_named(tmp_path: Path, wheels: Path, line: str) -> None:
    requirements = Requirements(tmp_path / "site-packages", PluginSettings(pip_arguments=offline(wheels)))
    folder = write_plugin(tmp_path, "p", "", requirements__txt=line)
    with pytest.raises(Conflict, match=r"(?i)the program uses pyyaml"):
        await requirements.ensure(folder)
    assert not (tmp_path / "site-packages").exists()


async def test_a_plugin_that_is_there_already_may_pin_what_the_program_has(tmp_path: Path, wheels: Path) -> None:
    requirements = Requirements(tmp_path / "site-packages", PluginSettings(pip_arguments=offline(wheels)))
    folder = write_plugin(tmp_path, "p", "", requirements__txt="pyyaml==0.1\nzz-no-such\nzz-test-inner")
    assert await requirements.ensure(folder, tolerant=True) == ["zz-test-inner"]


async def test_pip_has_a_deadline(tmp_path: Path, wheels: Path) -> None:
    settings = PluginSettings(pip_arguments=offline(wheels), install_timeout=0.01)
    folder = write_plugin(tmp_path, "p", "", requirements__txt="zz-test-dep")
    with pytest.raises(PluginError, match=r"longer than 0.01 s"):
        await Requirements(tmp_path / "site-packages", settings).ensure(folder)


async def test_a_missing_module_is_installed_and_the_plugin_imported_again(tmp_path: Path, wheels: Path) -> None:
    body = """
    import zz_test_inner
    class Main(Star):
        @filter.command("v")
        async def v(self, event):
            yield event.plain_result(zz_test_inner.VERSION)
    """
    good = """
    class Main(Star):
        @filter.command("hello")
        async def hello(self, event):
            yield event.plain_result("hi")
    """
    plugins = tmp_path / "data" / "plugins"
    write_plugin(plugins, "needs", body, requirements__txt="zz-test-inner\n")
    write_plugin(
        plugins, "lacks", "import zz_test_nowhere\nclass Main(Star): pass", requirements__txt="zz-test-nowhere\n"
    )
    write_plugin(plugins, "works", good)
    async with plugin_host(tmp_path, pip_arguments=offline(wheels)) as host:
        assert await say(host, "hello") == ["hi"]  # others don't wait for pip
        starting = [host.find(name).starting for name in ("needs", "lacks")]
        await asyncio.gather(*(task for task in starting if task is not None))
        assert host.find("needs").active
        assert await say(host, "v") == ["1.5"]
        failure = host.find("lacks").failure
        assert failure is not None
        assert failure.stage == "requirements"
        assert "zz-test-nowhere" in failure.reason
        assert str(tmp_path / "data" / "site-packages") in sys.path
    assert str(tmp_path / "data" / "site-packages") not in sys.path
    sys.modules.pop("zz_test_inner", None)


async def test_a_failed_installation_of_requirements_aborts_the_install(tmp_path: Path, wheels: Path) -> None:
    source = write_plugin(tmp_path / "new", "p", "class Main(Star): pass", requirements__txt="pyyaml==0.1")
    async with plugin_host(tmp_path, pip_arguments=offline(wheels)) as host:
        with pytest.raises(Conflict, match=r"the program uses pyyaml"):
            await host.install(source)
        assert not (tmp_path / "data" / "plugins" / "p").exists()
