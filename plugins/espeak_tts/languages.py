"""From language tags and scripts to espeak-ng's voices."""

from __future__ import annotations

import re

_ALIASES = {
    "zh": "cmn",
    "zh-cn": "cmn",
    "zh-hans": "cmn",
    "zh-tw": "cmn",
    "zh-hant": "cmn",
    "zh-hk": "yue",
    "en": "en-us",
    "no": "nb",
    "es-mx": "es-419",
    "es-us": "es-419",
    "pt-pt": "pt",
    "iw": "he",
    "tl": "fil",
}
_REGIONAL = {
    "en-gb": "en-gb",
    "en-us": "en-us",
    "en-ca": "en-us",
    "fr-be": "fr-be",
    "fr-ch": "fr-ch",
    "pt-br": "pt-br",
    "es-419": "es-419",
    "fa-latn": "fa-latn",
    "vi-vn-x-south": "vi-vn-x-south",
}
_SCRIPTS = (
    (re.compile(r"[\u3040-\u30ff]"), "ja"),
    (re.compile(r"[\u3400-\u9fff]"), "cmn"),
    (re.compile(r"[\uac00-\ud7af]"), "ko"),
    (re.compile(r"[\u0400-\u04ff]"), "ru"),
    (re.compile(r"[\u0600-\u06ff]"), "ar"),
    (re.compile(r"[\u0900-\u097f]"), "hi"),
    (re.compile(r"[\u0370-\u03ff]"), "el"),
    (re.compile(r"[\u0590-\u05ff]"), "he"),
    (re.compile(r"[\u0e00-\u0e7f]"), "th"),
)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_OWN_SCRIPTS = {
    "ja": ("ja",),
    "cmn": ("cmn", "yue", "ja", "hak", "zh"),
    "ko": ("ko",),
    "ru": ("ru", "uk", "bg", "be", "sr", "mk", "kk", "ky", "tt", "ba", "cv"),
    "ar": ("ar", "fa", "ur", "ug", "sd"),
    "hi": ("hi", "mr", "ne", "kok", "sa"),
    "el": ("el", "grc"),
    "he": ("he",),
    "th": ("th",),
}


def language_voice(tag: str, default: str) -> str:
    """The voice for a BCP 47 tag; ``default`` when the default already speaks that language."""
    tag = tag.strip().lower().replace("_", "-")
    base = tag.split("-")[0]
    voice = _REGIONAL.get(tag) or _ALIASES.get(tag) or _ALIASES.get(base) or base
    spoken = default.split("+")[0]
    return default if spoken == tag or (tag == base and spoken.split("-")[0] == base) else voice


def voice_of_script(text: str, voice: str) -> str:
    """``voice``, or one that can read the text when most of it is in a script the voice does not know.

    Without it a Chinese answer by an English voice is a list of "Chinese letter".
    """
    if text.isascii():
        return voice
    latin = len(_LATIN.findall(text))
    for pattern, other in _SCRIPTS:
        count = len(pattern.findall(text))
        if count and count * 2 >= latin:
            return voice if voice.split("+")[0].split("-")[0] in _OWN_SCRIPTS[other] else other
    return voice
