"""Every feature plugins use stands in a sample plugin; what it does is tested where the samples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "plugins_on_disk"
FEATURES = (SAMPLES / "features.txt").read_text("utf-8").splitlines()


def patterns(feature: str) -> list[str]:
    """What a plugin that uses the feature has in its source."""
    if feature.startswith("name "):
        return [rf"\b{re.escape(feature[5:])}\b"]
    if feature.startswith("import * from "):
        return [rf"from {re.escape(feature[14:])} import \*"]
    if feature.startswith("@kw "):
        decorator, keywords = feature[4:].removesuffix(")").removeprefix("<group>.").split("(")
        if keywords == "args=1":
            return [rf"@(filter\.)?{decorator}\("]
        return [rf"\b{decorator}\(.*\b{keyword.rstrip('=')}=" for keyword in keywords.split(",")]
    if feature.startswith("@<group>."):
        return [rf"@\w+\.{feature[9:]}\("]
    if feature.startswith("@"):
        return [rf"@(filter\.)?{re.escape(feature[1:])}\b"]
    if feature.startswith("event.bot "):
        return ['"bot"']
    return [rf"\.{re.escape(feature.rpartition('.')[2])}\b"]


@pytest.fixture(scope="module")
def sources() -> str:
    return "\n".join(file.read_text("utf-8-sig") for file in SAMPLES.rglob("*") if file.suffix in (".py", ".json"))


def test_the_list_is_whole() -> None:
    assert len(FEATURES) == len(set(FEATURES)) == 274


@pytest.mark.parametrize("feature", FEATURES)
def test_feature_is_in_a_sample(feature: str, sources: str) -> None:
    for pattern in patterns(feature):
        assert re.search(pattern, sources), pattern
