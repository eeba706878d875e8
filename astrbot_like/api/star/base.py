"""Base class of plugins."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from astrbot_like.api.current import current_host, find_host
from astrbot_like.api.log import FALLBACK, plugin_logger
from astrbot_like.api.preferences import PLUGIN
from astrbot_like.api.registration import current_collector
from astrbot_like.api.star.metadata import plugin_id

if TYPE_CHECKING:
    from astrbot_like.api.star.context import Context


class Star:
    """A plugin. The last subclass in a plugin's main module is the one that is loaded.

    Attributes:
        name, author, plugin_id: Set on the class by the host before ``__init__`` runs.
        context: The host's services.
        logger: The plugin's own logger.
    """

    name: str
    author: str
    plugin_id: str
    context: Context
    logger: logging.Logger

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        collector = current_collector()
        if collector is not None:
            collector.stars.append(cls)

    def __init__(self, context: Context, config: Any = None) -> None:
        self.context = context
        name = getattr(self, "name", None)
        with contextlib.suppress(AttributeError):  # the plugin may have a read-only ``logger`` of its own
            self.logger = plugin_logger(name) if name else logging.getLogger(FALLBACK)

    async def initialize(self) -> None:
        """Called after construction, before the first event. No provider or platform need be there yet."""

    async def terminate(self) -> None:
        """Called when the plugin is disabled, reloaded, removed or the host stops."""

    async def html_render(
        self, tmpl: str, data: dict[str, Any], return_url: bool = True, options: dict[str, Any] | None = None
    ) -> str:
        """Render a Jinja2 HTML template to a picture.

        Args:
            tmpl: The template.
            data: Its variables.
            return_url: A URL is welcome; a local path may come all the same.
            options: Screenshot options: ``full_page``, ``type``, ``quality`` …

        Returns:
            URL or path of the picture.

        Raises:
            RuntimeError: No renderer is available.
        """
        renderer = _host_of(self).renderer
        return await renderer.render_custom_template(tmpl, data, return_url=return_url, options=options)

    async def text_to_image(self, text: str, return_url: bool = True) -> str:
        """Draw text (Markdown) as a picture; returns its URL or path."""
        return await _host_of(self).renderer.render_t2i(text, return_url=return_url)

    async def put_kv_data(self, key: str, value: Any) -> None:
        """Store a value of the plugin's; anything JSON can hold."""
        await _host_of(self).preferences.put_async(PLUGIN, _owner_id(self), key, value)

    async def get_kv_data(self, key: str, default: Any = None) -> Any:
        """A stored value, or ``default``."""
        return await _host_of(self).preferences.get_async(PLUGIN, _owner_id(self), key, default)

    async def delete_kv_data(self, key: str) -> None:
        """Remove a stored value."""
        await _host_of(self).preferences.remove_async(PLUGIN, _owner_id(self), key)


def _host_of(star: Star) -> Any:
    return find_host(type(star).__module__) or current_host()


def _owner_id(star: Star) -> str:
    given = getattr(star, "plugin_id", None)
    return given or plugin_id(getattr(star, "author", None), getattr(star, "name", None))
