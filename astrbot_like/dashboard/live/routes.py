"""The three live endpoints: accept, authenticate, hand over to the pump."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from quart import Quart, websocket

from astrbot_like.dashboard import credentials
from astrbot_like.dashboard.auth import INVALID_KEY, socket_error_code
from astrbot_like.dashboard.chat.peer import ChatPeer
from astrbot_like.dashboard.chat.turns import ChatTurns
from astrbot_like.dashboard.identity import Identity, checked_username
from astrbot_like.dashboard.live.frames import Error
from astrbot_like.dashboard.live.peer import CT_WRONG, LivePeer, Mode
from astrbot_like.dashboard.live.wire import RATES, AudioFormat, AudioOptions, LiveWire
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable, key_scope
from astrbot_like.dashboard.security import origin_allowed
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.dashboard.socket_pump import GOING_AWAY, OpenSockets, SocketPump, close_socket
from astrbot_like.dashboard.tokens import EXPIRED, INVALID
from astrbot_like.dashboard.websocket import DirectWebsocket, install_direct_websockets
from astrbot_like.dashboard.wire_errors import RefusedFrame
from astrbot_like.domain.errors import AtCapacity, BotError, InvalidMessage, Unauthorized
from astrbot_like.domain.live import LiveOpen
from astrbot_like.runtime.channels import Channel

OPEN_SOCKETS = "astrbot_like.open_sockets"
POLICY_VIOLATION = 1008
TRUE = frozenset({"1", "true", "yes", "on"})

encode = msgspec.json.Encoder().encode


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the endpoints on the application."""
    install_direct_websockets(app)
    routes = RouteTable.of(app).group("Live")
    endpoints = LiveEndpoints(services, open_sockets(app))

    @routes.websocket("/api/live_chat/ws", access=DASHBOARD)
    async def live_chat_ws() -> None:
        """Voice over one connection, for the dashboard. Frames: docs/live-protocol.md."""
        await endpoints.signed_in(_socket(), "live")

    @routes.websocket("/api/unified_chat/ws", access=DASHBOARD)
    async def unified_chat_ws() -> None:
        """Voice and chat over one connection, told apart by ``ct`` of each frame."""
        await endpoints.signed_in(_socket(), "both")

    @routes.websocket("/api/v1/live/ws", access=key_scope("chat"))
    async def open_api_live_ws() -> None:
        """Voice or chat (query ``ct``) for programs with an API key."""
        await endpoints.with_key(_socket())


def open_sockets(app: Quart) -> OpenSockets:
    """All WebSocket connections of the application; the host drains them before it stops."""
    return app.extensions.setdefault(OPEN_SOCKETS, OpenSockets())


async def refuse(socket: DirectWebsocket, error: BotError, reason: str = "") -> None:
    """Tell a program why its connection is not taken, and close it; ``reason`` is the error's text when empty."""
    await socket.send(encode(RefusedFrame(socket_error_code(error), error.message)).decode())
    await close_socket(socket, POLICY_VIOLATION, reason or error.message)


def _socket() -> DirectWebsocket:
    return cast("DirectWebsocket", websocket._get_current_object())  # type: ignore[attr-defined]


def audio_options(query: Mapping[str, str]) -> AudioOptions:
    """The audio a client negotiated.

    Raises:
        InvalidMessage: A value outside its set.
    """
    wanted = query.get("audio", "wav")
    if wanted not in ("wav", "pcm16"):
        raise InvalidMessage("audio must be 'wav' or 'pcm16'")
    rate = query.get("rate", "24000")
    if rate not in {str(known) for known in RATES}:
        raise InvalidMessage("rate must be 16000, 24000 or 48000")
    return AudioOptions(cast("AudioFormat", wanted), int(rate), query.get("binary", "").lower() in TRUE)


