"""What somebody writes on the console of the breach desk, judged before it is an entry (docs/screens.md): pure.

An entry is never changed: what is written here stays in the log, and may be read by others. So nothing is taken that
is shaped as the number of a person.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from paravent.breach.entries import Decided, Filed, Stage
from paravent.breach.instants import read_instant
from paravent.errors import InvalidConfiguration
from paravent.pages.screens.catalogue import marked
from paravent.pages.screens.forms import Form

TEXT_CHARACTERS_MAX = 2_000
ROLE_CHARACTERS_MAX = 80
_NUMBER_OF_A_PERSON = re.compile(r"(?<![0-9])[1-478](?:[ .-]?[0-9AB]){12}(?:[ .-]?[0-9]{2})?(?![0-9])")

_MISSING = marked("Ce champ est nécessaire.")
_LONG = marked("Ce texte est trop long.")
_PERSON = marked("Ce texte contient ce qui ressemble à un numéro de sécurité sociale : retirez-le.")
_DUTY = marked("Cette échéance n'est pas de ce dossier.")
_STAGE = marked("Choisissez une étape.")
_INSTANT = marked("Écrivez une date et une heure, par exemple 2026-01-31 09:15.")
_FUTURE = marked("Cet instant n'est pas encore passé.")
_CONFIRM = marked("Confirmez que rien n'a été trouvé.")


def checked_filing(form: Form, duties: Collection[str], now: int) -> Form:
    """Judges the filing of a duty; the form comes back with what is wrong."""
    form = _texts(_duty(form, duties), {"reference": TEXT_CHARACTERS_MAX, "role": ROLE_CHARACTERS_MAX})
    form = _texts(form, {"delay_reason": TEXT_CHARACTERS_MAX}, required=False)
    if form["stage"] not in {one.value for one in Stage}:
        form = form.wrong(stage=_STAGE)
    try:
        at = read_instant(form["filed_at"], now)
    except InvalidConfiguration:
        return form.wrong(filed_at=_INSTANT)
    return form.wrong(filed_at=_FUTURE) if at > now else form


def filing_of(form: Form, now: int) -> Filed:
    """Reads a filing that ``checked_filing`` found right."""
    return Filed(
        duty=form["duty"], stage=Stage(form["stage"]), filed_at=read_instant(form["filed_at"], now),
        reference=form["reference"], delay_reason=form["delay_reason"] or None,
    )  # fmt: skip


def checked_decision(form: Form, duties: Collection[str]) -> Form:
    """Judges a decision on a duty."""
    limits = {"decision": TEXT_CHARACTERS_MAX, "reason": TEXT_CHARACTERS_MAX, "role": ROLE_CHARACTERS_MAX}
    return _texts(_duty(form, duties), limits)


def decision_of(form: Form) -> Decided:
    """Reads a decision that ``checked_decision`` found right."""
    return Decided(duty=form["duty"], decision=form["decision"], reason=form["reason"])


def checked_closing(form: Form) -> Form:
    """Judges the closing of a false alarm."""
    form = _texts(form, {"reason": TEXT_CHARACTERS_MAX, "role": ROLE_CHARACTERS_MAX})
    return form if form["confirmed"] == "yes" else form.wrong(confirmed=_CONFIRM)


def _duty(form: Form, duties: Collection[str]) -> Form:
    return form if form["duty"] in duties else form.wrong(duty=_DUTY)


def _texts(form: Form, limits: Mapping[str, int], *, required: bool = True) -> Form:
    for name, characters_max in limits.items():
        text = form[name]
        if required and not text:
            form = form.wrong(**{name: _MISSING})
        elif len(text) > characters_max:
            form = form.wrong(**{name: _LONG})
        elif _NUMBER_OF_A_PERSON.search(text):
            form = form.wrong(**{name: _PERSON})
    return form
