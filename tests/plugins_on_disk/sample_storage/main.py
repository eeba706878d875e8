import os
from pathlib import Path

from astrbot.api import AstrBotConfig, logger, sp
from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star, StarTools, register
from astrbot.core import AstrBotConfig as CoreConfig
from astrbot.core import __version__, astrbot_config
from astrbot.core import logger as core_logger
from astrbot.core.config.astrbot_config import AstrBotConfig as DeepConfig
from astrbot.core.config.default import CONFIG_METADATA_2
from astrbot.core.star import star_map
from astrbot.core.star.star import star_map as deep_star_map
from astrbot.core.star.star_tools import StarTools as DeepTools
from astrbot.core.utils.astrbot_path import (
    get_astrbot_config_path,
    get_astrbot_data_path,
    get_astrbot_plugin_data_path,
    get_astrbot_plugin_path,
    get_astrbot_skills_path,
    get_astrbot_temp_path,
)


@register(name="another_name", author="Somebody Else", desc="overridden by the file", version="0.1")
class SampleStorage(Star):
    def __init__(self, context: Context, config: AstrBotConfig):
        super().__init__(context)
        self.config = config
        self.folder = StarTools.get_data_dir()
        self.same_folder = StarTools.get_data_dir(self.name)
        assert CoreConfig is DeepConfig is AstrBotConfig
        assert DeepTools is StarTools

    @filter.command("config")
    async def show(self, event: AstrMessageEvent):
        config = self.config
        yield event.plain_result(
            f"{config['number']} {config.ratio} {config.get('on')} {config.word} {config['words']} "
            f"{config['nested']['deep']['leaf']} {config.nothing} {config['rows']} {config['files']}"
        )

    @filter.command("configure")
    async def configure(self, event: AstrMessageEvent, number: int):
        self.config["number"] = number
        self.config["words"].append("b")
        self.config.save_config()
        await self.config.save_config_async({"ratio": 0.25})
        yield event.plain_result("saved")

    @filter.command("values")
    async def values(self, event: AstrMessageEvent):
        count = await self.get_kv_data("count", 0)
        await self.put_kv_data("count", count + 1)
        await self.put_kv_data("gone", 1)
        await self.delete_kv_data("gone")
        row = await sp.get_async("plugin", self.plugin_id, "count", None)
        await sp.put_async("umo", event.unified_msg_origin, "mine", {"a": 1})
        umo = await sp.get_async(scope="umo", scope_id=event.unified_msg_origin, key="mine", default={})
        yield event.plain_result(f"{count} {row} {await self.get_kv_data('gone', 'none')} {umo} {self.plugin_id}")

    @filter.command("where")
    async def where(self, event: AstrMessageEvent):
        root = Path(get_astrbot_data_path()).parent
        shown = [
            str(Path(path).relative_to(root))
            for path in (
                get_astrbot_config_path(),
                get_astrbot_plugin_path(),
                get_astrbot_plugin_data_path(),
                get_astrbot_temp_path(),
                get_astrbot_skills_path(),
                str(self.folder),
                os.path.dirname(__file__),
            )
        ]
        assert self.folder == self.same_folder
        assert self.folder.is_dir()
        yield event.plain_result("\n".join(shown))

    @filter.command("host")
    async def host(self, event: AstrMessageEvent):
        config = self.context.get_config(event.unified_msg_origin)
        assert astrbot_config["wake_prefix"] == config["wake_prefix"]
        assert isinstance(CONFIG_METADATA_2, dict)
        assert self.context._config["timezone"] == config["timezone"]
        metadata = star_map[self.__module__]
        assert metadata is deep_star_map[self.__module__]
        assert metadata in self.context.get_all_stars()
        assert metadata is self.context.get_registered_star("sample_storage")
        logger.warning("plugin %s", metadata.name)
        self.logger.info("own logger")
        yield event.plain_result(
            f"{metadata.name} {metadata.version} {metadata.author} {metadata.display_name} {__version__.split('.')[0]} "
            f"{config['platform_settings']['rate_limit']['strategy']} {config['provider_settings']['enable']} "
            f"{config['admins_id']} {self.logger.name} {logger.name} {core_logger.name} {config['dashboard']['port'] > 0}"
        )
