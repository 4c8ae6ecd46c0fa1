"""Incidents of a STIX 2.1 bundle (docs/watch.md section 2; OASIS STIX 2.1, sections 3, 4.2, 4.5, 4.7).

An ``incident`` is joined by relationships to the identities it targets and to the attack patterns it uses; a
location gives a country only where the bundle states one. The date of an incident is not a property of STIX 2.1:
``created`` dates the object, so the year stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

from paravent.breach.observatory.incident import Attack, Incident, VictimType
from paravent.breach.observatory.veris import NotAnIncident

# MITRE ATT&CK techniques that say a word of VERIS; the same table is read by nothing else.
TECHNIQUES: dict[str, str] = {
    "T1078": "hacking.Use of stolen creds",
    "T1110": "hacking.Brute force",
    "T1190": "hacking.Exploit vuln",
    "T1486": "malware.Ransomware",
    "T1498": "hacking.DoS",
    "T1499": "hacking.DoS",
    "T1566": "social.Phishing",
}
_EXFILTRATION = frozenset({"T1020", "T1030", "T1041", "T1048", "T1052", "T1537", "T1567"})
_TRUSTED_RELATIONSHIP = "T1199"
_ATTACKS = {"malware.Ransomware": Attack.RANSOMWARE, "hacking.DoS": Attack.DENIAL_OF_SERVICE}

Thing = Mapping[str, Any]


def is_bundle(record: object) -> TypeGuard[Mapping[str, Any]]:
    """Says whether a decoded file is a STIX bundle."""
    return isinstance(record, dict) and record.get("type") == "bundle"


def read_bundle(bundle: Thing) -> Iterator[tuple[str, Incident | NotAnIncident]]:
    """Yields each incident of a bundle with its identifier, or why it cannot be read."""
    things = bundle.get("objects")
    if not isinstance(things, list) or not all(isinstance(thing, dict) for thing in things):
        raise NotAnIncident("objects is not a list of objects")
    known = {str(thing.get("id")): thing for thing in things}
    links = [thing for thing in things if thing.get("type") == "relationship"]
    for thing in things:
        if thing.get("type") == "incident":
            identifier = thing.get("id")
            if not isinstance(identifier, str) or not identifier.startswith("incident--"):
                yield "", NotAnIncident("id is not that of an incident")
            else:
                yield identifier, _incident(identifier, thing, known, links)


def _incident(identifier: str, thing: Thing, known: Mapping[str, Thing], links: Iterable[Thing]) -> Incident:
    ends = {str(link.get("target_ref")) for link in links if link.get("source_ref") == identifier}
    related = [known[end] for end in sorted(ends) if end in known]
    techniques = {name for one in related if one.get("type") == "attack-pattern" for name in _techniques(one)}
    victims = [one for one in related if one.get("type") == "identity"]
    places = {
        str(link.get("target_ref"))
        for link in links
        if str(link.get("source_ref")) in {str(one.get("id")) for one in victims}
    } | ends
    varieties = sorted({TECHNIQUES[name] for name in techniques if name in TECHNIQUES})
    attacks = {_ATTACKS[word] for word in varieties if word in _ATTACKS}
    if not _EXFILTRATION.isdisjoint(techniques):
        attacks.add(Attack.THEFT)
    return Incident(
        identifier=f"stix:{identifier}",
        source=str(thing.get("created_by_ref", "")),
        certainty=f"confidence {thing['confidence']}" if isinstance(thing.get("confidence"), int) else "",
        organisation=str(victims[0].get("name", "")) if victims else "",
        victim=VictimType.UNKNOWN,
        countries=tuple(sorted({str(known[end]["country"]) for end in places if "country" in known.get(end, {})})),
        actions=tuple(sorted({word.split(".")[0] for word in varieties})),
        varieties=tuple(varieties),
        attacks=tuple(attack for attack in Attack if attack in attacks),
        through_partner=True if _TRUSTED_RELATIONSHIP in techniques else None,
        modified=str(thing.get("modified", "")),
    )


def _techniques(pattern: Thing) -> Iterator[str]:
    """Yields the technique numbers of an attack pattern, sub-techniques under their parent."""
    references = pattern.get("external_references")
    for reference in references if isinstance(references, list) else []:
        if isinstance(reference, dict) and reference.get("source_name") == "mitre-attack":
            yield str(reference.get("external_id", "")).split(".")[0]
