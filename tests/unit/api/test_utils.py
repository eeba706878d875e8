"""Small helpers under AstrBot's names."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from astrbot_like.api import utils
from astrbot_like.api.current import bind_host
from astrbot_like.api.media import MediaError
from astrbot_like.api.testing import FakeHost, silent_wav

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 30


@pytest.fixture(autouse=True)
def host(tmp_path: Path) -> Iterator[None]:
    with bind_host(FakeHost(tmp_path)):
        yield


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.bin"
    utils.ensure_dir(path.parent)
    path.write_bytes(b"hi")
    assert utils.file_to_base64(str(path)) == "base64://aGk="
    assert utils.calculate_md5(path) == "49f68a5c8493ec2c0bf489821c21fc3b"
    assert Path(utils.save_temp_img(PNG)).read_bytes() == PNG
    assert utils.remove_dir(str(path.parent))
    assert not path.exists()
    assert "127.0.0.1" in utils.get_local_ip_addresses()


async def test_media(tmp_path: Path) -> None:
    reference = "base64://" + base64.b64encode(PNG).decode()
    resolver = utils.MediaResolver(reference, media_type="image")
    assert Path(await resolver.to_path()).read_bytes() == PNG
    assert await resolver.to_bytes() == PNG
    assert await resolver.to_data_url() == "data:image/png;base64," + base64.b64encode(PNG).decode()
    absent = utils.MediaResolver(str(tmp_path / "absent"))
    assert await absent.to_data_url() is None
    with pytest.raises(MediaError):
        await absent.to_data_url(strict=True)
    wav = tmp_path / "a.wav"
    wav.write_bytes(silent_wav(0.5))
    assert await utils.get_media_duration(str(wav)) == 500
    assert await utils.MediaResolver(str(wav), media_type="audio").to_path(target_format="wav") == str(wav)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("data:image/png;base64,AAAA", "data:<26 chars>"),
        ("https://x/y?token=secret", "https://x/y"),
        (None, ""),
    ],
)
def test_references_in_logs(given: object, shown: str) -> None:
    assert utils.describe_media_ref(given) == shown


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [("1.10", "1.9", 1), ("v4.0.0", "4.0", 0), ("4.0.0-beta.1", "4.0.0", -1), ("x", "y", -1)],
)
def test_versions(first: str, second: str, order: int) -> None:
    assert utils.VersionComparator.compare_version(first, second) == order


async def test_nothing_is_counted_and_silk_is_named_when_missing(tmp_path: Path) -> None:
    await utils.Metric.upload(adapter_name="x")
    silk = tmp_path / "a.silk"
    silk.write_bytes(b"\x02#!SILK_V3")
    with pytest.raises(MediaError, match="silk-python"):
        await utils.tencent_silk_to_wav(str(silk), str(tmp_path / "a.wav"))
