"""Frames are cut as the library's own codec cuts them, however the bytes arrive."""

from __future__ import annotations

import random

from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol, State

from astrbot_like.host.frame_reader import FOR_CODEC, LARGEST, TEXT, FrameReader

LIMIT = 200_000
SIZES = (0, 1, 125, 126, 127, 640, LARGEST, LARGEST + 1)


def read(data: bytes, cut: random.Random | None) -> tuple[list[tuple[Opcode, bool, bytes]], int, int | None]:
    """Frames by way of the reader, the number that the codec had to deal with, and its close code."""
    reader, codec, seen, by_codec = FrameReader(LIMIT), Protocol(SERVER, state=State.OPEN, max_size=LIMIT), [], 0
    at = 0
    while at < len(data):
        step = cut.choice((1, 2, 3, 7, 100, 5000, 70_000)) if cut else len(data)
        for kind, piece in reader.feed(data[at : at + step]):
            if kind != FOR_CODEC:
                seen.append((Opcode.TEXT if kind == TEXT else Opcode.BINARY, True, piece))
                continue
            codec.receive_data(piece)
            for frame in codec.events_received():
                assert isinstance(frame, Frame)
                seen.append((frame.opcode, frame.fin, bytes(frame.data)))
                by_codec += 1
                if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                    reader.plain = frame.fin
        at += step
    return seen, by_codec, codec.close_sent.code if codec.close_sent else None


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=mask)


def test_every_frame_comes_out_whole_and_in_order_however_it_is_cut():
    chance = random.Random(7)
    for _ in range(150):
        sent, data = [], b""
        for _ in range(chance.randint(1, 12)):
            body = chance.randbytes(chance.choice(SIZES if chance.random() < 0.1 else SIZES[:6]))
            kind = chance.choice((Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG))
            if kind in (Opcode.PING, Opcode.PONG):
                body = body[:125]
            elif chance.random() < 0.2:
                pieces = [(kind, False, body), (Opcode.PING, True, b"p"), (Opcode.CONT, True, body)]
                sent += pieces
                data += b"".join(frame(opcode, piece, fin=fin) for opcode, fin, piece in pieces)
                continue
            sent.append((kind, True, body))
            data += frame(kind, body)
        for cut in (None, chance):
            assert read(data, cut)[0] == sent


def test_small_data_frames_do_without_the_codec():
    seen, by_codec, _ = read(frame(Opcode.TEXT, b"x" * 640) * 50 + frame(Opcode.BINARY, b"y" * LARGEST), None)
    assert len(seen) == 51
    assert by_codec == 0


def test_what_the_protocol_forbids_is_refused_as_the_codec_refuses_it():
    whole = frame(Opcode.TEXT, b"hello")
    forbidden = {
        "unmasked": frame(Opcode.TEXT, b"hello", mask=False),
        "too large": frame(Opcode.BINARY, bytes(LIMIT + 1)),
        "reserved bit": bytes([whole[0] | 0x40]) + whole[1:],
        "unknown opcode": bytes([0x83]) + whole[1:],
        "long ping": bytes([0x89]) + frame(Opcode.TEXT, bytes(200))[1:],
        "continuation of nothing": frame(Opcode.CONT, b"hello"),
        "data within a fragmented message": frame(Opcode.TEXT, b"he", fin=False) + whole,
    }
    for name, data in forbidden.items():
        for cut in (None, random.Random(1)):
            seen, _, code = read(whole + data + whole, cut)
            assert seen[0] == (Opcode.TEXT, True, b"hello")
            assert code == (1009 if name == "too large" else 1002), name
