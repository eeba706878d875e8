"""A typed, asynchronous client of the bot: live voice, chat, files and sessions.

    async with BotClient("http://localhost:6185", api_key="abk_…", username="alice") as bot:
        async for frame in bot.chat.send("What time is it?"):
            ...

It needs nothing of the server's parts; a program may use it with the package installed and no server started.
"""

from astrbot_like.client.bot import BotClient
from astrbot_like.client.chat import ChatOptions, ChatSocket, Reconnected, SendOptions
from astrbot_like.client.errors import ApiError, ClientError, ConnectionClosed, Refused
from astrbot_like.client.files import UploadedFile
from astrbot_like.client.live import LiveSocket, Turn
from astrbot_like.client.sessions import SessionInfo, SessionPage

__all__ = [
    "ApiError",
    "BotClient",
    "ChatOptions",
    "ChatSocket",
    "ClientError",
    "ConnectionClosed",
    "LiveSocket",
    "Reconnected",
    "Refused",
    "SendOptions",
    "SessionInfo",
    "SessionPage",
    "Turn",
    "UploadedFile",
]
