"""Victim types from NAICS codes (docs/watch.md section 1): United States Census Bureau, NAICS 2012 to 2022.

The longest prefix decides. A code that says less than the type needs ("62", "6212" of all dentists) gives what it
can: every code of sector 62 is at least health or social care, hence never a payer or a vendor.
"""

from __future__ import annotations

from collections.abc import Iterable

from paravent.breach.observatory.incident import VictimType

_PREFIXES: dict[str, VictimType] = {
    "622": VictimType.HOSPITAL,
    "446110": VictimType.PHARMACY,  # 2012, 2017: pharmacies and drug stores
    "456110": VictimType.PHARMACY,  # 2022: pharmacies and drug retailers
    "446130": VictimType.OPTICIAN,  # 2012, 2017: optical goods stores
    "456130": VictimType.OPTICIAN,  # 2022: optical goods retailers
    "621320": VictimType.OPTICIAN,  # offices of optometrists
    "6211": VictimType.PRACTITIONER,  # offices of physicians
    "6212": VictimType.PRACTITIONER,  # offices of dentists
    "6213": VictimType.PRACTITIONER,  # offices of other health practitioners
    "524114": VictimType.PAYER,  # direct health and medical insurance carriers
    "524292": VictimType.PAYER,  # third-party administration of insurance and pension funds
    "525120": VictimType.PAYER,  # health and welfare funds
    "5112": VictimType.VENDOR,  # 2012, 2017: software publishers
    "5132": VictimType.VENDOR,  # 2022: software publishers
    "518": VictimType.VENDOR,  # data processing, hosting
    "5415": VictimType.VENDOR,  # computer systems design
}


def victim_type(industries: Iterable[str]) -> VictimType:
    """Says who was attacked from the codes of an incident's victims: the first that says it."""
    known = [code for code in industries if not code.startswith("00")]
    for code in known:
        for length in range(len(code), 2, -1):
            if found := _PREFIXES.get(code[:length]):
                return found
    return VictimType.OTHER if known else VictimType.UNKNOWN
