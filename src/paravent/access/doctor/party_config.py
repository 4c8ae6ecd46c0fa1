"""Which party a home belongs to, by the settings that it alone has (docs/operating.md section 5)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from paravent.access.config import CONFIG_NAME
from paravent.access.doctor.facts import PartyKind

# The first whose setting is there: a key server too has a base URL.
_OWN_SETTING = {
    "hosted_by": PartyKind.KEYSERVER,
    "amc": PartyKind.INSURER,
    "professional": PartyKind.DESK,
    "operator": PartyKind.BREACH,
    "base_url": PartyKind.HUB,
}
_ANY = PartyKind.KEYSERVER


def party_of(options: Sequence[str]) -> str:
    """Reads ``--home`` among options and names its party; without a readable one, a party whose verb will say so."""
    home = next(
        (
            Path(value.removeprefix("--home=") if value.startswith("--home=") else following)
            for value, following in zip(options, [*options[1:], ""], strict=True)
            if value == "--home" or value.startswith("--home=")
        ),
        None,
    )
    if home is None:
        return _ANY
    try:
        settings = tomllib.loads((home / CONFIG_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return _ANY
    return next((party for name, party in _OWN_SETTING.items() if name in settings), _ANY)
