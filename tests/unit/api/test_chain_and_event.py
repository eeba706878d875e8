"""Chains, results and events."""

from __future__ import annotations

from pathlib import Path

import pytest

import astrbot_like.api.message_components as Comp
from astrbot_like.api.event import MessageChain, MessageEventResult, ResultContentType
from astrbot_like.api.incoming import MessageSession, MessageType, PlatformMetadata
from astrbot_like.api.message_event import AstrMessageEvent
from astrbot_like.api.provider import ProviderRequest
from astrbot_like.api.testing import make_event, make_message
from astrbot_like.api.texts import language


def test_chain_is_built_piece_by_piece() -> None:
    chain = MessageChain().message("a").at("n", 1).at_all().url_image("http://x/a.png").message("b")
    chain.file_image("/tmp/x.png").base64_image("aGk=").use_t2i(True).use_markdown()
    assert [type(part) for part in chain.chain] == [
        Comp.Plain,
        Comp.At,
        Comp.AtAll,
        Comp.Image,
        Comp.Plain,
        Comp.Image,
        Comp.Image,
    ]
    assert chain.get_plain_text() == "a b"
    assert chain.get_plain_text(with_other_comps_mark=True) == "a [At] [AtAll] [Image] b [Image] [Image]"
    derived = chain.derive([Comp.Plain("c")])
    assert (derived.use_t2i_, derived.use_markdown_, derived.get_plain_text()) == (True, True, "c")
    assert MessageChain().chain is not MessageChain().chain


def test_an_event_without_text_has_an_empty_one() -> None:
    message = make_message("")
    event = AstrMessageEvent(None, message, PlatformMetadata("n", "d"), "s")  # type: ignore[arg-type]
    assert (event.message_str, event.unified_msg_origin) == ("", "n:FriendMessage:s")


def test_squash_joins_texts_into_the_first() -> None:
    chain = MessageChain([Comp.At(qq=1), Comp.Plain("a"), Comp.Face(id=1), Comp.Plain("b")])
    chain.squash_plain()
    assert chain.chain == [Comp.At(qq=1), Comp.Plain("ab"), Comp.Face(id=1)]
    assert MessageChain().squash_plain() is None


def test_result_states() -> None:
    result = MessageEventResult().message("x")
    assert not result.is_stopped()
    assert result.stop_event() is result
    assert result.is_stopped()
    assert not result.continue_event().is_stopped()
    assert not result.is_llm_result()
    result.set_result_content_type(ResultContentType.LLM_RESULT)
    assert result.is_llm_result()
    assert result.is_model_result()
    result.set_result_content_type(ResultContentType.AGENT_RUNNER_ERROR)
    assert result.is_model_result()
    assert not result.is_llm_result()


def test_where_an_event_comes_from() -> None:
    private, group = make_event("hi"), make_event("hi", group="20001")
    assert private.unified_msg_origin == "test:FriendMessage:10001"
    assert group.unified_msg_origin == "test:GroupMessage:20001"
    assert (private.get_group_id(), group.get_group_id()) == ("", "20001")
    assert private.is_private_chat()
    assert not group.is_private_chat()
    assert (group.get_sender_id(), group.get_sender_name(), group.get_self_id()) == ("10001", "tester", "bot")
    assert (group.get_platform_name(), group.get_platform_id(), group.platform) == ("test", "test", group.platform_meta)
    assert group.session_id == group.get_session_id() == "20001"
    group.session_id = "x"
    assert group.unified_msg_origin == "test:GroupMessage:x"
    group.unified_msg_origin = "p:OtherMessage:a:b"
    assert group.session == MessageSession("p", MessageType.OTHER_MESSAGE, "a:b")


def test_incomplete_messages_are_survived() -> None:
    message = make_message("x")
    message.sender.user_id = 5  # type: ignore[assignment]
    message.sender.nickname = None
    message.type = "nonsense"  # type: ignore[assignment]
    event = AstrMessageEvent("x", message, PlatformMetadata("t", "d", "i"), "s")
    assert event.get_sender_id() == ""
    assert event.get_sender_name() == ""
    assert event.get_message_type() == MessageType.FRIEND_MESSAGE


