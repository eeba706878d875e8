"""Takes secrets out of text before anyone sees it: logs, error texts, the dashboard's log page."""

from __future__ import annotations

import re

MASK = "***"

# Text comes from strangers: every pattern takes time in proportion to its length, so what may repeat is bounded, or
# can't begin again within what was looked at already.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Our own API keys, and keys of the well-known services.
    (re.compile(r"\babk_[A-Za-z0-9_\-]{8,}"), f"abk_{MASK}"),
    (re.compile(r"\b(?:sk|pk|xai|gsk|rk|xox[abprs])-[A-Za-z0-9_\-]{12,}"), MASK),
    (re.compile(r"\b(?:gh[opsu]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{12,})"), MASK),
    (re.compile(r"\bAIza[A-Za-z0-9_\-]{20,}"), MASK),
    # JSON web tokens.
    (re.compile(r"(?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"), MASK),
    # Tickets in the addresses of plugins' pages.
    (re.compile(r"(/page/content/)[A-Za-z0-9_\-]{20,}"), rf"\1{MASK}"),
    # Authorization headers.
    (re.compile(r"(?i)\b(bearer|apikey|basic)\s+[A-Za-z0-9._~+/=\-]{6,}"), rf"\1 {MASK}"),
    # Query strings and key=value or "key": "value" pairs.
    (
        re.compile(
            r"(?i)([\"']?\b(?:[a-z0-9]{1,20}[_-]){0,3}"
            r"(?:key|authorization|(?:api|access|secret)key|[a-z0-9]{0,20}(?:token|password|passwd|secret))\b"
            r"[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*)[^\s\"'&,;}\])]{6,}"
        ),
        rf"\1{MASK}",
    ),
    # Credentials within an address.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.\-]{0,20}://)[^/\s:@]+:[^/\s@]+@"), rf"\1{MASK}@"),
)


def redact(text: str) -> str:
    """``text`` with everything that looks like a secret masked."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
