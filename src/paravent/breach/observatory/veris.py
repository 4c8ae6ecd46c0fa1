"""VERIS incidents, schemas 1.3.4 to 1.4.1 (docs/watch.md section 2; vz-risk/veris, verisc.json).

Every enumeration may stand alone or in a list, and every optional part may be absent, as in archives converted
from older schemas. Words are kept as they stand, "Unknown" and "Other" included; the seven kinds of action are
closed. Refused: what is no object, has no ``incident_id``, says nothing of action, victim or date, has another kind of
action, or a part of the wrong kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from paravent.breach.observatory.incident import Attack, Discovery, Incident
from paravent.breach.observatory.victims import victim_type

ACTIONS = frozenset({"malware", "hacking", "social", "misuse", "physical", "error", "environmental", "unknown"})
INTENDED = frozenset({"hacking", "malware", "misuse", "social", "physical"})
_YEAR = re.compile(r"[0-9]{4}")
_YEAR_FIRST, _YEAR_LAST = 1900, 2100

Parts = Mapping[str, Any]


class NotAnIncident(ValueError):
    """A record is no VERIS incident; the text says why, and quotes no value."""


def read_veris(record: object) -> Incident:
    """Reads one decoded record; raises NotAnIncident."""
    if not isinstance(record, dict):
        raise NotAnIncident("it is not an object")
    identifier = record.get("incident_id")
    if not isinstance(identifier, str) or not identifier.strip():
        raise NotAnIncident("incident_id is missing")
    if not any(record.get(part) for part in ("action", "victim", "timeline")):
        raise NotAnIncident("it says nothing of action, victim or timeline")
    action, timeline = _part(record, "action"), _part(record, "timeline")
    if not ACTIONS.issuperset(action):
        raise NotAnIncident("it has a kind of action that VERIS has not")
    victims = _victims(record.get("victim"))
    industries = tuple(sorted({code for victim in victims for code in _codes(victim.get("industry"))}))
    varieties = _of_actions(action, "variety")
    return Incident(
        identifier=f"veris:{identifier}",
        source=_text(record.get("source_id")),
        reference=_text(record.get("reference")),
        certainty=", ".join(filter(None, (_text(record.get("security_incident")), _text(record.get("confidence"))))),
        organisation=_text(victims[0].get("victim_id")) if victims else "",
        year=_year(_part(timeline, "incident").get("year")),
        month=_month(_part(timeline, "incident").get("month")),
        industries=industries,
        victim=victim_type(industries),
        countries=tuple(
            sorted({word for victim in victims for word in _words(victim.get("country"), "victim.country")})
        ),
        actions=tuple(sorted(action)),
        varieties=varieties,
        vectors=_of_actions(action, "vector"),
        attacks=_attacks(record, action, varieties),
        persons=_persons(_part(_part(record, "attribute"), "confidentiality")),
        discovery=_discovery(_part(timeline, "discovery")),
        through_partner=_through_partner(record, action),
        modified=_text(_part(record, "plus").get("modified")),
    )


def _part(record: Parts, name: str) -> Parts:
    """Returns a part that may be absent."""
    part = record.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise NotAnIncident(f"{name} is not an object")
    return part


def _victims(part: object) -> list[Parts]:
    """Returns the victims: one object, or a list of them before schema 1.3."""
    victims: list[Any] = part if isinstance(part, list) else [] if part is None else [part]
    if not all(isinstance(victim, dict) for victim in victims):
        raise NotAnIncident("victim is not an object")
    return victims


def _words(value: object, name: str) -> Iterable[str]:
    """Returns the words of an enumeration: none, one, or a list."""
    words: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(word, str) for word in words):
        raise NotAnIncident(f"{name} is not made of words")
    return words


def _codes(value: object) -> Iterable[str]:
    """Returns NAICS codes as text; a converter may have left a number."""
    codes: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(code, str | int) and not isinstance(code, bool) for code in codes):
        raise NotAnIncident("victim.industry is not a code")
    return [str(code) for code in codes]


def _of_actions(action: Parts, field: str) -> tuple[str, ...]:
    """Returns ``type.word`` for every word of a field of every action, each once."""
    return tuple(sorted({
        f"{kind}.{word}" for kind in action for word in _words(_part(action, kind).get(field), f"action.{kind}.{field}")
    }))  # fmt: skip


def _year(value: object) -> int | None:
    if value is None:
        return None
    number = int(value) if isinstance(value, str) and _YEAR.fullmatch(value) else value
    if not isinstance(number, int) or isinstance(number, bool) or not _YEAR_FIRST <= number <= _YEAR_LAST:
        raise NotAnIncident("timeline.incident.year is not a year")
    return number


def _month(value: object) -> int | None:
    return value if isinstance(value, int) and 1 <= value <= 12 else None


def _attacks(record: Parts, action: Parts, varieties: tuple[str, ...]) -> tuple[Attack, ...]:
    """Derives what the attack was from the words of VERIS, by the table of docs/watch.md section 1."""
    disclosed = _text(_part(_part(record, "attribute"), "confidentiality").get("data_disclosure")) == "Yes"
    cash_out = set(_words(_part(_part(record, "value_chain"), "cash-out").get("variety"), "value_chain.cash-out"))
    found = {
        Attack.RANSOMWARE: "malware.Ransomware" in varieties,
        Attack.DENIAL_OF_SERVICE: not {"hacking.DoS", "malware.DoS"}.isdisjoint(varieties),
        Attack.THEFT: disclosed and not INTENDED.isdisjoint(action),
        Attack.RESALE: "Sell stolen goods" in cash_out,
    }
    return tuple(attack for attack, holds in found.items() if holds)


def _persons(confidentiality: Parts) -> int | None:
    """Returns the number of records disclosed, which VERIS counts in data_total (persons, most often)."""
    total = confidentiality.get("data_total")
    return total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None


def _discovery(part: Parts) -> Discovery | None:
    unit, value = part.get("unit"), part.get("value")
    if not isinstance(unit, str):
        return None
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return Discovery(unit=unit, value=float(value) if known and value is not None else None)


def _through_partner(record: Parts, action: Parts) -> bool | None:
    """Says whether a partner took part, as an actor or as the way in; None when no actor is known."""
    ways = {word for kind in action for word in _words(_part(action, kind).get("vector"), f"action.{kind}.vector")}
    actors = set(_part(record, "actor"))
    if "partner" in actors or "Partner" in ways:
        return True
    return False if actors - {"unknown"} else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
