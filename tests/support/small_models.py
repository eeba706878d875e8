"""Small models made here, for the real libraries of local speech: what they say is fixed by their weights."""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SAMPLES_OF_A_PHONEME = 256
HEARD = "what time is it"
_RATE = 16000


def noise(seconds: float) -> bytes:
    """A rush of all frequencies: 16-bit mono PCM at 16 kHz."""
    chance = random.Random(1)
    return array("h", (int(chance.gauss(0, 4000)) for _ in range(int(_RATE * seconds)))).tobytes()


def hush(seconds: float) -> bytes:
    """Silence of the same form."""
    return bytes(2 * int(_RATE * seconds))


def make_beeper(folder: Path) -> Path:
    """A streaming transducer for sherpa-onnx: it hears "beep" and "boop" in turn, one for each noise that begins.

    The form is that of icefall's LSTM transducers (``lstm_transducer_stateless2/export-onnx.py``): the encoder tells
    whether a tenth of a second is loud and the one before was not, the decoder knows the last word.
    """
    import numpy as np
    from onnx import helper

    node = helper.make_node
    _save(
        folder / "encoder.onnx",
        [
            node("ReduceMean", ["x"], ["mean"], axes=[1, 2], keepdims=1),
            node("Sub", ["mean", "threshold"], ["above"]),
            node("Mul", ["above", "steep"], ["slope"]),
            node("Sigmoid", ["slope"], ["loud"]),
            node("Transpose", ["h"], ["before"], perm=[1, 0, 2]),
            node("Sub", ["one", "before"], ["calm"]),
            node("Mul", ["loud", "calm"], ["encoder_out"]),
            node("Transpose", ["loud"], ["new_h"], perm=[1, 0, 2]),
            node("Identity", ["c"], ["new_c"]),
        ],
        {"x": ["N", 10, 80], "h": [1, "N", 1], "c": [1, "N", 1]},
        {"encoder_out": ["N", 1, 1], "new_h": [1, "N", 1], "new_c": [1, "N", 1]},
        {"threshold": np.float32(-9), "steep": np.float32(20), "one": np.float32(1)},
        {
            "model_type": "lstm", "num_encoder_layers": "1", "T": "10", "decode_chunk_len": "10",
            "rnn_hidden_size": "1", "d_model": "1",
        },
    )  # fmt: skip
    _save(
        folder / "decoder.onnx",
        [
            node("Gather", ["y", "last"], ["token"], axis=1),
            node("OneHot", ["token", "depth", "values"], ["decoder_out"], axis=-1),
        ],
        {"y": ["N", 2]},
        {"decoder_out": ["N", 3]},
        {"last": np.int64(1), "depth": np.array([3]), "values": np.array([0, 1], np.float32)},
        {"vocab_size": "3", "context_size": "2"},
    )
    # Rows: a noise begins; the last word was none, "beep", "boop". Columns: nothing, "beep", "boop".
    weights = np.array([[0, 1, 1], [0, 0, -2], [0, -2, 0], [0, 0, -2]], np.float32)
    _save(
        folder / "joiner.onnx",
        [
            node("Concat", ["encoder_out", "decoder_out"], ["both"], axis=1),
            node("Gemm", ["both", "weights", "bias"], ["logit"]),
        ],
        {"encoder_out": ["N", 1], "decoder_out": ["N", 3]},
        {"logit": ["N", 3]},
        {"weights": weights, "bias": np.array([0.5, 0, 0], np.float32)},
        {"joiner_dim": "4"},
    )
    (folder / "tokens.txt").write_text("<blk> 0\n▁beep 1\n▁boop 2\n", "utf-8")
    return folder


