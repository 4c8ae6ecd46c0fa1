"""Identifiers and instants of exports: drawn from the case, so that the same case gives the same files: pure."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime


def uuid_of(*parts: str) -> str:
    """Makes a UUID of version 8 (RFC 9562) from SHA-256 of the parts."""
    digest = bytearray(hashlib.sha256("\n".join(parts).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def iso(at: int) -> str:
    """Writes an instant with milliseconds, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def as_json(values: object) -> bytes:
    """Writes a file."""
    return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()
