"""Settings come from file, environment and command line, and the page that tells of them is current."""

from __future__ import annotations

from pathlib import Path

import pytest

from astrbot_like.config import load_settings, options
from astrbot_like.domain.errors import ConfigError
from scripts.write_settings_docs import PAGE, page


def test_the_later_source_wins(tmp_path: Path):
    file = tmp_path / "s.toml"
    file.write_text('port = 1\n[server]\nhost = "0.0.0.0"\n[voice]\nsilence = 0.7\n')
    environment = {"ASTRBOT_LIKE_PORT": "2", "ASTRBOT_LIKE_VOICE_SILENCE": "0.9", "ASTRBOT_LIKE_TOOL_DEADLINE": "5"}
    settings = load_settings(environment, file=file, given={"server.port": 3})
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 3)
    assert settings.voice.silence == 0.9
    assert settings.turn.tool_deadline == 5


def test_declarations_are_read(tmp_path: Path):
    file = tmp_path / "s.toml"
    file.write_text(
        '[[providers]]\nid = "a"\ntype = "b"\nanything = 1\n'
        '[profiles.default]\nllm = ["a"]\n[profiles.default.host]\nadmins_id = ["1"]\n'
    )
    settings = load_settings({}, file=file)
    assert settings.providers == [{"id": "a", "type": "b", "anything": 1}]
    assert settings.profiles["default"]["host"] == {"admins_id": ["1"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server]\nport = 'x'", "port"),
        ("[server]\nprot = 1", "prot"),
        ("nonsense = 1", "nonsense"),
        ("server = 3", "server"),
        ("[server\n", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, text: str, says: str):
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings({}, file=file)
    assert says in caught.value.message and "\n" not in caught.value.message.strip()


def test_wrong_values_in_the_environment_name_the_variable():
    with pytest.raises(ConfigError, match="ASTRBOT_LIKE_PORT"):
        load_settings({"ASTRBOT_LIKE_PORT": "many"})


def test_every_option_has_a_description_and_its_own_variable():
    known = options()
    assert [option.name for option in known if not option.description] == []
    variables = [option.variable for option in known]
    assert len(variables) == len(set(variables))


def test_the_page_is_current():
    assert PAGE.read_text("utf-8") == page(), "run: python -m scripts.write_settings_docs"
