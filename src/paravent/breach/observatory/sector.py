"""The project's own list of incidents of the sector: ``incidents.csv`` (docs/watch.md section 2).

Eleven columns, UTF-8, comma; four more may follow, which code what the text says. Vocabularies are closed: a line
with an unknown word is refused, and its line number said. What no column states stays unknown.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping

from paravent.breach.observatory.incident import Attack, Incident, Rejected, VictimType

COLUMNS = (
    "id", "date_start", "date_public", "organisation", "sector", "persons", "vector", "data", "outcome", "source",
    "confidence",
)  # fmt: skip
CODED_COLUMNS = ("country", "actions", "attacks", "through_partner")

SECTORS: dict[str, VictimType] = {
    "aggregate": VictimType.OTHER,
    "finance software": VictimType.OTHER,
    "hospital": VictimType.HOSPITAL,
    "lab software vendor": VictimType.VENDOR,
    "medical software": VictimType.VENDOR,
    "ophthalmology tele-expertise": VictimType.PRACTITIONER,
    "optician chain": VictimType.OPTICIAN,
    "optics care network (OCAM)": VictimType.PAYER,
    "pharmacy": VictimType.PHARMACY,
    "public employment": VictimType.OTHER,
    "social security": VictimType.PAYER,
    "telecom": VictimType.OTHER,
    "teleconsultation": VictimType.PRACTITIONER,
    "third-party payer": VictimType.PAYER,
}
CERTAINTIES = frozenset({
    "verified-press", "verified-press (count weak)", "partly-verified", "weak-press", "unverified",
})  # fmt: skip
_ANSWERS = {"": None, "yes": True, "no": False}
_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-\d{2})?\Z")


def is_sector_file(text: str) -> bool:
    """Says whether a text begins with the columns of the list."""
    return text.startswith(",".join(COLUMNS))


def read_sector(text: str) -> Iterator[Incident | Rejected]:
    """Yields each line as an incident, or why it is refused."""
    reader = csv.DictReader(text.splitlines(), restkey="", strict=True)
    try:
        for row in reader:
            place = f"line {reader.line_num}"
            try:
                yield _incident(row)
            except ValueError as reason:
                yield Rejected(place=place, identifier=row.get("id") or "", reason=str(reason))
    except csv.Error:
        cut = "it is not CSV: check its quotes; nothing after it was read"
        yield Rejected(place=f"line {reader.line_num}", reason=cut)


def _incident(row: Mapping[str, str]) -> Incident:
    if set(row) not in ({*COLUMNS}, {*COLUMNS, *CODED_COLUMNS}) or None in row.values():
        raise ValueError("it has not the columns of the header")
    if not row["id"]:
        raise ValueError("id is empty")
    date = _DATE.match(row["date_start"])
    if date is None:
        raise ValueError("date_start is not YYYY, YYYY-MM or YYYY-MM-DD")
    varieties = tuple(filter(None, (word.strip() for word in row.get("actions", "").split(";"))))
    country = row.get("country", "")
    return Incident(
        identifier=f"sector:{row['id']}",
        source="sector list",
        reference=row["source"],
        certainty=_known(row["confidence"], CERTAINTIES, "confidence"),
        organisation=row["organisation"],
        year=int(date[1]),
        month=int(date[2]) if date[2] else None,
        victim=SECTORS[_known(row["sector"], SECTORS, "sector")],
        countries=(country,) if country else (),
        actions=tuple(sorted({word.split(".")[0] for word in varieties})),
        varieties=varieties,
        attacks=_attacks(row.get("attacks", "")),
        persons=int(row["persons"]) if row["persons"].isdecimal() else None,
        through_partner=_ANSWERS[_known(row.get("through_partner", ""), _ANSWERS, "through_partner")],
    )


def _attacks(text: str) -> tuple[Attack, ...]:
    known = {attack.value: attack for attack in Attack}
    words = filter(None, (word.strip() for word in text.split(";")))
    return tuple(known[_known(word, known, "attacks")] for word in words)


def _known(word: str, vocabulary: Mapping[str, object] | frozenset[str], column: str) -> str:
    if word not in vocabulary:
        raise ValueError(f"{column} has a word that is not known: {word}")
    return word
