"""Skills that plugins bring: instructions for the model in ``skills/<skill>/SKILL.md``, read when they are needed.

The model is told each skill's name and description, which stand in the file's front matter (YAML between two lines of
``---``), and reads the rest with a tool. See https://agentskills.io for the format.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from astrbot_like.api.tools import FunctionTool
from astrbot_like.domain.errors import NotFound
from astrbot_like.plugin_host.pages import file_within

if TYPE_CHECKING:
    from astrbot_like.api.message_event import AstrMessageEvent

log = logging.getLogger(__name__)

FOLDER = "skills"
SKILL_FILE = "SKILL.md"
READER = "read_skill"
LARGEST_FILE = 64 * 1024
"""Bytes of a skill's file that the model gets at once."""
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)

PROMPT = """# Skills

For these tasks there are instructions. When one fits what the user wants, read it with {reader} before you begin, and
follow it.

{lines}"""


class Skill(msgspec.Struct, frozen=True):
    """Instructions for one kind of task.

    Attributes:
        name: By which the model asks for it.
        description: When to use it.
        folder: Holds ``SKILL.md`` and what that refers to.
    """

    name: str
    description: str
    folder: Path


def find_skills(folder: Path) -> list[Skill]:
    """The skills of a plugin's folder, by name; damaged ones are left out and logged. Reads the disk."""
    root = folder / FOLDER
    if not root.is_dir():
        return []
    found: list[Skill] = []
    for path in sorted(root.glob(f"*/{SKILL_FILE}")):
        try:
            found.append(_read_skill(path))
        except (OSError, ValueError) as error:
            extra = {"plugin": folder.name, "skill": path.parent.name, "reason": str(error)}
            log.warning("skill of a plugin can't be read", extra=extra)
    return found


def _read_skill(path: Path) -> Skill:
    import yaml

    name, description = path.parent.name, ""
    front = _FRONT_MATTER.match(path.read_text(encoding="utf-8-sig").replace("\r\n", "\n"))
    if front is not None:
        try:
            fields = yaml.safe_load(front[1])
        except yaml.YAMLError as error:
            raise ValueError("its front matter is no YAML") from error
        if isinstance(fields, dict):
            name = str(fields.get("name") or name)
            description = " ".join(str(fields.get("description") or "").split())
    return Skill(name, description, path.parent)


def skills_prompt(skills: Sequence[Skill]) -> str:
    """What the model is told of the skills it may use."""
    lines = "\n".join(f"- {skill.name}: {skill.description or 'no description'}" for skill in skills)
    return PROMPT.format(reader=READER, lines=lines)


class SkillReader(FunctionTool[Any]):
    """The tool with which a model reads skills.

    Args:
        skills: Those it may read.
    """

    def __init__(self, skills: Sequence[Skill]) -> None:
        self._skills = {skill.name: skill for skill in skills}
        super().__init__(
            name=READER,
            description="Read the instructions of a skill, or another file that they name.",
            parameters={
                "type": "object",
                "properties": {
                    "name": {"type": "string", "enum": sorted(self._skills)},
                    "file": {"type": "string", "description": f"Path within the skill; {SKILL_FILE} when left out."},
                },
                "required": ["name"],
            },
            handler=self.read,
        )

    async def read(self, _event: AstrMessageEvent, name: str, file: str = SKILL_FILE) -> str:
        """The file's text, or why there is none, for the model."""
        import asyncio

        skill = self._skills.get(name)
        if skill is None:
            return f"There is no skill named {name}."
        try:
            return await asyncio.to_thread(_text_of, skill.folder, file)
        except NotFound:
            return f"The skill {name} has no file {file}."


def _text_of(folder: Path, file: str) -> str:
    with file_within(folder, file).open("rb") as stream:
        return stream.read(LARGEST_FILE).decode("utf-8", errors="replace")
