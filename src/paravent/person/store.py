"""The rules about prescriptions shipped with the package, and the tariffs put in a folder of the desk.

Holds: public law and tariffs, no person. Stolen: nothing is learnt. Altered: a category, a validity or a price limit
is computed otherwise on this desk; the hub and the insurer recompute amounts, not these.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from paravent.errors import InvalidConfiguration
from paravent.person.class_a_tariff import ClassATariff, read_class_a_tariff, tariff_for
from paravent.person.early_renewal import RenewalGrounds, read_renewal_grounds
from paravent.person.lens_category import LensRules, read_lens_rules
from paravent.person.prescription_validity import ValidityTerms, read_validity_terms

_FOLDER = Path(__file__).parent
TARIFF_FOLDER = "tariffs"


@cache
def shipped_lens_rules() -> LensRules:
    """Reads the lens rules of the package."""
    return read_lens_rules((_FOLDER / "lens_rules.toml").read_bytes())


@cache
def shipped_renewal_grounds() -> RenewalGrounds:
    """Reads the renewal grounds of the package."""
    return read_renewal_grounds((_FOLDER / "renewal_grounds.toml").read_bytes())


@cache
def shipped_validity_terms() -> ValidityTerms:
    """Reads the validity terms of the package."""
    return read_validity_terms((_FOLDER / "prescription_validity.toml").read_bytes())


@cache
def shipped_class_a_tariff() -> ClassATariff:
    """Reads the illustrative tariff of the package."""
    return read_class_a_tariff((_FOLDER / "class_a_tariff.toml").read_bytes())


def class_a_tariff_for(day: date, home: Path | None) -> ClassATariff:
    """Chooses the tariff of a day among that of the package and those in the home's folder; no file is passed over.

    Raises InvalidConfiguration with the name of a file that cannot be used.
    """
    found = [shipped_class_a_tariff()]
    for path in [] if home is None else sorted((home / TARIFF_FOLDER).glob("*.toml")):
        try:
            found.append(read_class_a_tariff(path.read_bytes()))
        except InvalidConfiguration as error:
            raise InvalidConfiguration(f"{path.name}: {error}") from None
    return tariff_for(day, found)
