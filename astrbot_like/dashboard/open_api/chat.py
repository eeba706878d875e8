"""Chat for programs, and for the dashboard's plain HTTP: a message in, a stream of events out; or by a socket."""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta
from quart import Quart, Response, websocket

from astrbot_like.dashboard import credentials
from astrbot_like.dashboard.chat import frames as f
from astrbot_like.dashboard.chat.requests import RequestsInFlight
from astrbot_like.dashboard.chat.turns import ChatCall, ChatTurns
from astrbot_like.dashboard.chat.wire import EMPTY, ChatWire, encode, refusal
from astrbot_like.dashboard.identity import Identity, checked_username
from astrbot_like.dashboard.live.routes import POLICY_VIOLATION, lost_reason, open_sockets, refuse
from astrbot_like.dashboard.parts import check_text_length, parse_parts, parse_text
from astrbot_like.dashboard.routing import DASHBOARD, Answer, RouteTable, key_scope
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.dashboard.settings import SocketSettings
from astrbot_like.dashboard.socket_pump import GOING_AWAY, SocketPump
from astrbot_like.dashboard.sse import ReplyEvents
from astrbot_like.dashboard.validation import decode_json
from astrbot_like.dashboard.websocket import DirectWebsocket
from astrbot_like.dashboard.wire_errors import NOT_AN_OBJECT, NOT_JSON
from astrbot_like.domain import errors
from astrbot_like.domain.messages import MessagePart
from astrbot_like.domain.turns import Origin, TurnOptions
from astrbot_like.runtime.channels import Channel
from astrbot_like.runtime.ids import new_id

STREAM = Answer(
    "text/event-stream",
    "Events `data: {json}`: first `session_id`, then the chat frames, last `end`.",
    events=(f.ChatTypedFrame, f.ChatError),
)


class ChatBody(msgspec.Struct, frozen=True):
    """A message to the bot.

    Attributes:
        message: Text, or a list of parts.
        conversation_id: Another name for ``session_id``.
        config_id: Bind the session to this profile; ``default`` resets it.
        config_name: The same by name.
    """

    message: Annotated[
        str | list[dict[str, Any]] | None, Meta(description="Text, or a list of parts.", examples=["What time is it?"])
    ] = None
    username: Annotated[str | None, Meta(description="The end user.", examples=["alice"])] = None
    session_id: Annotated[f.ClientId | None, Meta(description="Made when missing.")] = None
    conversation_id: Annotated[f.ClientId | None, Meta(description="Another name for session_id.")] = None
    message_id: Annotated[f.ClientId | None, Meta(description="Your name for the request; made when missing.")] = None
    selected_provider: Annotated[str | None, Meta(description="Id of a chat provider.")] = None
    selected_model: Annotated[str | None, Meta(description="A model of that provider.")] = None
    enable_streaming: Annotated[bool, Meta(description="Deltas as they come, or the whole text at the end.")] = True
    show_reasoning: Annotated[bool, Meta(description="Reasoning of the model, too.")] = False
    persona_prompt: Annotated[str | None, Meta(description="Replaces the persona's system prompt.")] = None
    locale: Annotated[
        f.Locale | None, Meta(description="BCP 47 tag: answers of commands come in that language.", examples=["en"])
    ] = None
    config_id: Annotated[str | None, Meta(description="Bind the session to this profile; default resets it.")] = None
    config_name: Annotated[str | None, Meta(description="The same by name.")] = None


