"""``html_renderer`` of the current host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from astrbot_like.api.views import HostObject

if TYPE_CHECKING:
    from astrbot_like.api.services import Renderer

    html_renderer: Renderer
else:
    html_renderer = HostObject(lambda host: host.renderer)
