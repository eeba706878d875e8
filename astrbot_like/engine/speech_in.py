"""One utterance on its way from audio frames to text.

A streaming recogniser works from the first frame on, so that only the tail is left when the user stops; any other gets
the whole recording afterwards. A recogniser that fails hands over to the next of the chain.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from astrbot_like.domain.audio import INPUT_RATE, SAMPLE_WIDTH
from astrbot_like.domain.errors import BotError, SttNotConfigured, TooLarge
from astrbot_like.engine.audio import wav_bytes
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import cancel_and_wait

if TYPE_CHECKING:
    from astrbot_like.api.speech import STTStream

log = logging.getLogger(__name__)

_ABORT_SECONDS = 1.0


class SttSource(Protocol):
    """A configured speech-to-text provider."""

    @property
    def id(self) -> str:
        """The provider's id."""
        ...

    @property
    def type(self) -> str:
        """The provider's registered type."""
        ...

    instance: Any
    """The plugin's ``STTProvider``."""


class SttReports(Protocol):
    """Told how each provider fared; ``ProviderDirectory`` is one."""

    def succeeded(self, entry: SttSource, /) -> None:
        """The provider gave output."""
        ...

    def failed(self, entry: SttSource, error: BaseException, /) -> BotError:
        """It failed; gives the error for people."""
        ...


class Transcript(msgspec.Struct, frozen=True):
    """What was said.

    Attributes:
        text: Empty when no speech was recognised.
        provider: Type of the provider that answered (``stt`` of the metrics).
        provider_id: Its id.
        seconds: From the end of the utterance to the text (``stt_time``).
        assemble_seconds: Making the recording ready (``wav_assemble_time``).
    """

    text: str
    provider: str
    provider_id: str
    seconds: float
    assemble_seconds: float


