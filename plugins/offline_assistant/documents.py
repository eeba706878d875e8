"""Attached files as they reach a model: their text between marks in the user's message."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .understanding import is_chinese

_FIRST_LINES = 3
_LINE_LENGTH = 200
_MOST_LOST = 50
"""Beginnings of files without an end, after which no more are looked for."""
# The host's own form: [File a.txt], its text, [End of File a.txt]; of recordings the text is what the user said.
_NOTED = re.compile(r"^\[(?P<label>(?P<kind>File|Recording) (?P<name>[^\]\n]{0,300}))\]\n", re.MULTILINE)
# What may repeat below is bounded: texts come from strangers, and a search must not take the square of their length.
_QUOTED = re.compile(r"^\[Quoted message: .{0,1000}?\][ \t]*$", re.DOTALL | re.MULTILINE)
_PROBLEM = re.compile(
    r"^\[(?P<said>[^\]\n]{0,300}?(?:could not be read|does not take|:)[^\]\n]{0,300})\][ \t]*$", re.MULTILINE
)
# <attachment name="a.txt" …>text</attachment>, <file …>, <document …>; and [File: a.txt] followed by text.
_TAGGED = re.compile(
    r"<(?P<tag>attachment|attached_file|file|document)\b(?P<head>[^>]{0,300})>(?P<text>.*?)(?:</(?P=tag)>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_NAME = re.compile(r"(?:file_?name|name|path|title)\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE)
_BRACKETED = re.compile(
    r"^[ \t]*[\[【](?:attached |uploaded )?(?:file|attachment|document|文件|附件)(?: name)?\s*[:：]?\s*(?P<name>[^\]】\n]{1,300})[\]】]:?[ \t]*\n?"
    r"(?P<text>.*?)(?=^[ \t]*[\[【](?:attached |uploaded )?(?:file|attachment|document|文件|附件)|\Z)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Document:
    """One attached file.

    Attributes:
        name: Its display name, "" when the message does not tell.
        text: The text the model was given of it.
        problem: Why there is no text, in the host's words.
    """

    name: str
    text: str
    problem: str = ""


def split_documents(text: str) -> tuple[str, list[Document]]:
    """Part a user message into what the user wrote and the files that came with it."""
    found: list[Document] = []

    def problem(match: re.Match[str]) -> str:
        found.append(Document("", "", match.group("said").strip()))
        return "\n"

    def tagged(match: re.Match[str]) -> str:
        name = _NAME.search(match.group("head"))
        found.append(Document(name.group(1) if name else "", match.group("text").strip()))
        return "\n"

    def bracketed(match: re.Match[str]) -> str:
        found.append(Document(match.group("name").strip(), match.group("text").strip()))
        return "\n"

    rest = _QUOTED.sub("\n", _without_noted(text, found))
    rest = _TAGGED.sub(tagged, rest)
    rest = _BRACKETED.sub(bracketed, rest) if _BRACKETED.search(rest) else _PROBLEM.sub(problem, rest)
    return rest.strip(), found


def _without_noted(text: str, found: list[Document]) -> str:
    """The text without the files in the host's own form, which are added to ``found``."""
    kept: list[str] = []
    at = lost = 0
    while lost < _MOST_LOST and (match := _NOTED.search(text, at)):
        mark = f"[End of {match['label']}]"
        end = text.find(mark, match.end())
        kept.append(text[at : match.start()])
        if end < 0:
            kept.append(match.group())
            at = match.end()
            lost += 1
            continue
        content = text[match.end() : end].strip()
        if match["kind"] == "Recording":
            kept.append(content)
        else:
            found.append(Document(match["name"].strip(), content))
            kept.append("\n")
        at = end + len(mark)
    return "".join([*kept, text[at:]])


def describe(documents: list[Document], *, chinese: bool | None = None) -> str:
    """What the files are and how they begin, in words that can be spoken."""
    if chinese is None:
        chinese = any(is_chinese(document.text[:200]) for document in documents)
    return "\n".join(_describe(document, chinese) for document in documents)


def _describe(document: Document, chinese: bool) -> str:
    if document.problem:
        return document.problem if document.problem.endswith((".", "。")) else f"{document.problem}."
    lines = [line.strip() for line in document.text.splitlines() if line.strip()]
    words = len(document.text.split())
    start = " ".join(line[:_LINE_LENGTH] for line in lines[:_FIRST_LINES])
    if chinese:
        name = f"文件“{document.name}”" if document.name else "这个文件"
        return (
            f"{name}没有可读的文字。"
            if not lines
            else f"{name}共有{len(lines)}行、{len(document.text)}个字符，开头是：{start}"
        )
    name = f"The file {document.name}" if document.name else "The file"
    if not lines:
        return f"{name} holds no text that I can read."
    of_lines = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    of_words = "1 word" if words == 1 else f"{words} words"
    return f"{name} has {of_lines} and {of_words}. It begins: {start}"