def lost_reason(identity: Identity, now: float) -> str:
    """The close reason when a credential stops being valid during a connection (``now``: seconds since the epoch)."""
    if identity.kind == "key":
        return INVALID_KEY
    return EXPIRED if identity.expires_at is not None and identity.expires_at <= now else INVALID


class LiveEndpoints:
    """What the endpoints share."""

    def __init__(self, services: DashboardServices, sockets: OpenSockets) -> None:
        self._services = services
        self._sockets = sockets
        self._turns = ChatTurns(services.sessions, services.gateway, services.clock)

    async def signed_in(self, socket: DirectWebsocket, mode: Mode) -> None:
        """A connection with a sign-in token; a refusal is a close reason, which a browser can read."""
        await socket.accept()
        try:
            identity = await self._services.authenticator.socket_token(socket)
            self._check_origin(socket)
        except BotError as error:
            await close_socket(socket, POLICY_VIOLATION, error.message)
            return
        try:
            audio = audio_options(socket.args)
        except InvalidMessage as error:
            await socket.send(encode(Error(error.message, error.code)).decode())
            await close_socket(socket, POLICY_VIOLATION, error.message)
            return
        await self._serve(socket, identity, identity.username, mode, audio)

    async def with_key(self, socket: DirectWebsocket) -> None:
        """A connection with an API key; a refusal is a frame and a close reason."""
        await socket.accept()
        reason = ""
        try:
            identity = await self._services.authenticator.api_key(credentials.api_key(socket), "chat")
            username = checked_username(socket.args.get("username"))
            mode = socket.args.get("ct", "live")
            if mode not in ("live", "chat"):
                reason = "Invalid ct"
                raise InvalidMessage(CT_WRONG)
            audio = audio_options(socket.args)
        except BotError as error:
            await refuse(socket, error, reason)
            return
        await self._serve(socket, identity, username, cast("Mode", mode), audio)

    def _check_origin(self, socket: DirectWebsocket) -> None:
        origin, host = socket.headers.get("Origin"), socket.headers.get("Host", "")
        if not origin_allowed(origin, host, self._services.settings.allowed_origins):
            raise Unauthorized("Origin not allowed")

    async def _serve(
        self, socket: DirectWebsocket, identity: Identity, username: str, mode: Mode, audio: AudioOptions
    ) -> None:
        services, limits = self._services, self._services.settings.sockets
        output: Channel[Any] = Channel(limits.outbound_frames)
        credential = identity.credential if identity.kind == "key" else ""
        chat = (
            None
            if mode == "live"
            else ChatPeer(
                turns=self._turns,
                events=services.session_events,
                history=services.history,
                username=username,
                credential=credential,
                output=output,
                limits=limits,
            )
        )
        peer = LivePeer(
            mode=mode,
            output=output,
            open_session=lambda: services.live_sessions.open(LiveOpen(username, credential, audio.rate), output),
            wire=LiveWire(audio, lambda: int(services.clock.time() * 1000)),
            chat=chat,
            binary=audio.binary,
            max_text=limits.max_text_chars,
        )
        if mode == "live" and not await self._admitted(socket, peer):
            return
        pump = SocketPump(socket, peer, slow_client_timeout=limits.slow_client_timeout)
        unwatch = services.credential_watch.add(
            identity, lambda: pump.stop(POLICY_VIOLATION, lost_reason(identity, services.clock.time()))
        )
        self._sockets.add(pump)
        try:
            if self._sockets.closing:
                pump.stop(GOING_AWAY, "Server is stopping")
            await pump.run()
        finally:
            unwatch()
            self._sockets.discard(pump)

    @staticmethod
    async def _admitted(socket: DirectWebsocket, peer: LivePeer) -> bool:
        """Take a place for a live session before anything is said, so that a refusal comes at once."""
        try:
            _ = peer.session
        except AtCapacity as error:
            await socket.send(encode(Error(error.message, error.code)).decode())
            await close_socket(socket, 1013, error.message)
            return False
        return True
