"""Try a model out: load it and decode a second of silence. Run as a program of its own, for a wrong model ends it.

``python trial.py <kind> <files as JSON>``
"""

from __future__ import annotations

import json
import sys

if __name__ == "__main__":
    import sherpa_onnx

    kind, files = sys.argv[1], json.loads(sys.argv[2])
    recogniser = getattr(sherpa_onnx.OnlineRecognizer, f"from_{kind}")(**files, num_threads=1)
    stream = recogniser.create_stream()
    stream.accept_waveform(16000, [0.0] * 16000)
    while recogniser.is_ready(stream):
        recogniser.decode_stream(stream)
    recogniser.get_result(stream)
