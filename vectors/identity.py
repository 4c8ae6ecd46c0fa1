"""Vectors of how a person enters the protocol: particulars, look-up input, holder, binding (sections 4 and 5).

Every number belongs to nobody: its commune is one that no register has.
"""

from __future__ import annotations

from collections.abc import Iterator

from paravent.crypto.sealing import OpenLabel
from paravent.person import bindings
from paravent.person.identity import BirthDate, Holder, NormalisedName, PersonIdentity
from paravent.person.nir import Nir
from vectors.cases import Case, Construction, Values, seeded


def nir(values: Values) -> Values:
    """Reads a number and its key as printed."""
    number = Nir.parse(values["printed"])
    return {"nir": number.thirteen, "key": number.key, "synthetic": number.is_synthetic}


def name(values: Values) -> Values:
    """Normalises a name as printed."""
    return {"name": str(NormalisedName.of(values["printed"]))}


def birth_date(values: Values) -> Values:
    """Reads a birth date as printed."""
    return {"birth_date": str(BirthDate.parse(values["printed"]))}


def lookup_input(values: Values) -> Values:
    """Encodes x; the name is no part of it, so any serves here."""
    identity = PersonIdentity(
        name=NormalisedName("MARTIN"), birth_date=BirthDate(values["birth_date"]), nir=Nir(values["nir"]),
        rank=values["rank"],
    )  # fmt: skip
    return {"oprf_input": bindings.lookup_input(values["insurer"], values["epoch"], identity).hex()}


def holder(values: Values) -> Values:
    """Computes the holder value of a desk part."""
    person = Holder(name=NormalisedName(values["name"]), birth_date=BirthDate(values["birth_date"]))
    return {"holder": bindings.holder_value(bytes.fromhex(values["salt"]), person).hex()}


def binding(values: Values) -> Values:
    """Computes the binding of a desk part to the label of its row."""
    return {"binding": bindings.binding_of(OpenLabel(bytes.fromhex(values["label"]))).hex()}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    yield from _printed_numbers()
    yield from _printed_names()
    yield from _printed_dates()
    rng = seeded("identity")
    known: Values = {"insurer": "99000001", "epoch": 3, "nir": "2850512991045", "birth_date": "19850517", "rank": 1}
    changes: dict[str, Values] = {
        "a person": {}, "the twin": {"rank": 2}, "another insurer": {"insurer": "9900000002"},
        "another epoch": {"epoch": 4}, "a fictitious birth date": {"birth_date": "19850000"},
        "born in Corsica": {"nir": "190012B995012"},
    }  # fmt: skip
    for case, change in changes.items():
        yield Case(name=f"the input of {case}", operation="lookup-input", input=known | change)
    wrong: dict[str, tuple[Values, str]] = {
        "a rank of 0": ({"rank": 0}, "invalid-identity"),
        "a rank of 10": ({"rank": 10}, "invalid-identity"),
        "a number of 12 characters": ({"nir": "285051299104"}, "invalid-nir"),
        "a number of month 13": ({"nir": "2851312991045"}, "invalid-nir"),
        "a number of order 000": ({"nir": "2850512991000"}, "invalid-nir"),
        "a birth date with dashes": ({"birth_date": "1985-05-17"}, "invalid-identity"),
        "a birth year of 1879": ({"birth_date": "18790101"}, "invalid-identity"),
    }
    for case, (change, error) in wrong.items():
        yield Case(name=f"the input of {case}", operation="lookup-input", input=known | change, error=error)
    holder_input: Values = {"salt": rng(16).hex(), "name": "LEFEVREANNESOPHIE", "birth_date": "19850517"}
    yield Case(name="a holder", operation="holder", input=holder_input)
    yield Case(name="another salt", operation="holder", input=holder_input | {"salt": rng(16).hex()})
    yield Case(name="a fictitious birth date", operation="holder", input=holder_input | {"birth_date": "19852000"})
    accented = holder_input | {"name": "LEF\u00c8VRE"}
    yield Case(name="a name not normalised", operation="holder", input=accented, error="invalid-identity")
    yield Case(name="a binding", operation="binding", input={"label": rng(90).hex()})


def _printed_numbers() -> Iterator[Case]:
    right = {
        "in one piece": "285051299104554",
        "with spaces": "2 85 05 12 991 045 54",
        "with a key below 10": "285051299100101",
        "with the key 97": "285051299100297",
        "of 2A": "1 90 01 2A 995 012 04",
        "of 2b": "1 90 01 2b 995 012 31",
        "of overseas": "190019749110128",
        "of a provisional sex": "785051299104595",
        "with a no-break space": "2850512991045\u00a054",
    }
    for case, printed in right.items():
        yield Case(name=f"a number {case}", operation="nir", input={"printed": printed})
    wrong = {
        "with another key": "285051299104555",
        "without its key": "2850512991045",
        "with two digits swapped": "285051299105454",
        "of sex 5": "585051299104554",
        "of 2C": "190012C99501231",
        "in full-width digits": "\uff1285051299104554",
        "in 41 characters": "2850512991045" + " " * 26 + "54",
    }
    for case, printed in wrong.items():
        yield Case(name=f"a number {case}", operation="nir", input={"printed": printed}, error="invalid-nir")


def _printed_names() -> Iterator[Case]:
    right = {
        "accents, hyphen, space": "Lef\u00e8vre Anne-Sophie",
        "decomposed accents": "Lefe\u0300vre Anne-Sophie",
        "an apostrophe": "D\u2019Aubign\u00e9 Th\u00e9o",
        "a modifier apostrophe": "D\u02bcAubign\u00e9 Th\u00e9o",
        "ligatures": "\u0152uvrard L\u00e6titia",
        "a sharp s": "Strau\u00df Zo\u00eb",
        "a capital sharp s": "STRAU\u1e9e",
        "a bar": "\u0141ukasz \u00d8rsted",
        "digits": "Martin 2",
        "full width": "\uff2d\uff21\uff32\uff34\uff29\uff2e",
    }
    for case, printed in right.items():
        yield Case(name=f"a name with {case}", operation="name", input={"printed": printed})
    wrong = {"no letter": "- 2 -", "nothing": "", "a Greek letter": "Martin \u03a9", "121 characters": "A" * 121}
    for case, printed in wrong.items():
        yield Case(name=f"a name with {case}", operation="name", input={"printed": printed}, error="invalid-identity")


def _printed_dates() -> Iterator[Case]:
    right = ("19850517", "1985-05-17", "17/05/1985", "00/00/1985", "01/20/1985")
    for printed in right:
        yield Case(name=f"a birth date written {printed}", operation="birth-date", input={"printed": printed})
    for printed in ("17/05/85", "1985-0517", "17.05.1985", "18791231", ""):
        given = {"printed": printed}
        yield Case(
            name=f"a birth date written {printed!r}", operation="birth-date", input=given, error="invalid-identity"
        )


CONSTRUCTION = Construction(
    section="4, 5",
    operations={
        "nir": nir, "name": name, "birth-date": birth_date, "lookup-input": lookup_input, "holder": holder,
        "binding": binding,
    },
    cases=cases,
)  # fmt: skip
