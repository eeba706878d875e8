"""What people say to an assistant, as training text of a language model and as a measure of likeness.

``phrases.txt`` describes the sentences; nothing here decides what was said. The recogniser compares what its two
language models heard and takes the assistant's one only where its words are surer and follow each other as such
sentences do.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

_RULE = re.compile(r"<(\w+)> = (.*)\Z")
_TOKEN = re.compile(r"<\w+>|[()\[\]|]|[^\s()\[\]|<>]+")
_SAMPLES = 60
"""Sentences drawn of a line of weight 1."""
_OWN_PHRASE_SAMPLES = 200


class Choice(NamedTuple):
    """One of several; an option is a choice of something and nothing."""

    options: list[list[object]]


class Rule(NamedTuple):
    """A named choice."""

    name: str


class Phrases:
    """The description, read.

    Args:
        path: ``phrases.txt``.
    """

    def __init__(self, path: Path) -> None:
        self._rules: dict[str, list[list[object]]] = {}
        self._lines: list[tuple[float, list[list[object]]]] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            if found := _RULE.match(line.strip()):
                self._rules[found.group(1)] = _parse(found.group(2))
            else:
                weight, text = line.split(" | ", 1)
                self._lines.append((float(weight), _parse(text)))

    def sentences(self, seed: int = 1) -> list[str]:
        """Sentences drawn from the description, the same ones for the same seed."""
        draw = random.Random(seed)
        found: list[str] = []
        for weight, options in self._lines:
            for _ in range(int(weight * _SAMPLES)):
                words = " ".join(self._sample(options, draw))
                found.append(words.replace(" 'd", "'d").replace(" 'm", "'m"))
        return found

    def _sample(self, options: Sequence[Sequence[object]], draw: random.Random) -> list[str]:
        words: list[str] = []
        for item in draw.choice(options):
            if isinstance(item, Choice):
                words += self._sample(item.options, draw)
            elif isinstance(item, Rule):
                words += self._sample(self._rules[item.name], draw)
            else:
                words.append(str(item))
        return words


def _parse(text: str) -> list[list[object]]:
    tokens = _TOKEN.findall(text)
    options, rest = _alternatives(tokens)
    if rest:
        raise ValueError(f"brackets don't match in {text!r}")
    return options


def _alternatives(tokens: list[str]) -> tuple[list[list[object]], list[str]]:
    options: list[list[object]] = [[]]
    while tokens:
        token, tokens = tokens[0], tokens[1:]
        if token == "|":
            options.append([])
        elif token in ("(", "["):
            inner, tokens = _alternatives(tokens)
            tokens = tokens[1:]
            options[-1].append(Choice([*inner, []] if token == "[" else inner))
        elif token in (")", "]"):
            return options, [token, *tokens]
        else:
            options[-1].append(Rule(token[1:-1]) if token.startswith("<") else token)
    return options, []


class Likeness:
    """How much a sentence is put together like those of the assistant.

    Args:
        sentences: Training text.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self._pairs = {pair for sentence in sentences for pair in _pairs(sentence)}

    def of(self, sentence: str) -> float:
        """Share of its pairs of neighbouring words, ends included, that occur in the training text."""
        pairs = _pairs(sentence)
        return sum(pair in self._pairs for pair in pairs) / len(pairs)


def _pairs(sentence: str) -> list[tuple[str, str]]:
    words = ["<s>", *sentence.split(), "</s>"]
    return list(pairwise(words))


def write_language_model(sentences: Sequence[str], own: Sequence[str], path: Path) -> None:
    """Write an ARPA trigram model.

    Args:
        sentences: Training text.
        own: Further sentences, each counted many times.
    """
    from pocketsphinx.lm import ArpaBoLM

    model = ArpaBoLM(add_start=True)
    model.read_corpus([*sentences, *(phrase for phrase in own for _ in range(_OWN_PHRASE_SAMPLES))])
    model.compute()
    model.write_file(str(path))
