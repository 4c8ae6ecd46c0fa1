"""A file of a case as a browser keeps it, never as a page that it opens (docs/screens.md): pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

MEDIA_TYPES: Mapping[str, str] = {
    "pdf": "application/pdf", "json": "application/json", "txt": "text/plain", "csv": "text/csv",
    "ics": "text/calendar", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
UNKNOWN = "application/octet-stream"
_OF_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def media_type(name: str) -> str:
    """Returns the media type of a file by its name; what a browser would open as a page is of none."""
    return MEDIA_TYPES.get(name.rpartition(".")[2], UNKNOWN)


def kept_as(name: str) -> Mapping[str, str]:
    """Gives the header by which a browser keeps a file, under a name that is one and names no folder."""
    plain = _OF_A_NAME.sub("-", name).lstrip(".-") or "document"
    return {"content-disposition": f'attachment; filename="{plain}"'}
