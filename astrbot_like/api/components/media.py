"""Pictures, voice, video and files."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from astrbot_like.api import media
from astrbot_like.api.components.base import BaseMessageComponent, ComponentType
from astrbot_like.api.current import current_host


def _checked_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"not a valid url: {url[:200]}")
    return url


def _file_fields(path: str | Path) -> dict[str, str]:
    # The file need not exist yet, so it is named, not read.
    absolute = Path(path).resolve(strict=False)
    return {"file": absolute.as_uri(), "path": str(absolute)}


async def _register(path: str) -> str:
    """Offer a local file by URL.

    Raises:
        RuntimeError: ``callback_api_base`` is not configured.
    """
    return await current_host().register_file(path)


class Image(BaseMessageComponent):
    """A picture.

    Attributes:
        file: URL, ``file://`` URI, ``base64://…`` or path.
        url: Where an incoming picture can be fetched.
        path: Local path, when there is one.
        name: What its sender calls the file, when known.
    """

    type = ComponentType.Image
    file: str | None = ""
    url: str | None = ""
    path: str | None = ""
    name: str | None = None

    def __init__(self, file: str | None, **values: Any) -> None:
        super().__init__(file=file, **values)

    @staticmethod
    def fromURL(url: str, **values: Any) -> Image:
        """A picture on the web.

        Raises:
            ValueError: Not an http(s) URL.
        """
        return Image(file=_checked_url(url), **values)

    @staticmethod
    def fromFileSystem(path: str | Path, **values: Any) -> Image:
        """A local picture; the file need not exist yet."""
        return Image(**{**values, **_file_fields(path)})

    @staticmethod
    def fromBase64(base64: str, **values: Any) -> Image:
        """A picture given as Base64 text."""
        return Image(file=f"base64://{base64}", **values)

    @staticmethod
    def fromBytes(byte: bytes) -> Image:
        """A picture given as encoded bytes (PNG, JPEG …)."""
        return Image.fromBase64(base64.b64encode(byte).decode())

    @staticmethod
    def fromIO(IO: BinaryIO) -> Image:
        """A picture read from a binary file object."""
        return Image.fromBytes(IO.read())

    async def convert_to_file_path(self) -> str:
        """Absolute path of a local file with the picture; fetched or decoded when needed.

        Raises:
            ValueError: There is no picture, or it can't be read.
        """
        return await media.local_path(await self._source(), "image")

    async def convert_to_base64(self) -> str:
        """The picture as Base64, without prefix.

        Raises:
            ValueError: There is no picture, or it can't be read.
        """
        return await media.as_base64(await self._source(), "image")

    async def register_to_file_service(self) -> str:
        """Offer the picture by URL; returns the URL.

        Raises:
            RuntimeError: ``callback_api_base`` is not configured.
        """
        return await _register(await self.convert_to_file_path())

    async def _source(self) -> str:
        source = await media.first_usable(self.url, self.file, self.path)
        if not source:
            raise ValueError("No valid file or URL provided")
        return source


class Record(BaseMessageComponent):
    """A voice message.

    Attributes:
        file: URL, ``file://`` URI, ``base64://…`` or path.
        text: What is said in it, when known.
        name: What its sender calls the file, when known.
    """

    type = ComponentType.Record
    file: str | None = ""
    url: str | None = ""
    text: str | None = None
    path: str | None = None
    name: str | None = None

    def __init__(self, file: str | None, **values: Any) -> None:
        super().__init__(file=file, **values)

    @staticmethod
    def fromFileSystem(path: str | Path, **values: Any) -> Record:
        """A local audio file; it need not exist yet."""
        return Record(**{**values, **_file_fields(path)})

    @staticmethod
    def fromURL(url: str, **values: Any) -> Record:
        """Audio on the web.

        Raises:
            ValueError: Not an http(s) URL.
        """
        return Record(file=_checked_url(url), **values)

    @staticmethod
    def fromBase64(bs64_data: str, **values: Any) -> Record:
        """Audio given as Base64 text."""
        return Record(file=f"base64://{bs64_data}", **values)

    async def convert_to_file_path(self) -> str:
        """Absolute path of a local WAV file with the audio.

        Raises:
            ValueError: There is no audio, or it can't be read or decoded.
        """
        return await media.as_wav(await media.local_path(await self._source(), "audio"))

    async def convert_to_base64(self) -> str:
        """The audio as Base64 of a WAV file, without prefix.

        Raises:
            ValueError: There is no audio, or it can't be read or decoded.
        """
        return await media.as_base64(await self.convert_to_file_path(), "audio")

    async def register_to_file_service(self) -> str:
        """Offer the audio by URL; returns the URL.

        Raises:
            RuntimeError: ``callback_api_base`` is not configured.
        """
        return await _register(await self.convert_to_file_path())

    async def _source(self) -> str:
        source = await media.first_usable(self.file, self.url, self.path)
        if not source:
            raise ValueError(f"not a valid file: {self.file}")
        return source


class Video(BaseMessageComponent):
    """A video; ``cover`` is its still picture, ``name`` what its sender calls the file."""

    type = ComponentType.Video
    file: str
    url: str | None = ""
    cover: str | None = ""
    path: str | None = ""
    name: str | None = None

    def __init__(self, file: str, **values: Any) -> None:
        super().__init__(file=file, **values)

    @staticmethod
    def fromFileSystem(path: str | Path, **values: Any) -> Video:
        """A local video; the file need not exist yet."""
        return Video(**{**values, **_file_fields(path)})

    @staticmethod
    def fromURL(url: str, **values: Any) -> Video:
        """A video on the web.

        Raises:
            ValueError: Not an http(s) URL.
        """
        return Video(file=_checked_url(url), **values)

    @staticmethod
    def fromBase64(base64_data: str, **values: Any) -> Video:
        """A video given as Base64 text."""
        return Video(file=f"base64://{base64_data}", **values)

    async def convert_to_file_path(self) -> str:
        """Absolute path of a local file with the video.

        Raises:
            ValueError: There is no video, or it can't be read.
        """
        source = await media.first_usable(self.file, self.url, self.path)
        if not source:
            raise ValueError(f"not a valid file: {self.file}")
        return await media.local_path(source, "video")

    async def register_to_file_service(self) -> str:
        """Offer the video by URL; returns the URL.

        Raises:
            RuntimeError: ``callback_api_base`` is not configured.
        """
        return await _register(await self.convert_to_file_path())

    async def to_dict(self) -> dict[str, Any]:
        """``{"type": "video", "data": {"file": …}}``; local files by URL where a file service is configured."""
        return {"type": "video", "data": {"file": await _payload(self.file)}}


class File(BaseMessageComponent):
    """A file.

    Attributes:
        name: File name shown to people.
        file_: Local path.
        url: Where to fetch it.
    """

    type = ComponentType.File
    name: str | None = ""
    file_: str | None = ""
    url: str | None = ""

    def __init__(self, name: str, file: str = "", url: str = "", **_: Any) -> None:
        super().__init__(name=name, file_=file, url=url)

    @property
    def file(self) -> str:
        """The local path when the file is there, else ``""``; nothing is fetched here: use ``get_file``."""
        if self.file_:
            path = Path(media.file_uri_to_path(self.file_))
            if path.exists():
                return str(path.absolute())
        return ""

    @file.setter
    def file(self, value: str) -> None:
        if value.startswith(("http://", "https://")):
            self.url = value
        else:
            self.file_ = value

    async def get_file(self, allow_return_url: bool = False) -> str:
        """The local path; fetched into the temp directory when needed.

        Args:
            allow_return_url: Return the URL, where there is one, instead of fetching.

        Raises:
            ValueError: It can't be fetched.
        """
        if allow_return_url and self.url:
            return self.url
        present = await asyncio.to_thread(lambda: self.file)
        if present:
            return present
        if self.file_ and self.file_.startswith(("base64://", "data:")):
            self.file_ = await media.local_path(self.file_, "file")
            return self.file_
        if not self.url:
            return ""
        if not self.url.startswith(("http://", "https://")):
            return await media.local_path(self.url, "file")
        safe = PurePosixPath(safe_file_name(self.name))
        target = media.temp_file(f"file_{safe.stem}", safe.suffix)
        await media.download(self.url, target)
        self.file_ = str(target)
        return self.file_

    async def register_to_file_service(self) -> str:
        """Offer the file by URL; returns the URL.

        Raises:
            RuntimeError: ``callback_api_base`` is not configured.
        """
        return await _register(await self.get_file())

    async def to_dict(self) -> dict[str, Any]:
        """``{"type": "file", "data": {"name": …, "file": …}}``; local files by URL where there is a file service."""
        source = await self.get_file(allow_return_url=True)
        return {"type": "file", "data": {"name": self.name, "file": await _payload(source)}}


async def _payload(source: str) -> str:
    if source.startswith("http"):
        return source
    host = current_host()
    if host.config.get("callback_api_base"):
        return await host.register_file(media.file_uri_to_path(source))
    return source


def safe_file_name(name: str | None) -> str:
    """The last part of ``name`` without characters that file systems refuse; ``file`` when nothing is left."""
    base = PurePosixPath(str(name or "").replace("\\", "/")).name.replace("\x00", "").strip()
    cleaned = "".join("_" if char in ':*?"<>|' else char for char in base)[:120]
    return "file" if cleaned in ("", ".", "..") else cleaned
