"""Skills that plugins bring: told to the model, read by it, and gone with their plugin."""

from __future__ import annotations

import shutil
from pathlib import Path

from astrbot_like.api.testing import Answer, FakeChatProvider, PluginTester, ToolRequest
from astrbot_like.plugin_host.skills import find_skills

SAMPLE = Path(__file__).parents[2] / "plugins_on_disk" / "sample_web"
READER = "read_skill"


async def test_a_model_reads_a_skill_and_what_it_names() -> None:
    script = (
        Answer(tools=[ToolRequest(READER, {"name": "announcing"})]),
        Answer(tools=[ToolRequest(READER, {"name": "announcing", "file": "templates/notice.txt"})]),
        Answer(tools=[ToolRequest(READER, {"name": "announcing", "file": "../../main.py"})]),
        Answer(tools=[ToolRequest(READER, {"name": "burglary"})]),
        "NOTICE: tea on Monday.",
    )
    chat = FakeChatProvider(*script)
    async with PluginTester(SAMPLE, providers=[chat]) as tester:
        assert (await tester.say("announce tea")).texts == ["NOTICE: tea on Monday."]
    told = chat.calls[0]["system_prompt"]
    assert "- announcing: Put a notice on the board. Use it when somebody wants to announce something." in told
    assert "Write one sentence" not in told
    seen = [str(call["contexts"]) + str(call.get("tool_calls_result")) for call in chat.calls]
    assert "Write one sentence" in seen[1]
    assert "NOTICE: {what}" in seen[2]
    assert "has no file ../../main.py" in seen[3]
    assert "name must be one of announcing, not 'burglary'" in seen[4]


async def test_skills_go_with_their_plugin() -> None:
    chat = FakeChatProvider("fine")
    async with PluginTester(SAMPLE, providers=[chat]) as tester:
        await tester.host.disable("sample_web")
        await tester.say("hello")
        await tester.host.enable("sample_web")
        await tester.say("hello")
    offered = [READER in (call["func_tool"].names() if call["func_tool"] else []) for call in chat.calls]
    assert offered == [False, True]
    assert ["announcing" in call["system_prompt"] for call in chat.calls] == offered


def test_skills_on_disk(tmp_path: Path) -> None:
    assert find_skills(tmp_path) == []
    shutil.copytree(SAMPLE / "skills", tmp_path / "skills")
    for name, text in (("bare", "Do it."), ("broken", "---\nname: [\n---\n")):
        (tmp_path / "skills" / name).mkdir()
        (tmp_path / "skills" / name / "SKILL.md").write_text(text, "utf-8")
    assert [(skill.name, bool(skill.description)) for skill in find_skills(tmp_path)] == [
        ("announcing", True),
        ("bare", False),
    ]
