"""The file that a bank executes: SEPA credit transfers, ISO 20022 pain.001.001.09 (docs/protocol.md section 11).

Written by the library sepaxml and checked against the schema of ISO 20022 that it ships. A message identifier is
that of its settlement, so that a bank which is given one file twice sees that it is the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sepaxml import SepaTransfer  # type: ignore[import-untyped]
from sepaxml.validation import ValidationError, try_valid_xml  # type: ignore[import-untyped]

from paravent.errors import InvalidConfiguration
from paravent.optics.money import format_plain

SCHEMA = "pain.001.001.09"
_REFUSED = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Whose account is debited."""

    name: str
    iban: str
    bic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One payment; ``reference`` goes through the banks to the shop's statement."""

    holder: str
    iban: str
    cents: int
    reference: str

    def __repr__(self) -> str:
        return "Transfer(REDACTED)"


def write_payment_file(payer: Payer, transfers: Sequence[Transfer], message_id: str, day: date) -> bytes:
    """Writes the XML of a settlement, valid against its schema; raises InvalidConfiguration when it cannot be."""
    config = {"name": _basic(payer.name), "IBAN": payer.iban, "batch": True, "currency": "EUR"}
    if payer.bic:
        config["BIC"] = payer.bic
    document = SepaTransfer(config, schema=SCHEMA, clean=False)
    for transfer in transfers:
        document.add_payment({
            "name": _basic(transfer.holder), "IBAN": transfer.iban, "amount": transfer.cents,
            "execution_date": day, "description": transfer.reference, "endtoend_id": transfer.reference,
        })  # fmt: skip
    written: bytes = document.export(validate=False)
    content = written.replace(document.msg_id.encode(), message_id.encode())
    try:
        try_valid_xml(content, SCHEMA)
    except ValidationError:
        raise InvalidConfiguration("the payment file does not fit its schema: check settlement_iban and _bic") from None
    return content


def control_sum(content: bytes) -> str:
    """Reads the sum that the file asks the bank to pay, in euros."""
    found = re.search(rb"<GrpHdr>.*?<CtrlSum>([0-9.]+)</CtrlSum>", content, re.DOTALL)
    return "" if found is None else found[1].decode()


def pays(content: bytes, cents: int) -> bool:
    """Says whether a file asks for exactly this sum."""
    return control_sum(content) == format_plain(cents)


def _basic(name: str) -> str:
    """Writes a name with the characters that every SEPA bank takes (EPC217-08), at most 70."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _REFUSED.sub(" ", plain)[:70].strip() or "-"
