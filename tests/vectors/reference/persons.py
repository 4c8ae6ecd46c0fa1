"""Operations of ``identity`` and ``prescription``: what never leaves the insurer and the desk."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from tests.vectors.reference.hashing import Refused, Values, enc, mac, require, sha256, unhex

_NIR, _IDENTITY, _PRESCRIPTION = "invalid-nir", "invalid-identity", "unsupported-prescription"
_SPELT = {"Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "Ħ": "H", "ẞ": "SS"}
_MONTHS = {*range(1, 13), *range(20, 43), *range(50, 100)}

# --- identity ----------------------------------------------------------------------------------------


def _require_nir(thirteen: str) -> None:
    require(re.fullmatch("[123478][0-9]{4}([0-9]{2}|2A|2B)[0-9]{6}", thirteen), _NIR)
    require(int(thirteen[3:5]) in _MONTHS and thirteen[5:7] != "00" and thirteen[10:] != "000", _NIR)


def nir(values: Values) -> Values:
    """Reads a number and its key."""
    require(len(values["printed"]) <= 40, _NIR)
    compact = re.sub("[ \u00a0]", "", values["printed"]).upper()
    require(re.fullmatch("[0-9AB]{13}[0-9]{2}", compact, re.ASCII), _NIR)
    thirteen, key = compact[:13], compact[13:]
    _require_nir(thirteen)
    number = int(thirteen.replace("2A", "19").replace("2B", "18"))
    require((number + int(key)) % 97 == 0 and 1 <= int(key) <= 97, _NIR)
    overseas = thirteen[5:7] in {"97", "98"}
    commune, last = (int(thirteen[8:10]), 90) if overseas else (int(thirteen[7:10]), 990)
    return {"nir": thirteen, "key": key, "synthetic": not 1 <= commune <= last}


def name(values: Values) -> Values:
    """Keeps the letters of a name, in capitals without accents."""
    require(len(values["printed"]) <= 120, _IDENTITY)
    letters = ""
    for character in unicodedata.normalize("NFKD", values["printed"]):
        for capital in character.upper():
            if unicodedata.category(capital) in {"Lu", "Lt", "Lo"}:
                letters += _SPELT.get(capital, capital)
    require(re.fullmatch("[A-Z]+", letters), _IDENTITY)
    return {"name": letters}


def birth_date(values: Values) -> Values:
    """Reads a date in one of three forms."""
    text = values["printed"]
    for form in ("(....)-(..)-(..)", "(....)(..)(..)"):
        if found := re.fullmatch(form.replace(".", "[0-9]"), text):
            return {"birth_date": _checked("".join(found.groups()))}
    found = re.fullmatch("([0-9]{2})/([0-9]{2})/([0-9]{4})", text)
    if not found:
        raise Refused(_IDENTITY)
    return {"birth_date": _checked("".join(reversed(found.groups())))}


def _checked(date: str) -> str:
    require(re.fullmatch("[0-9]{8}", date) and 1880 <= int(date[:4]) <= 2100, _IDENTITY)
    return date


def lookup_input(values: Values) -> Values:
    """Encodes x."""
    _require_nir(values["nir"])
    require(1 <= values["rank"] <= 9, _IDENTITY)
    person = values["nir"], _checked(values["birth_date"]), values["rank"]
    return {"oprf_input": enc("input", values["insurer"], values["epoch"], *person).hex()}


def holder(values: Values) -> Values:
    """Computes a holder value."""
    require(re.fullmatch("[A-Z]+", values["name"]), _IDENTITY)
    message = enc("holder", values["name"], _checked(values["birth_date"]))
    return {"holder": mac(unhex(values["salt"]), message).hex()}


def binding(values: Values) -> Values:
    """Binds a desk part to a label."""
    return {"binding": sha256(enc("binding", unhex(values["label"]))).hex()}


# --- prescription ------------------------------------------------------------------------------------


def quarters(values: Values) -> Values:
    """Converts dioptres."""
    try:
        found = Fraction(values["dioptres"]) * 4
    except ValueError:
        raise Refused(_PRESCRIPTION) from None
    require(found.denominator == 1 and abs(found) < 4 * 10**7, _PRESCRIPTION)
    return {"quarters": int(found)}


def canonical(values: Values) -> Values:
    """Writes both eyes with a positive cylinder and an axis of 0 to 179."""
    require(values["right"] or values["left"], _PRESCRIPTION)
    return {"canonical": "|".join(_eye(values[side]) for side in ("right", "left"))}


def _eye(eye: Values | None) -> str:
    if eye is None:
        return "-"
    sphere, cylinder, axis, addition = (eye[part] for part in ("sphere", "cylinder", "axis", "addition"))
    require(addition >= 0 and (axis is not None or not cylinder), _PRESCRIPTION)
    require(axis is None or 0 <= axis <= 180, _PRESCRIPTION)
    if cylinder < 0:
        sphere, cylinder, axis = sphere + cylinder, -cylinder, axis + 90
    return f"{sphere},{cylinder},{axis % 180 if cylinder else 0},{addition}"


def commit(values: Values) -> Values:
    """Commits to a prescription."""
    document = sha256(unhex(values["document"]))
    fields = values["canonical"].encode(), values["categories"], values["rules"]
    message = enc("commit-rx", unhex(values["claim_id"]), document, *fields)
    return {"commitment": mac(unhex(values["salt"]), message).hex()}