def make_whisper(folder: Path) -> Path:
    """A Whisper for CTranslate2 that hears ``HEARD`` in everything: its positions alone decide the next word."""
    import numpy as np
    from ctranslate2.specs import WhisperSpec
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    special = (
        "endoftext", "startoftranscript", "translate", "transcribe", "startoflm", "startofprev", "nospeech",
        "notimestamps", "0.00",
    )  # fmt: skip
    vocabulary = ["<unk>", *HEARD.split(), *(f"<|{name}|>" for name in special)]
    size = len(vocabulary)
    said = np.zeros((448, size), np.float32)
    for place, word in enumerate([*HEARD.split(), "<|endoftext|>"], start=1):
        said[place, vocabulary.index(word)] = 10
    weights: dict[str, Any] = {
        "decoder/position_encodings/encodings": said,
        "decoder/projection/weight": np.eye(size, dtype=np.float32),
        "encoder/position_encodings/encodings": np.zeros((1500, size), np.float32),
    }
    for name, inner in (("conv1", 80), ("conv2", size)):
        weights[f"encoder/{name}/weight"] = np.zeros((size, inner, 3), np.float32)
        weights[f"encoder/{name}/bias"] = np.zeros(size, np.float32)
    fused = {"self_attention/linear_0/weight": 3, "decoder/layer_0/attention/linear_1/weight": 2}

    def fill(layer: Any, name: str, value: Any) -> None:
        attribute = name.rpartition("/")[2]
        rows = next((times for end, times in fused.items() if name.endswith(end)), 1) * size
        if name in weights:
            setattr(layer, attribute, weights[name])
        elif value is None:
            shape = (size,) if attribute in ("gamma", "beta") else (rows, size)
            setattr(layer, attribute, np.full(shape, float(attribute == "gamma"), np.float32))

    spec = WhisperSpec(1, 1, 1, 1)
    spec._visit(fill)
    spec.register_vocabulary(vocabulary)
    spec.config.suppress_ids = spec.config.suppress_ids_begin = spec.config.lang_ids = []
    spec.config.alignment_heads = [[0, 0]]
    spec.validate()
    spec.save(str(folder))
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.add_special_tokens([word for word in vocabulary if word.startswith("<|")])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def make_voice(folder: Path) -> Path:
    """A Piper voice whose every phoneme is 256 samples of a tone made of the phoneme's number."""
    import numpy as np
    from onnx import helper

    node = helper.make_node
    path = folder / "voice.onnx"
    _save(
        path,
        [
            node("Cast", ["input"], ["float"], to=1),
            node("Unsqueeze", ["float", "last"], ["column"]),
            node("Tile", ["column", "repeats"], ["wide"]),
            node("Reshape", ["wide", "flat"], ["line"]),
            node("Sin", ["line"], ["output"]),
        ],
        {"input": [1, "n"], "input_lengths": [1], "scales": [3]},
        {"output": [1, 1, 1, "m"]},
        {"last": np.array([2]), "repeats": np.array([1, 1, SAMPLES_OF_A_PHONEME]), "flat": np.array([1, 1, 1, -1])},
        {},
    )
    config = {
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "text",
        "num_symbols": 64,
        "num_speakers": 1,
        "inference": {"noise_scale": 0.0, "length_scale": 1.0, "noise_w": 0.0},
        "phoneme_id_map": {char: [number] for number, char in enumerate("_^$ abcdefghijklmnopqrstuvwxyz.,!?")},
    }
    (folder / "voice.onnx.json").write_text(json.dumps(config))
    return path


_WHOLE_NUMBERS = frozenset({"y", "input", "input_lengths"})


def _save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str]],
    constants: Mapping[str, Any],
    properties: dict[str, str],
) -> None:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def described(values: Mapping[str, Sequence[int | str]]) -> list[Any]:
        return [
            helper.make_tensor_value_info(
                name, TensorProto.INT64 if name in _WHOLE_NUMBERS else TensorProto.FLOAT, list(shape)
            )
            for name, shape in values.items()
        ]

    initial = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), path.stem, described(inputs), described(outputs), initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    helper.set_model_props(model, properties)
    onnx.save(model, str(path))
