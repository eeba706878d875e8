"""Forms of a profile's settings, in English and Chinese.

The voice settings describe themselves in English; what they are called in Chinese stands here. Of the host
configuration, whose keys are AstrBot's, what this program itself goes by is described here in both languages; the other
keys are there for plugins that read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from astrbot_like.api.default_config import DEFAULT_CONFIG
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.host.profile_form_texts import HOST, VOICE, Described
from astrbot_like.operations.config_templates import field_of, form_schema, settings_form

Form: TypeAlias = dict[str, dict[str, Any]]

CHINESE = "zh-CN"

ELSEWHERE = frozenset(
    {"config_version", "provider", "provider_sources", "platform", "persona", "plugin_set", "dashboard"}
)
"""Keys that plugins find filled in from what is set up on other pages."""


class Forms:
    """Forms of a profile's settings (``ProfileForms``)."""

    def voice(self) -> Form:
        """Of ``Profile.voice``."""
        return settings_form(VoiceSettings)

    def host(self) -> Form:
        """Of ``Profile.host``: what is described first, then the keys that only plugins read (``advanced``)."""
        form = _fields(HOST, DEFAULT_CONFIG)
        rest = {key: value for key, value in DEFAULT_CONFIG.items() if key not in HOST and key not in ELSEWHERE}
        return form | {key: {**field, "advanced": True} for key, field in form_schema(rest).items()}

    def texts(self) -> dict[str, dict[str, Form]]:
        """Words of both forms in Chinese; the forms themselves are in English."""
        voice = {name: {"description": words} for name, words in VOICE.items()}
        return {CHINESE: {"voice": voice, "host": _chinese(HOST)}}


def _fields(described: Mapping[str, Described], defaults: Mapping[str, Any]) -> Form:
    form: Form = {}
    for key, about in described.items():
        field = field_of(key, defaults[key]) | {"description": about.english}
        if about.items:
            field |= {"type": "object", "items": _fields(about.items, defaults[key])}
            del field["default"]
        if about.hints:
            field["hint"] = about.hints[0]
        if about.options:
            field |= {"options": list(about.options), "labels": [english for english, _ in about.options.values()]}
        if about.least is not None:
            field["min"] = about.least
        form[key] = field
    return form


def _chinese(described: Mapping[str, Described]) -> Form:
    form: Form = {}
    for key, about in described.items():
        words: dict[str, Any] = {"description": about.chinese, **_chinese(about.items)}
        if about.hints:
            words["hint"] = about.hints[1]
        if about.options:
            words["labels"] = [chinese for _, chinese in about.options.values()]
        form[key] = words
    return form