class Utterance:
    """Collects the audio of one utterance and recognises it.

    ``push`` never waits. End it with ``finish`` or ``abort``.

    Args:
        chain: Providers in the order they are tried.
        reports: Told how each fared.
        language: BCP 47 tag; None: the provider's own choice.
        on_partial: Called on the loop with interim text, when the provider gives any.
        temp_dir: Where the recording is put for providers that read a file.
        coming: Gives the chain when there is one, in the place of ``chain``: the server is still starting.
    """

    def __init__(
        self,
        chain: Sequence[SttSource],
        reports: SttReports,
        settings: VoiceSettings,
        clock: Clock,
        *,
        language: str | None = None,
        on_partial: Callable[[str], None] | None = None,
        temp_dir: Path | None = None,
        coming: Callable[[], Coroutine[Any, Any, Sequence[SttSource]]] | None = None,
    ) -> None:
        self._chain = list(chain)
        self._reports = reports
        self._settings = settings
        self._clock = clock
        self._language = language
        self._on_partial = on_partial
        self._temp_dir = temp_dir
        self._pieces: list[bytes] = []
        self._size = 0
        self._limit = int(settings.utterance_seconds * INPUT_RATE) * SAMPLE_WIDTH
        self._stream: STTStream | None = None
        self._dropped: list[STTStream] = []
        self._partial = ""
        self._coming: asyncio.Task[None] | None = None
        if coming is not None:
            self._coming = asyncio.create_task(self._take_chain(coming), name="recognisers of a starting server")

    @property
    def seconds(self) -> float:
        """Length of the audio so far."""
        return self._size / (INPUT_RATE * SAMPLE_WIDTH)

    @property
    def partial(self) -> str:
        """The last interim text."""
        return self._partial

    @property
    def pcm(self) -> bytes:
        """The audio so far, 16 kHz mono s16le."""
        return b"".join(self._pieces)

    def tail(self, seconds: float) -> bytes:
        """The last ``seconds`` of the audio so far."""
        wanted, pieces = int(seconds * INPUT_RATE) * SAMPLE_WIDTH, list[bytes]()
        for piece in reversed(self._pieces):
            if wanted <= 0:
                break
            pieces.append(piece[-wanted:])
            wanted -= len(piece)
        return b"".join(reversed(pieces))

    def push(self, pcm: bytes) -> None:
        """Add audio: 16 kHz mono s16le, whole samples.

        Raises:
            TooLarge: The utterance would be over its limit; it stays as it was.
        """
        if self._size + len(pcm) > self._limit:
            raise TooLarge(f"An utterance may be {self._settings.utterance_seconds:g} s long at most.")
        first = not self._size
        self._pieces.append(pcm)
        self._size += len(pcm)
        if first and pcm:
            self._open()
        if self._stream is not None:
            try:
                self._stream.push(pcm)
            except Exception as error:  # noqa: BLE001 - a plugin's failure: logged by the report; the next one takes over
                self._give_up(error)

    async def finish(self) -> Transcript:
        """The text of the whole utterance.

        Raises:
            SttNotConfigured: There is no provider.
            ProviderError: All of them failed.
            TurnTimeout: The last one did not answer in time, or the server is still starting.
        """
        started = self._clock.monotonic()
        if self._coming is not None:
            await self._coming
        if not self._chain and self._stream is None:
            raise SttNotConfigured
        last: BotError | None = None
        assemble = 0.0
        while self._chain:
            source = self._chain[0]
            try:
                async with self._clock.timeout(self._settings.recognition_deadline):
                    if self._stream is None and _streams(source):
                        self._reopen(source)
                    if self._stream is not None:
                        text = await self._stream.finish()
                    else:
                        text, assemble = await self._recognise_file(source)
            except asyncio.CancelledError:
                await self.abort()
                raise
            except Exception as error:  # noqa: BLE001 - a plugin's failure: logged by the report; the next one takes over
                last = self._reports.failed(source, error)
                await self.abort()
                self._chain.pop(0)
                continue
            self._stream = None
            await self.abort()
            self._reports.succeeded(source)
            seconds = self._clock.monotonic() - started
            return Transcript((text or "").strip(), source.type, source.id, seconds, assemble)
        raise last or SttNotConfigured()

    async def abort(self) -> None:
        """Drop the utterance; idempotent."""
        if self._coming is not None:
            await cancel_and_wait(self._coming)
        streams, self._dropped = self._dropped, []
        if self._stream is not None:
            streams.append(self._stream)
            self._stream = None
        for stream in streams:
            try:
                async with asyncio.timeout(_ABORT_SECONDS):
                    await stream.abort()
            except Exception as error:
                log.warning("recogniser could not be stopped", exc_info=error)

    # --- streaming ---------------------------------------------------------------------------------

    async def _take_chain(self, coming: Callable[[], Coroutine[Any, Any, Sequence[SttSource]]]) -> None:
        self._chain = list(await coming())
        if self._size and self._chain and _streams(self._chain[0]):
            try:
                self._reopen(self._chain[0])
            except Exception as error:  # noqa: BLE001 - a plugin's failure: logged by the report; the next one takes over
                self._give_up(error)

    def _open(self) -> None:
        if not self._chain or not _streams(self._chain[0]):
            return
        try:
            self._stream = self._chain[0].instance.open_stream(language=self._language, on_partial=self._take_partial)
        except Exception as error:  # noqa: BLE001 - a plugin's failure: logged by the report; the next one takes over
            self._give_up(error)

    def _reopen(self, source: SttSource) -> None:
        """Give a streaming provider that takes over everything said so far."""
        stream: STTStream = source.instance.open_stream(language=self._language, on_partial=self._take_partial)
        self._stream = stream
        for piece in self._pieces:
            stream.push(piece)

    def _give_up(self, error: BaseException) -> None:
        source = self._chain[0]
        self._reports.failed(source, error)
        stream, self._stream = self._stream, None
        if len(self._chain) > 1:
            self._chain.pop(0)
        if stream is not None:
            stream.partial = None
            self._dropped.append(stream)

    def _take_partial(self, text: str) -> None:
        if text and text != self._partial and self._stream is not None:
            self._partial = text
            if self._on_partial is not None:
                self._on_partial(text)

    # --- from a file ---------------------------------------------------------------------------------

    async def _recognise_file(self, source: SttSource) -> tuple[str, float]:
        started = self._clock.monotonic()
        recording = _Recording()
        try:
            path = await asyncio.to_thread(recording.write, self._pieces, self._temp_dir)
            assembled = self._clock.monotonic() - started
            return await source.instance.get_text(str(path)), assembled
        finally:
            recording.discard()


def _streams(source: SttSource) -> bool:
    """Whether the provider recognises while the user speaks (``api.speech.StreamingSTTProvider``)."""
    return callable(getattr(source.instance, "open_stream", None))


class _Recording:
    """The utterance as a file. One that is discarded while a thread still writes it does not stay behind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._discarded = False

    def write(self, pieces: list[bytes], folder: Path | None) -> Path:
        """Write the file (in a thread) and return its path."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix="utterance-", suffix=".wav", dir=folder, delete=False) as file:
            file.write(wav_bytes(b"".join(pieces), INPUT_RATE))
            path = Path(file.name)
        with self._lock:
            self._path = path
            if self._discarded:
                path.unlink(missing_ok=True)
        return path

    def discard(self) -> None:
        """Remove the file, now or when it has been written; takes microseconds, so a cancelled task can do it."""
        with self._lock:
            self._discarded = True
            if self._path is not None:
                self._path.unlink(missing_ok=True)
