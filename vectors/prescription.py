"""Vectors of prescriptions: quarter dioptres, the canonical form, the commitment of a claim (section 11)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from paravent.person.commitment import prescription_commitment
from paravent.person.prescription import Eye, Prescription, quarters
from vectors.cases import Case, Construction, Values, seeded

WRONG = "unsupported-prescription"
_PLANO: Values = {"sphere": 0, "cylinder": 0, "axis": None, "addition": 0}


def to_quarters(values: Values) -> Values:
    """Converts dioptres, in decimal digits, to quarters."""
    return {"quarters": quarters(Decimal(values["dioptres"]))}


def canonical(values: Values) -> Values:
    """Writes the one form of a prescription, from eyes in quarter dioptres."""
    eyes = {side: None if values[side] is None else Eye(**values[side]) for side in ("right", "left")}
    return {"canonical": Prescription(**eyes).canonical().decode()}


def commit(values: Values) -> Values:
    """Commits to a prescription: what a claim carries of it."""
    return {"commitment": prescription_commitment(
        bytes.fromhex(values["salt"]), claim_id=bytes.fromhex(values["claim_id"]),
        document=bytes.fromhex(values["document"]), canonical=values["canonical"].encode(),
        categories=values["categories"], rules=values["rules"],
    ).hex()}  # fmt: skip


def cases() -> Iterator[Case]:
    """Lists the cases."""
    for dioptres in ("0", "0.25", "-2.75", "+1.5", "-20.00", "6"):
        yield Case(name=f"{dioptres} dioptres", operation="quarters", input={"dioptres": dioptres})
    for dioptres in ("0.3", "0.125", "NaN", "Infinity", "1e9"):
        yield Case(name=f"{dioptres} dioptres", operation="quarters", input={"dioptres": dioptres}, error=WRONG)
    toric = {"sphere": -8, "cylinder": 3, "axis": 10, "addition": 8}
    right: dict[str, tuple[Values | None, Values | None]] = {
        "two eyes": (toric, _PLANO | {"sphere": 5}),
        "the same eye with a minus cylinder": (toric | {"sphere": -5, "cylinder": -3, "axis": 100}, None),
        "the right eye alone": (toric, None),
        "the left eye alone": (None, toric),
        "an axis of 180, written 0": (toric | {"axis": 180}, toric | {"axis": 0}),
        "an axis of 90 with a minus cylinder": (toric | {"cylinder": -3, "axis": 90}, None),
        "an axis without a cylinder, written 0": (_PLANO | {"axis": 45}, None),
    }
    for name, eyes in right.items():
        yield Case(name=name, operation="canonical", input=dict(zip(("right", "left"), eyes, strict=True)))
    wrong: dict[str, Values | None] = {
        "a cylinder without an axis": toric | {"axis": None}, "an axis of 181": toric | {"axis": 181},
        "a negative axis": toric | {"axis": -1}, "a negative addition": toric | {"addition": -1}, "no eye": None,
    }  # fmt: skip
    for name, eye in wrong.items():
        yield Case(name=name, operation="canonical", input={"right": eye, "left": None}, error=WRONG)
    yield from _commitments()


def _commitments() -> Iterator[Case]:
    rng = seeded("prescription")
    given: Values = {
        "salt": rng(32).hex(), "claim_id": rng(16).hex(), "document": b'{"resourceType":"VisionPrescription"}'.hex(),
        "canonical": "-8,3,10,8|5,0,0,0", "categories": "ac", "rules": "2020-01-01",
    }  # fmt: skip
    yield Case(name="a commitment", operation="commit", input=given)
    changes: dict[str, Values] = {
        "salt": {"salt": rng(32).hex()}, "claim": {"claim_id": rng(16).hex()}, "document": {"document": "00"},
        "canonical form": {"canonical": "-8,3,10,8|-"}, "order of the categories": {"categories": "ca"},
        "version of the rules": {"rules": "2026-01-01"},
    }  # fmt: skip
    for name, change in changes.items():
        yield Case(name=f"a commitment with another {name}", operation="commit", input=given | change)


CONSTRUCTION = Construction(
    section="11", operations={"quarters": to_quarters, "canonical": canonical, "commit": commit}, cases=cases
)
