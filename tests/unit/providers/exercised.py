"""What was exercised of each provider, and by which test: the table of ``docs/providers.md`` is made from this.

``python -m tests.unit.providers.exercised`` writes the table; ``test_exercised.py`` checks that it holds.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "providers.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
COLUMNS = ("text", "stream", "tools", "images", "cancel", "error mapping", "test button")

_OPENAI = {
    "text": "test_openai_chat.py::test_whole_answers",
    "stream": "test_openai_chat.py::test_it_streams_text_reasoning_and_usage",
    "tools": "test_openai_chat.py::test_parallel_tool_calls_and_their_results",
    "images": "test_openai_chat.py::test_images_and_audio_go_along",
    "cancel": "test_openai_chat.py::test_cancelling_closes_the_connection",
    "error mapping": "test_openai_chat.py::test_failures_are_coded_and_say_what_to_do",
    "test button": "test_openai_chat.py::test_models_and_the_test_button",
}
_CLAUDE_AND_GEMINI = {
    "text": "test_anthropic_gemini.py::test_text_streams_with_usage",
    "stream": "test_anthropic_gemini.py::test_text_streams_with_usage",
    "tools": "test_anthropic_gemini.py::test_parallel_tools_there_and_back",
    "images": "test_anthropic_gemini.py::test_images_audio_and_odd_histories",
    "cancel": "test_anthropic_gemini.py::test_a_slow_service_is_heard_word_by_word_and_can_be_left",
    "error mapping": "test_anthropic_gemini.py::test_failures",
    "test button": "test_anthropic_gemini.py::test_models_and_the_test_button",
}
_STREAMED_SPEECH = {
    "text": "test_speech_services.py::test_every_sample_arrives_once",
    "stream": "test_speech_services.py::test_the_start_is_heard_before_the_end_and_the_rest_can_be_left",
    "cancel": "test_speech_services.py::test_the_start_is_heard_before_the_end_and_the_rest_can_be_left",
    "error mapping": "test_speech_services.py::test_failures",
    "test button": "test_speech_services.py::test_every_sample_arrives_once",
}

EXERCISED: dict[str, dict[str, str]] = {
    "offline_assistant": {
        "text": "test_offline_assistant.py::test_what_it_does_not_know_it_says",
        "stream": "test_offline_assistant.py::test_it_streams_word_by_word_and_ends_with_the_whole",
        "tools": "test_offline_assistant.py::test_a_tool_is_called_and_its_result_worded",
        "test button": "test_offline_assistant.py::test_its_test_passes_and_it_needs_no_key",
    },
    "openai_chat_completion": _OPENAI,
    "openai_responses": _OPENAI,
    "anthropic_chat_completion": _CLAUDE_AND_GEMINI,
    "googlegenai_chat_completion": _CLAUDE_AND_GEMINI,
    "pocketsphinx_stt": {
        "text": "../test_pocketsphinx_stt.py::test_a_file",
        "stream": "../test_pocketsphinx_stt.py::test_partials_come_while_speaking",
        "cancel": "../test_pocketsphinx_stt.py::test_an_aborted_utterance_frees_its_process_at_once",
        "error mapping": "../test_pocketsphinx_stt.py::test_wrong_options_are_named",
    },
    "openai_whisper_api": {
        "text": "test_openai_speech.py::test_recognition",
        "error mapping": "test_openai_speech.py::test_recognition",
        "test button": "test_openai_speech.py::test_recognition",
    },
    "azure_stt": {
        "text": "test_speech_services.py::test_azure_recognition",
        "error mapping": "test_speech_services.py::test_azure_recognition",
    },
    "dashscope_stt": {
        "text": "test_speech_services.py::test_recognition_of_a_file",
        "stream": "test_speech_services.py::test_recognition_while_the_user_speaks",
        "cancel": "test_speech_services.py::test_an_utterance_that_is_dropped_leaves_nothing",
        "error mapping": "test_speech_services.py::test_recognition_failures",
    },
    "faster_whisper": {
        "text": "test_local_engines.py::test_faster_whisper_joins_what_the_model_heard",
        "error mapping": "test_local_engines.py::test_faster_whisper_without_a_model",
    },
    "sherpa_onnx_stt": {
        "text": "test_local_engines.py::test_sherpa_decodes_while_the_user_speaks",
        "stream": "test_local_engines.py::test_sherpa_decodes_while_the_user_speaks",
        "cancel": "test_local_engines.py::test_sherpa_decodes_while_the_user_speaks",
        "error mapping": "test_local_engines.py::test_sherpa_without_a_model",
    },
    "espeak_tts": {
        "text": "../test_espeak_tts.py::test_stream_and_file",
        "stream": "../test_espeak_tts.py::test_speech_comes_as_it_is_made",
        "cancel": "../test_espeak_tts.py::test_an_interruption_stops_the_synthesis",
        "error mapping": "../test_espeak_tts.py::test_wrong_options_are_named",
    },
    "openai_tts_api": {
        "text": "test_openai_speech.py::test_a_file",
        "stream": "test_openai_speech.py::test_the_start_is_heard_before_the_end_is_made",
        "cancel": "test_openai_speech.py::test_the_start_is_heard_before_the_end_is_made",
        "error mapping": "test_openai_speech.py::test_speech_failures",
    },
    "elevenlabs_tts_api": _STREAMED_SPEECH,
    "azure_tts": _STREAMED_SPEECH,
    "gsv_tts_selfhost": _STREAMED_SPEECH,
    "dashscope_tts": _STREAMED_SPEECH,
    "volcengine_tts": {
        name: test for name, test in _STREAMED_SPEECH.items() if name in ("text", "error mapping", "test button")
    },
    "edge_tts": {
        "text": "test_edge_tts.py::test_mp3_is_decoded_as_it_comes",
        "stream": "test_edge_tts.py::test_mp3_is_decoded_as_it_comes",
        "cancel": "test_edge_tts.py::test_leaving",
        "error mapping": "test_edge_tts.py::test_failures",
    },
    "piper_tts": {
        "text": "test_local_engines.py::test_piper_speaks_with_a_voice_made_here",
        "error mapping": "test_local_engines.py::test_piper_without_a_voice",
        "test button": "test_local_engines.py::test_piper_speaks_with_a_voice_made_here",
    },
    "openai_embedding": {
        "text": "test_openai_speech.py::test_embeddings",
        "test button": "test_openai_speech.py::test_embeddings",
    },
    "gemini_embedding": {"text": "test_anthropic_gemini.py::test_gemini_embeddings"},
}

AGAINST: dict[str, str] = {
    "offline_assistant": "itself",
    "pocketsphinx_stt": "the real engine",
    "espeak_tts": "the real engine",
    "faster_whisper": "the real library without a model; a fake of its interface",
    "sherpa_onnx_stt": "a fake of the library's interface",
    "piper_tts": "the real engine, a voice made by the test",
    "edge_tts": "the real library, a stand-in of the service",
    **dict.fromkeys(
        ("openai_chat_completion", "openai_responses", "openai_whisper_api", "openai_tts_api", "openai_embedding"),
        "the mock upstream",
    ),
}


def table() -> str:
    """The table as Markdown: a tick for what a test exercises, a dash for the rest."""
    head = ["type", *COLUMNS, "against"]
    rows = [
        [
            f"`{kind}`",
            *("✓" if column in tests else "–" for column in COLUMNS),
            AGAINST.get(kind, "a stand-in of the service"),
        ]
        for kind, tests in EXERCISED.items()
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def missing_tests() -> list[str]:
    """Tests that the table names and that do not exist."""
    missing = []
    for named in {test for tests in EXERCISED.values() for test in tests.values()}:
        file, _, function = named.partition("::")
        tree = ast.parse((Path(__file__).parent / file).read_text("utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if function not in defined:
            missing.append(named)
    return missing


def written(document: str) -> str:
    """The document with the table as it is now."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8")), "utf-8")
