"""What a sentence means: hassil's template sentences, and for slips of the recogniser the nearest known sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hassil import Intents

_SENTENCES = Path(__file__).parent / "sentences"
_CJK = re.compile(r"[\u3400-\u9fff]")
_NEAR = 0.78
_LONGEST = 300  # characters; a template sentence is never longer, and wildcards over a novel would cost


@dataclass(frozen=True)
class Meaning:
    """One reading of a sentence.

    Attributes:
        intent: Name of the intent in the sentence files.
        slots: Text of each slot, and the fixed values the templates give.
    """

    intent: str
    slots: dict[str, str] = field(default_factory=dict)


def is_chinese(text: str) -> bool:
    """Whether the text is to be answered in Chinese."""
    return _CJK.search(text) is not None


class Understanding:
    """Both languages' templates, loaded when first used (some 0.3 s: call ``warm`` in a thread beforehand)."""

    @cached_property
    def _english(self) -> _Language:
        return _Language("en")

    @cached_property
    def _chinese(self) -> _Language:
        return _Language("zh")

    def warm(self) -> None:
        """Load everything and match once; for a thread at start."""
        for language, text in ((self._english, "what time is it"), (self._chinese, "现在几点了")):
            next(iter(language.meanings(text)), None)

    def meanings(self, text: str) -> Iterator[Meaning]:
        """Every exact reading, the likeliest first; the caller takes the first that makes sense."""
        if 0 < len(text) <= _LONGEST:
            yield from (self._chinese if is_chinese(text) else self._english).meanings(text)

    def nearest(self, text: str) -> Meaning | None:
        """The reading whose example sentence sounds most like the text, if one is near enough."""
        if not 0 < len(text) <= _LONGEST:
            return None
        return (self._chinese if is_chinese(text) else self._english).nearest(text)


class _Language:
    def __init__(self, code: str) -> None:
        import yaml
        from hassil import Intents

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document: dict[str, Any] = yaml.load((_SENTENCES / f"{code}.yaml").read_text("utf-8"), loader)
        self._examples = [
            (_key(example), name)
            for name, intent in document["intents"].items()
            for example in intent.pop("examples", [])
        ]
        self._intents: Intents = Intents.from_dict(document)
        self._code = code

    def meanings(self, text: str) -> Iterator[Meaning]:
        from hassil import recognize_all

        seen: set[tuple[str, ...]] = set()
        for result in recognize_all(text, self._intents, language=self._code):
            slots = {name: str(entity.value) for name, entity in result.entities.items()}
            identity = (result.intent.name, *slots.values())
            if identity not in seen:
                seen.add(identity)
                yield Meaning(result.intent.name, slots)

    def nearest(self, text: str) -> Meaning | None:
        key = _key(text)
        best, best_intent = 0.0, ""
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(key)
        for example, intent in self._examples:
            matcher.set_seq1(example)
            if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best:
                ratio = matcher.ratio()
                if ratio > best:
                    best, best_intent = ratio, intent
        return Meaning(best_intent) if best >= _NEAR else None


def _key(text: str) -> str:
    """What is compared: lower case, letters only, with the words that recognisers confuse made alike."""
    words = re.sub(r"[^\w\s]", "", text.lower())
    words = re.sub(r"\b(as|its|is|this|his|was)\b", "is", words)
    words = re.sub(r"\b(it|that|at|hit|eat)\b", "it", words)
    words = re.sub(r"\b(what|whats|watt|want|one)\b", "what", words)
    return re.sub(r"\s+", " ", words).strip()