def test_outline() -> None:
    event = make_event(
        [
            Comp.Plain("a"),
            Comp.Image(file="x"),
            Comp.Face(id=3),
            Comp.At(qq=7),
            Comp.Forward(id="1"),
            Comp.Reply(id=1),
            Comp.Reply(id=1, sender_nickname="n", message_str="q"),
            Comp.Record(file="x"),
        ]
    )
    assert event.get_message_outline() == (
        "a [图片] [表情:3] [At:7] [转发消息] [引用消息] [引用消息(n: q)] [ComponentType.Record]"
    )
    token = language.set("en")
    assert make_event([Comp.Image(file="x")]).get_message_outline() == "[image]"
    language.reset(token)


def test_results_are_built_not_sent() -> None:
    event = make_event("x")
    parts: list[Comp.BaseMessageComponent] = [Comp.Plain("a")]
    assert event.chain_result(parts).chain is parts
    assert event.plain_result("a").chain == [Comp.Plain("a")]
    assert event.image_result("http://x").chain == [Comp.Image.fromURL("http://x")]
    assert event.image_result("/tmp/a").chain == [Comp.Image.fromFileSystem(Path("/tmp/a"))]
    event.set_result("text")
    result = event.get_result()
    assert result is not None
    assert result.get_plain_text() == "text"
    assert event._result is result
    event.clear_result()
    assert event.get_result() is None
    assert event.sent == []


def test_stop_is_sticky_and_survives_a_cleared_result() -> None:
    event = make_event("x")
    event.set_result("a")
    event.stop_event()
    event.clear_result()
    assert event.is_stopped()
    event.continue_event()
    assert not event.is_stopped()
    event.set_result(event.plain_result("b").stop_event())
    assert event.is_stopped()


async def test_send_notes_that_something_was_sent() -> None:
    event = make_event("x")
    assert not event._has_send_oper
    await event.send(event.plain_result("a"))
    assert event._has_send_oper
    assert event.sent_texts == ["a"]
    await event.react("👍")
    assert event.sent_texts[-1] == "👍"


async def test_streaming_falls_back_to_whole_messages() -> None:
    async def pieces():
        for text in ("Hel", "lo"):
            yield MessageChain([Comp.Plain(text)])
        yield MessageChain([Comp.Face(id=1)])

    event = make_event("x")
    await event.send_streaming(pieces())
    assert event.sent[0].chain == [Comp.Plain("Hello"), Comp.Face(id=1)]


def test_extras_and_flags() -> None:
    event = make_event("x")
    event.set_extra("a", 1)
    assert event.get_extra("a") == 1
    assert event.get_extra("b", 2) == 2
    assert event.get_extra() == {"a": 1}
    event.clear_extra()
    assert event.get_extra() == {}
    event.should_call_llm(True)
    assert event.call_llm
    assert not event.is_admin()
    assert make_event("x", admin=True).is_admin()


def test_request_llm_only_builds() -> None:
    event = make_event("x")
    request = event.request_llm("p", system_prompt="s", image_urls=["u"])
    assert isinstance(request, ProviderRequest)
    assert (request.prompt, request.system_prompt, request.image_urls, request.contexts) == ("p", "s", ["u"], [])
    conversation = object()
    assert event.request_llm("p", conversation=conversation).conversation is conversation
    given = event.request_llm("p", contexts=[{"role": "user", "content": "x"}], conversation=conversation)
    assert given.conversation is None


def test_temporary_files_go(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("x")
    event = make_event("x")
    event.track_temporary_local_file(str(path))
    event.cleanup_temporary_local_files()
    assert not path.exists()


@pytest.mark.parametrize("text", ["a", "a:b", "a:Nonsense:c"])
def test_malformed_origin(text: str) -> None:
    with pytest.raises(ValueError):
        MessageSession.from_str(text)


def test_group_id_of_a_message() -> None:
    message = make_message("x")
    assert message.group_id == ""
    message.group_id = "5"
    assert message.group is not None
    assert message.group.group_id == "5"
    message.group_id = None
    assert message.group is None
