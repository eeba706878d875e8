"""Plugins from folder to running and back."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from pathlib import Path

import pytest

from astrbot_like.api.preferences import MemoryPreferences
from astrbot_like.plugin_host.records import PluginState
from tests.support.census import settle
from tests.support.plugin_hosts import TestEvent, plugin_host, say, write_plugin

HELLO = """
class Hello(Star):
    def __init__(self, context: Context):
        super().__init__(context)

    @filter.command("hello")
    async def hello(self, event: AstrMessageEvent):
        '''says hello'''
        yield event.plain_result(f"hi from {self.name}")
"""


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    return tmp_path / "data" / "plugins"


async def test_a_plugin_is_imported_under_the_names_authors_know(tmp_path: Path, plugins: Path) -> None:
    folder = write_plugin(plugins, "模拟", HELLO + "\nfrom .helper import where\n")
    (folder / "helper.py").write_text("where = __name__")
    async with plugin_host(tmp_path) as host:
        plugin = host.find("模拟")
        assert plugin.state is PluginState.ACTIVE, plugin.failure
        module = sys.modules["data.plugins.模拟.main"]
        assert module.where == "data.plugins.模拟.helper"
        import astrbot_like.api.star

        assert module.Star is astrbot_like.api.star.Star
        assert await say(host, "hello") == ["hi from 模拟"]
        assert host.star_map["data.plugins.模拟.main"].star_cls is plugin.instance
    assert "data" not in sys.modules
    assert "astrbot.api" not in sys.modules


async def test_name_author_and_id_are_there_in_the_constructor(tmp_path: Path, plugins: Path) -> None:
    body = """
    from astrbot.api.star import StarTools
    class Main(Star):
        def __init__(self, context: Context, config):
            super().__init__(context)
            self.seen = (self.name, self.author, self.plugin_id, config["greeting"])
            self.folder = StarTools.get_data_dir()
    """
    schema = '{"greeting": {"type": "string", "default": "hey"}}'
    write_plugin(plugins, "early", body, _conf_schema__json=schema)
    async with plugin_host(tmp_path) as host:
        plugin = host.find("early")
        assert plugin.instance.seen == ("early", "Tester", "tester/early", "hey")
        assert plugin.instance.folder == tmp_path / "data" / "plugin_data" / "early"
        assert (tmp_path / "data" / "config" / "early_config.json").is_file()


@pytest.mark.parametrize(
    "declaration",
    [
        "class Whatever(Star):\n    def __init__(self, context, config=None):\n        super().__init__(context)",
        "class Main:\n    def __init__(self, context):\n        self.context = context",
        "class OldPlugin:\n    def __init__(self, ctx):\n        self.context = ctx",
        "@register('n', 'a', 'd', '1')\nclass X(Star):\n    pass",
        "class Base(Star):\n    pass\nclass Real(Base):\n    pass",
    ],
)
async def test_every_style_of_class_loads(tmp_path: Path, plugins: Path, declaration: str) -> None:
    write_plugin(plugins, "styled", declaration, _conf_schema__json='{"a": {"type": "int"}}')
    async with plugin_host(tmp_path) as host:
        plugin = host.find("styled")
        assert plugin.active, plugin.failure
        assert plugin.instance.context is host.context
        assert type(plugin.instance).__name__ in ("Whatever", "Main", "OldPlugin", "X", "Real")


async def test_register_stands_in_for_a_missing_metadata_file(tmp_path: Path, plugins: Path) -> None:
    write_plugin(plugins, "folder", "@register('told', 'me', 'does', '2')\nclass A(Star):\n    pass", metadata="")
    write_plugin(plugins, "mute", "class A(Star):\n    pass", metadata="")
    async with plugin_host(tmp_path) as host:
        assert host.find("told").metadata.version == "2"
        failure = host.find("mute").failure
        assert failure is not None
        assert "metadata.yaml" in failure.reason


async def test_a_type_error_inside_the_constructor_is_not_taken_for_another_signature(
    tmp_path: Path, plugins: Path
) -> None:
    body = """
    class Main(Star):
        def __init__(self, context, config):
            super().__init__(context)
            len(5)
    """
    write_plugin(plugins, "typed", body, _conf_schema__json='{"a": {"type": "int"}}')
    async with plugin_host(tmp_path) as host:
        failure = host.find("typed").failure
        assert failure is not None
        assert "object of type 'int' has no len()" in failure.reason
        assert failure.where == "main.py:9"


@pytest.mark.parametrize(
    ("body", "stage", "reason", "where"),
    [
        ("class Main(Star:\n", "import", "SyntaxError", "main.py:5"),
        ("import no_such_module_anywhere\n", "import", "no_such_module_anywhere", "main.py:5"),
        ("raise RuntimeError('at import')\n", "import", "at import", "main.py:5"),
        ("x = 1\n", "import", "defines no plugin class", ""),
        (
            "class Main(Star):\n    async def initialize(self):\n        raise ValueError('not today')\n",
            "initialize",
            "not today",
            "main.py:7",
        ),
        ("import sys\nsys.exit(3)\n", "import", "SystemExit", ""),
    ],
)
async def test_a_failing_plugin_fails_alone(
    tmp_path: Path, plugins: Path, body: str, stage: str, reason: str, where: str
) -> None:
    write_plugin(plugins, "a_bad", body)
    write_plugin(plugins, "good", HELLO)
    async with plugin_host(tmp_path) as host:
        bad = host.find("a_bad")
        assert bad.state is PluginState.FAILED
        assert bad.failure is not None
        assert (bad.failure.stage, bad.failure.where) == (stage, where)
        assert reason in bad.failure.reason
        assert not [name for name in sys.modules if name.startswith("data.plugins.a_bad")]
        assert await say(host, "hello") == ["hi from good"]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ("name: x\n", "lacks 'author'"),
        ("name: x\nauthor: a\ndesc: d\nversion: v\nastrbot_version: '>=9'\n", "needs AstrBot >=9"),
    ],
)
async def test_metadata_is_judged_before_any_code_runs(
    tmp_path: Path, plugins: Path, metadata: str, reason: str
) -> None:
    write_plugin(plugins, "x", "import sys\nsys.plugin_ran = True\n" + HELLO, metadata=metadata)
    async with plugin_host(tmp_path) as host:
        failure = host.find("x").failure
        assert failure is not None
        assert reason in failure.reason
    assert not hasattr(sys, "plugin_ran")


async def test_a_slow_start_does_not_hold_up_the_others(tmp_path: Path, plugins: Path) -> None:
    body = """
    import asyncio
    class Main(Star):
        async def initialize(self):
            self.ready = asyncio.Event()
            await self.ready.wait()
        @filter.command("slow")
        async def slow(self, event):
            yield event.plain_result("here now")
    """
    write_plugin(plugins, "a_slow", body)
    write_plugin(plugins, "good", HELLO)
    async with plugin_host(tmp_path, start_patience=0.05) as host:
        slow = host.find("a_slow")
        assert slow.state is PluginState.LOADING
        assert await say(host, "hello") == ["hi from good"]
        assert await say(host, "slow") == []
        slow.instance.ready.set()
        assert slow.starting is not None
        await slow.starting
        assert await say(host, "slow") == ["here now"]


async def test_initialize_has_a_time_limit(tmp_path: Path, plugins: Path) -> None:
    body = """
    import asyncio
    class Main(Star):
        async def initialize(self):
            await asyncio.sleep(3600)
    """
    write_plugin(plugins, "never", body)
    async with plugin_host(tmp_path, start_timeout=0.1) as host:
        failure = host.find("never").failure
        assert failure is not None
        assert "longer than 0.1 s" in failure.reason


async def test_disable_and_enable_last_over_a_restart(tmp_path: Path, plugins: Path) -> None:
    write_plugin(plugins, "hello", "import sys\nsys.hello_made = 0\n" + HELLO)
    preferences = MemoryPreferences()
    async with plugin_host(tmp_path, preferences=preferences) as host:
        await host.disable("hello")
        assert await say(host, "hello") == []
    async with plugin_host(tmp_path, preferences=preferences) as host:
        plugin = host.find("hello")
        assert plugin.state is PluginState.DISABLED
        assert plugin.instance is None
        assert [record.handler_name for record in plugin.declared.handlers] == ["hello"]
        assert await say(host, "hello") == []
        await host.enable("hello")
        assert await say(host, "hello") == ["hi from hello"]


async def test_reload_takes_the_new_code_at_once(tmp_path: Path, plugins: Path) -> None:
    folder = write_plugin(plugins, "hello", HELLO)
    async with plugin_host(tmp_path) as host:
        for word in ("aa", "bb", "cc"):  # within one second and of equal size: bytecode must not be reused
            text = (folder / "main.py").read_text()
            (folder / "main.py").write_text(text.replace(text[text.index("hi") : text.index(" from")], word))
            await host.reload("hello")
            assert await say(host, "hello") == [f"{word} from hello"]
            (folder / "main.py").write_text(text)


async def test_the_end_of_a_plugin(tmp_path: Path, plugins: Path) -> None:
    body = """
    ENDED = []
    class Main(Star):
        async def terminate(self):
            import sys
            sys.modules["tests.unit.test_plugin_host"].ended.append(self.name)
    """
    write_plugin(plugins, "a", body)
    write_plugin(plugins, "b", body.replace("async def terminate", "def __del__"))
    write_plugin(plugins, "c", body.replace("import sys", "raise RuntimeError('stays')"))
    ended.clear()
    async with plugin_host(tmp_path) as host:
        await host.disable("a")
        await host.disable("b")
        await host.disable("c")
        gc.collect()
        assert ended[:2] == ["a", "b"]
        problems = [failure.reason for failure in host.find("c").problems]
        assert problems in ([], ["RuntimeError: stays"])


ended: list[str] = []


async def test_tasks_end_with_their_plugin(tmp_path: Path, plugins: Path) -> None:
    body = """
    import asyncio, threading
    async def forever():
        await asyncio.create_task(asyncio.sleep(3600))
    class Main(Star):
        async def initialize(self):
            self.task = asyncio.create_task(forever())
            self.stop = threading.Event()
            threading.Thread(target=self.work, name="left-behind", daemon=True).start()
        def work(self):
            self.stop.wait(30)
        @filter.command("more")
        async def more(self, event):
            asyncio.get_running_loop().create_task(forever())
            yield event.plain_result("ok")
    """
    write_plugin(plugins, "busy", body)
    async with plugin_host(tmp_path) as host:
        plugin = host.find("busy")
        assert await say(host, "more") == ["ok"]
        await asyncio.sleep(0)
        assert len(plugin.scope.tasks()) == 4
        stop = plugin.instance.stop
        before = len(asyncio.all_tasks())
        await host.disable("busy")
        assert len(asyncio.all_tasks()) == before - 4
        assert plugin.left_threads == ["left-behind"]
        stop.set()


async def test_paths_follow_the_data_directory_whatever_it_is_called(tmp_path: Path) -> None:
    body = """
    from astrbot.api.star import StarTools
    from astrbot.core.utils.astrbot_path import get_astrbot_data_path, get_astrbot_root
    class Main(Star):
        def __init__(self, context):
            super().__init__(context)
            self.paths = (get_astrbot_root(), get_astrbot_data_path(), str(StarTools.get_data_dir()))
    """
    write_plugin(tmp_path / "elsewhere" / "plugins", "p", body)
    async with plugin_host(tmp_path, data_dir=tmp_path / "elsewhere") as host:
        place = tmp_path / "elsewhere"
        assert host.find("p").instance.paths == (str(tmp_path), str(place), str(place / "plugin_data" / "p"))


async def test_two_hosts_in_one_process(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_plugin(tmp_path / name / "data" / "plugins", "hello", HELLO.replace("hi from", f"{name}:"))
    async with plugin_host(tmp_path / "one") as first, plugin_host(tmp_path / "two") as second:
        assert await say(first, "hello") == ["one: hello"]
        assert await say(second, "hello") == ["two: hello"]
        await first.disable("hello")
        assert await say(second, "hello") == ["two: hello"]


async def test_a_hundred_reloads_leave_nothing(tmp_path: Path, plugins: Path) -> None:
    body = """
    import asyncio
    from .helper import VALUE
    class Main(Star):
        def __init__(self, context):
            super().__init__(context)
            context.register_web_api("/busy/x", self.web, ["GET"], "x")
            self.ballast = bytearray(200_000)
        async def initialize(self):
            self.task = asyncio.create_task(asyncio.sleep(3600))
        async def web(self):
            return {}
        @filter.llm_tool("a_tool")
        async def a_tool(self, event):
            '''does.'''
            return "x"
        @filter.command("x")
        async def x(self, event):
            yield event.plain_result("x")
        @filter.on_llm_request()
        async def hook(self, event, req):
            pass
    """
    write_plugin(plugins, "busy", body)
    (plugins / "busy" / "helper.py").write_text("VALUE = bytearray(100_000)")

    def counts() -> tuple[int, ...]:
        gc.collect()
        for thread in threading.enumerate():
            if thread.name.startswith("import "):
                thread.join(5)  # its result is there a moment before its end
        return (
            len(sys.modules),
            len(asyncio.all_tasks()),
            len(host.handlers),
            len(host.tools.func_list),
            len(host.context.registered_web_apis),
            sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate()),
            sum(type(one).__name__ == "Main" for one in gc.get_objects()),
        )

    async with plugin_host(tmp_path) as host:
        await host.reload("busy")
        before = counts()
        assert before[2:5] == (3, 1, 1)
        for _ in range(100):
            await host.reload("busy")
        assert counts() == before


async def test_blocking_the_loop_is_noticed_and_named(tmp_path: Path, plugins: Path) -> None:
    body = """
    import time
    class Main(Star):
        @filter.command("block")
        async def block(self, event):
            time.sleep(1)
            yield event.plain_result("done")
    """
    write_plugin(plugins, "blocker", body)
    async with plugin_host(tmp_path, loop_lag_limit=0.05) as host:
        await asyncio.sleep(0.1)
        assert await say(host, "block") == ["done"]
        assert await settle(lambda: host.find("blocker").blocked)
        report = host.find("blocker").blocked[0]
        assert report.where == "main.py:10 in block"
        assert report.seconds > 0.1


async def test_a_user_plugin_stands_in_for_a_bundled_one(tmp_path: Path, plugins: Path) -> None:
    write_plugin(tmp_path / "bundled", "hello", HELLO.replace("hi from", "bundled"))
    write_plugin(plugins, "hello", HELLO)
    async with plugin_host(tmp_path, bundled=tmp_path / "bundled") as host:
        assert await say(host, "hello") == ["hi from hello"]
        await host.uninstall("hello")
        assert await say(host, "hello") == ["bundled hello"]
        assert host.find("hello").source.bundled


async def test_two_plugins_of_one_name(tmp_path: Path, plugins: Path) -> None:
    metadata = "name: same\ndesc: d\nversion: '1'\nauthor: a\n"
    write_plugin(plugins, "first", HELLO, metadata=metadata)
    write_plugin(plugins, "second", HELLO, metadata=metadata)
    async with plugin_host(tmp_path) as host:
        failure = host.find("second").failure
        assert failure is not None
        assert "Two plugins are named same" in failure.reason
        assert await say(host, TestEvent("hello")) == ["hi from same"]


async def test_changed_files_reload_a_plugin(tmp_path: Path, plugins: Path) -> None:
    write_plugin(plugins, "hello", HELLO)
    async with plugin_host(tmp_path, watch_files=True) as host:
        first = host.find("hello")
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            while host.find("hello") is first or not host.find("hello").active:
                write_plugin(plugins, "hello", HELLO.replace("hi from", f"changed {time.time_ns()}"))
                await asyncio.sleep(0.2)
        (answer,) = await say(host, "hello")
        assert answer.startswith("changed")


async def test_an_installed_package_brings_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "site"
    folder = write_plugin(place / "zz_package", "plugin", HELLO + "\nfrom .words import WORD\n")
    (folder / "words.py").write_text("WORD = __name__")
    (place / "zz_package" / "__init__.py").write_text("raise RuntimeError('not imported by the host')")
    info = place / "zz_package-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zz-package\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[astrbot_like.plugins]\nbrought = zz_package.plugin.main\n")
    monkeypatch.syspath_prepend(str(place))
    async with plugin_host(tmp_path) as host:
        plugin = host.find("brought")
        assert plugin.active, plugin.failure
        assert (plugin.name, plugin.source.origin) == ("plugin", "entry_point")
        assert sys.modules[plugin.module].WORD == "data.plugins.brought.words"
        assert await say(host, "hello") == ["hi from plugin"]


async def test_a_module_that_needs_the_loop_is_imported_on_it(tmp_path: Path, plugins: Path) -> None:
    body = """
    import asyncio
    from astrbot.core.provider.register import register_provider_adapter
    from astrbot.api.provider import TTSProvider
    @register_provider_adapter("zz_tts", "d")
    class Speaks(TTSProvider):
        async def get_audio(self, text):
            return ""
    TASK = asyncio.get_running_loop().create_task(asyncio.sleep(3600))
    class Main(Star):
        pass
    """
    write_plugin(plugins, "looped", body)
    async with plugin_host(tmp_path) as host:
        plugin = host.find("looped")
        assert plugin.active, plugin.failure
        assert list(host.provider_types) == ["zz_tts"]
        assert len(plugin.scope.tasks()) == 1
        await host.reload("looped")
        assert host.find("looped").active
        await host.disable("looped")
        assert not host.provider_types
        assert not host.find("looped").scope.tasks()
