"""What administrators do with plugins."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from astrbot_like.domain.errors import BadRequest, Conflict, NotFound, PluginError
from astrbot_like.operations.plugins import ConfigRefused, PluginOperations
from tests.support.plugin_hosts import plugin_host, say, write_plugin

BODY = """
class Main(Star):
    '''Version 1'''
    def __init__(self, context, config):
        super().__init__(context)
        self.config = config

    @filter.command("greet", alias={"g"})
    @filter.permission_type(filter.PermissionType.MEMBER)
    async def greet(self, event, name: str = "you"):
        '''greets'''
        yield event.plain_result(self.config["word"] + " " + name)

    @filter.command_group("grp")
    def grp(self):
        pass

    @grp.command("sub")
    @filter.permission_type(filter.PermissionType.ADMIN)
    async def sub(self, event):
        yield event.plain_result("x")

    @filter.regex("abc")
    async def listens(self, event):
        pass

    @filter.on_llm_request()
    async def hook(self, event, req):
        pass

    @filter.llm_tool()
    async def tool(self, event, city: str):
        '''a tool

        Args:
            city(string): c
        '''
"""
SCHEMA = json.dumps({"word": {"type": "string", "default": "hello"}, "n": {"type": "int"}})


def make(parent: Path, name: str = "greeter", body: str = BODY, **files: str) -> Path:
    folder = write_plugin(parent, name, body, _conf_schema__json=SCHEMA, **files)
    (folder / "README.md").write_text("# Greeter")
    return folder


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, f"repo-main/{file.relative_to(folder)}")
    return target


async def test_list_shows_what_a_plugin_adds_and_what_it_clashes_with(tmp_path: Path) -> None:
    plugins = tmp_path / "data" / "plugins"
    make(plugins)
    write_plugin(plugins, "twin", "class Main(Star):\n    @filter.command('g')\n    async def g(self, event): pass\n")
    write_plugin(plugins, "broken", "class Main(Star:\n")
    async with plugin_host(tmp_path) as host:
        views = {view.name: view for view in await PluginOperations(host).list()}
        view = views["greeter"]
        greet, sub = view.commands
        assert (greet.name, greet.aliases, greet.parameters) == ("greet", ("g",), "name(str)=you")
        assert (greet.conflicts, greet.admin_only) == (("twin",), False)
        assert (sub.name, sub.admin_only) == ("grp sub", True)
        assert [tool.name for tool in view.tools] == ["tool"]
        assert (view.hooks, view.listeners) == (("OnLLMRequestEvent",), ("listens",))
        assert (view.state, view.origin, view.has_config, view.has_readme) == ("active", "user", True, True)
        assert views["twin"].commands[0].conflicts == ("greeter",)
        failure = views["broken"].failure
        assert failure is not None
        assert (views["broken"].state, failure.where) == ("failed", "main.py:5")


async def test_install_from_folder_zip_and_address(tmp_path: Path) -> None:
    source = make(tmp_path / "elsewhere")
    async with plugin_host(tmp_path, git_schemes=("https",)) as host:
        operations = PluginOperations(host)
        view = await operations.install_from_path(source)
        assert (view.state, view.directory) == ("active", "greeter")
        assert await say(host, "greet") == ["hello you"]
        with pytest.raises(Conflict):
            await operations.install_from_path(source)
        await operations.uninstall("greeter")
        assert await say(host, "greet") == []
        view = await operations.install_from_path(zipped(source, tmp_path / "p.zip"))
        assert view.state == "active"
        with pytest.raises(BadRequest):
            await operations.install_from_address("ext::sh -c id")
        assert not list((tmp_path / "data" / "temp" / "plugin-staging").iterdir())


@pytest.mark.parametrize(
    ("metadata", "main"),
    [
        ("name: not-a-name\nauthor: a\ndesc: d\nversion: '1'\n", True),
        ("name: good\nauthor: a\ndesc: d\nversion: '1'\n", False),
        ("", True),
        ("name: ../../evil\nauthor: a\ndesc: d\nversion: '1'\n", True),
    ],
)
async def test_what_is_no_plugin_is_not_installed(tmp_path: Path, metadata: str, main: bool) -> None:
    source = write_plugin(tmp_path / "elsewhere", "x", "class Main(Star): pass", metadata=metadata)
    if not main:
        (source / "main.py").unlink()
    async with plugin_host(tmp_path) as host:
        with pytest.raises(BadRequest):
            await PluginOperations(host).install_from_path(source)
        assert not list((tmp_path / "data" / "plugins").iterdir())


async def test_an_installed_plugin_that_fails_is_kept_and_shown(tmp_path: Path) -> None:
    source = make(tmp_path / "elsewhere", body="raise RuntimeError('no')")
    async with plugin_host(tmp_path) as host:
        view = await PluginOperations(host).install_from_path(source)
        assert view.state == "failed"
        assert view.failure is not None
        assert view.failure.reason == "RuntimeError: no"
        write_plugin(tmp_path / "data" / "plugins", "greeter", "class A(Star): pass")
        view = await PluginOperations(host).reload("greeter")
        assert (view.state, view.failure) == ("active", None)


async def test_an_update_that_does_not_start_is_rolled_back(tmp_path: Path) -> None:
    source = make(tmp_path / "elsewhere")
    async with plugin_host(tmp_path) as host:
        operations = PluginOperations(host)
        await operations.install_from_path(source)
        make(tmp_path / "elsewhere", body=BODY.replace('" " + name', '", " + name'))
        await operations.update("greeter", source)
        assert await say(host, "greet") == ["hello, you"]
        make(tmp_path / "elsewhere", body="raise RuntimeError('worse')")
        with pytest.raises(PluginError, match="the old one is back: RuntimeError: worse"):
            await operations.update("greeter", source)
        assert (await operations.get("greeter")).state == "active"
        assert await say(host, "greet") == ["hello, you"]
        with pytest.raises(PluginError, match="does not say where updates come from"):
            await operations.update("greeter")


async def test_uninstall_removes_what_was_asked_for(tmp_path: Path) -> None:
    make(tmp_path / "data" / "plugins")
    kept = tmp_path / "data" / "plugin_data" / "greeter" / "file"
    kept.parent.mkdir(parents=True)
    kept.write_text("x")
    async with plugin_host(tmp_path) as host:
        operations = PluginOperations(host)
        config = tmp_path / "data" / "config" / "greeter_config.json"
        source = tmp_path / "copy"
        shutil.copytree(tmp_path / "data" / "plugins" / "greeter", source)
        await operations.uninstall("greeter")
        assert config.is_file()
        assert kept.is_file()
        await operations.install_from_path(source)
        await operations.uninstall("greeter", delete_config=True, delete_data=True)
        assert not config.exists()
        assert not kept.parent.exists()
        with pytest.raises(NotFound):
            await operations.uninstall("greeter")


async def test_bundled_plugins_can_be_switched_off_but_not_removed(tmp_path: Path) -> None:
    make(tmp_path / "bundled")
    async with plugin_host(tmp_path, bundled=tmp_path / "bundled") as host:
        operations = PluginOperations(host)
        with pytest.raises(NotFound):
            await operations.uninstall("greeter")
        assert (await operations.disable("greeter")).state == "disabled"
        view = await operations.get("greeter")
        assert [command.name for command in view.commands] == ["greet", "grp sub"]


async def test_configuration(tmp_path: Path) -> None:
    make(tmp_path / "data" / "plugins")
    write_plugin(tmp_path / "data" / "plugins", "plain", "class Main(Star): pass")
    async with plugin_host(tmp_path) as host:
        operations = PluginOperations(host)
        view = await operations.config("greeter")
        assert view.values == {"word": "hello", "n": 0}
        assert await operations.set_config("greeter", {"word": "ahoy", "n": "5"})
        assert await say(host, "greet") == ["ahoy you"]
        assert (await operations.config("greeter")).values == {"word": "ahoy", "n": 5}
        with pytest.raises(ConfigRefused, match="x: is not a field of this plugin; n: must be a whole number"):
            await operations.set_config("greeter", {"n": "z", "x": 1})
        assert (await operations.config("greeter")).values == {"word": "ahoy", "n": 5}
        with pytest.raises(NotFound):
            await operations.set_config("plain", {})
        assert await operations.readme("greeter") == "# Greeter"
        assert await operations.readme("plain") == ""


async def test_a_plugin_that_saves_its_own_configuration_keeps_it(tmp_path: Path) -> None:
    more = "self.config = config\n        config['word'] = 'own'\n        config.save_config()"
    body = BODY.replace("self.config = config", more)
    make(tmp_path / "data" / "plugins", body=body)
    async with plugin_host(tmp_path) as host:
        assert (await PluginOperations(host).config("greeter")).values["word"] == "own"
        path = tmp_path / "data" / "config" / "greeter_config.json"
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def commit(folder: Path) -> None:
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


async def test_install_and_update_from_a_repository(tmp_path: Path) -> None:
    source = make(tmp_path / "elsewhere")
    metadata = source / "metadata.yaml"
    metadata.write_text(metadata.read_text() + f"repo: file://{source}\n")
    await asyncio.to_thread(commit, source)
    async with plugin_host(tmp_path) as host:
        operations = PluginOperations(host)
        view = await operations.install_from_address(f"file://{source}")
        assert (view.state, view.version) == ("active", "1.0")
        assert not (tmp_path / "data" / "plugins" / "greeter" / ".git").exists()
        metadata.write_text(metadata.read_text().replace("'1.0'", "'2.0'"))
        await asyncio.to_thread(commit, source)
        assert (await operations.update("greeter")).version == "2.0"
        with pytest.raises(PluginError, match="could not fetch"):
            await operations.install_from_address(f"file://{tmp_path}/nowhere")