class _SocketFrame(msgspec.Struct, frozen=True):
    t: Any = "send"
    message_id: Any = None


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes on the application."""
    chats = OpenChats(services)
    failures = (
        *(errors.InvalidMessageFormat, errors.BadUser, errors.SessionError, errors.ConfigError),
        *(errors.ProcessingError, errors.Unavailable),
    )
    routes = RouteTable.of(app)

    @routes.group("Chat").post("/api/v1/chat", access=key_scope("chat"), errors=failures, answer=STREAM)
    async def chat(identity: Identity, body: ChatBody) -> Response:
        """Send a message and read the reply as it is made."""
        username = checked_username(body.username)
        return await chats.stream(body, username, identity.credential, "open_api")

    @routes.group("Chat").websocket("/api/v1/chat/ws", access=key_scope("chat"))
    async def open_api_chat_ws() -> None:
        """The same over a socket: frames `{"t":"send", …}`, answers as the events.

        `{"t":"interrupt"}` stops the request that its `message_id` names, else all of the connection;
        `{"t":"ping"}` is answered.
        """
        await chats.socket(cast("DirectWebsocket", websocket._get_current_object()), app)  # type: ignore[attr-defined]

    @routes.group("Dashboard chat").post("/api/chat/send", access=DASHBOARD, errors=failures, answer=STREAM)
    async def send_chat(identity: Identity, body: ChatBody) -> Response:
        """Send a message as the signed-in user and read the reply as it is made."""
        return await chats.stream(body, identity.username, "", "chat")


class OpenChats:
    """From a request's body to a running turn."""

    def __init__(self, services: DashboardServices) -> None:
        self._services = services
        self.turns = ChatTurns(services.sessions, services.gateway, services.clock, services.profiles)

    async def stream(self, body: ChatBody, username: str, credential: str, origin: Origin) -> Response:
        """Start the turn; what is wrong with the request is an HTTP answer, what goes wrong later an event."""
        call = await self.call(body, username, credential, origin)
        session = await self.turns.session(call)
        reply = await self.turns.submit(call, session)
        wire = open_wire(session.session_id, call.message_id, show_reasoning=body.show_reasoning)
        first = f.SessionIdFrame(session_id=session.session_id, message_id=call.message_id)
        return ReplyEvents(first, reply, wire, self._services.supervisor).response()

    async def call(self, body: ChatBody, username: str, credential: str, origin: Origin) -> ChatCall:
        """The checked request.

        Raises:
            InvalidMessageFormat: ``Missing key: message``, or a message that is empty or of the wrong form.
            ConfigError: ``config_id not found: X``, ``config_name not found: X`` and the like.
        """
        parts = self._parts(body.message)
        profile = None
        if body.config_id or body.config_name:
            profile = await self._services.profiles.chosen(
                config_id=body.config_id or None, config_name=body.config_name or None
            )
        options = TurnOptions(
            streaming=body.enable_streaming,
            show_reasoning=body.show_reasoning,
            profile_id=None if profile is None else profile.id,
            llm_provider=body.selected_provider or None,
            model=body.selected_model or None,
            persona_prompt=body.persona_prompt or None,
            locale=body.locale or None,
        )
        return ChatCall(
            username=username,
            message_id=body.message_id or new_id(),
            parts=parts,
            options=options,
            origin=origin,
            session_id=body.session_id or body.conversation_id or None,
            credential=credential,
        )

    async def socket(self, socket: DirectWebsocket, app: Quart) -> None:
        """A connection of ``/api/v1/chat/ws``."""
        services = self._services
        await socket.accept()
        try:
            identity = await services.authenticator.api_key(credentials.api_key(socket), "chat")
        except errors.BotError as error:
            await refuse(socket, error)
            return
        sockets = open_sockets(app)
        limits = services.settings.sockets
        peer = OpenChatPeer(self, identity.credential, limits)
        pump = SocketPump(socket, peer, slow_client_timeout=limits.slow_client_timeout)
        unwatch = services.credential_watch.add(
            identity, lambda: pump.stop(POLICY_VIOLATION, lost_reason(identity, services.clock.time()))
        )
        sockets.add(pump)
        try:
            if sockets.closing:
                pump.stop(GOING_AWAY, "Server is stopping")
            await pump.run()
        finally:
            unwatch()
            sockets.discard(pump)

    def _parts(self, message: Any) -> tuple[MessagePart, ...]:
        if message is None:
            raise errors.InvalidMessageFormat("Missing key: message")
        parts = parse_parts(message, empty=EMPTY) if isinstance(message, list) else parse_text(message, empty=EMPTY)
        check_text_length(parts, self._services.settings.sockets.max_text_chars)
        return parts


class OpenChatPeer:
    """One connection's side of the pump."""

    def __init__(self, chats: OpenChats, credential: str, limits: SocketSettings) -> None:
        self.output: Channel[Any] = Channel(limits.outbound_frames)
        self._chats = chats
        self._credential = credential
        self._requests = RequestsInFlight(chats.turns, self.output, limits.chat_requests)
        self._decode = msgspec.json.Decoder(_SocketFrame).decode

    @property
    def busy(self) -> bool:
        """Whether a request is running."""
        return len(self._requests) > 0

    def receive(self, raw: str | bytes) -> Any:
        """Deal with a frame; see ``Peer``."""
        if isinstance(raw, bytes):
            raise errors.InvalidMessageFormat("Binary frames are not used here")
        try:
            return self._act(raw)
        except errors.BotError as error:
            return refusal(error, raw, ct=None)

    def _act(self, raw: str) -> f.ChatPong | None:
        try:
            frame = self._decode(raw)
        except msgspec.ValidationError:
            raise errors.InvalidMessageFormat(NOT_AN_OBJECT) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise errors.InvalidMessageFormat(NOT_JSON) from None
        match frame.t:
            case "ping":
                return f.ChatPong()
            case "interrupt":
                self._requests.interrupt(_request_name(frame.message_id))
            case "send":
                self._send(raw)
            case kind:
                raise errors.InvalidMessageFormat(f"Unsupported message type: {str(kind)[:64]}")
        return None

    def refused(self, error: errors.BotError) -> f.ChatError:
        """The frame that tells of a refusal."""
        return ChatWire(session_id="", message_id="", ct=None).error(error)

    def frames(self, item: f.ChatOutFrame) -> tuple[str]:
        """What is sent for a frame."""
        return (encode(item),)

    async def aclose(self) -> None:
        """End what is running."""
        self.output.close()
        await self._requests.aclose()

    def _send(self, raw: str) -> None:
        body = _socket_body(raw)
        username = checked_username(body.username)
        message_id = body.message_id or new_id()

        async def prepare() -> ChatCall:
            call = await self._chats.call(body, username, self._credential, "open_api")
            return msgspec.structs.replace(call, message_id=message_id)

        def make_wire(session_id: str) -> ChatWire:
            return open_wire(session_id, message_id, show_reasoning=body.show_reasoning)

        async def opened(session_id: str) -> None:
            await self.output.send(f.SessionIdFrame(session_id=session_id, message_id=message_id))

        self._requests.start(message_id, prepare, make_wire, opened)


def _request_name(message_id: Any) -> str | None:
    if message_id is not None and not isinstance(message_id, str):
        raise errors.InvalidMessageFormat("message_id must be a string")
    return message_id


def _socket_body(raw: str) -> ChatBody:
    try:
        return decode_json(raw, ChatBody)
    except errors.BadRequest as error:
        raise errors.InvalidMessageFormat(error.message) from None


def open_wire(session_id: str, message_id: str, *, show_reasoning: bool) -> ChatWire:
    """The wire of an Open API request: chat frames without ``ct``."""
    return ChatWire(session_id=session_id, message_id=message_id, ct=None, show_reasoning=show_reasoning)
