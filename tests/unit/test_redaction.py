"""Nothing that looks like a secret survives."""

import pytest

from astrbot_like.runtime.redaction import redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET /api/v1/live/ws?api_key=abk_Zm9vYmFyYmF6cXV4&ct=live", "Zm9vYmFy"),
        ("Authorization: Bearer abcdef123456", "abcdef123456"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImEifQ.c2ln here", "eyJ1c2Vy"),
        ('{"password": "hunter22"}', "hunter22"),
        ("Incorrect API key provided: sk-proj-abcdefghijklmnop", "abcdefghijklmnop"),
        ("http://user:pa55word@host/x", "pa55word"),
        ("?key=0123456789", "0123456789"),
        ("GET /api/plugin/page/content/Zm9vYmFyYmF6cXV4Zm9vYmFy/app.js", "Zm9vYmFy"),
        ('{"app_secret": "hunter2222"}', "hunter2222"),
        ("client-secret=hunter2222&a=b", "hunter2222"),
        ('"accessToken":"hunter2222"', "hunter2222"),
        ("apikey: hunter2222", "hunter2222"),
        ("apiKey=hunter2222", "hunter2222"),
        ("SECRET_KEY=hunter2222", "hunter2222"),
        ("sent with xoxb-123456789-abcdefghijk", "abcdefghijk"),
        ("sent with ghp_abcdefghijklmnopqrstuvwxyz", "abcdefgh"),
    ],
)
def test_secrets_are_masked(text: str, secret: str):
    assert secret not in redact(text)


@pytest.mark.parametrize("text", ["the key to success", "token count: 12", "a plain sentence, with: colons"])
def test_plain_words_stay(text: str):
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece", ["eyJ-", "eyJa.", "a+b-c.", "a-", "key_", "key: ", "a://b:", "bearer aaaaa ", "abk_", "sk-a-", "a" * 9]
)
def test_a_hostile_text_takes_time_in_proportion_to_its_length(piece: str):
    """Where time grew with the square, each of these would take minutes, and the test's time limit ends it."""
    assert redact(piece * (300_000 // len(piece)))
