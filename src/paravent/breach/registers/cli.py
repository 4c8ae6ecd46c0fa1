"""``paravent watch measures`` and ``answer``: the register of measures (docs/governance.md section 2)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import CONFIG_NAME, read_directory
from paravent.access.doctor.rules_store import shipped_rules
from paravent.breach import config
from paravent.breach.case_cli import instant
from paravent.breach.registers.measures import Answer, Kind, Standing, answers_of, require_owner, standings, tally
from paravent.breach.registers.reports import open_report
from paravent.breach.registers.store import Store, shipped
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import InvalidConfiguration
from paravent.wire.statements import Directory

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_BY_HAND = [kind.value for kind in Kind if kind is not Kind.MACHINE]
registers_option = click.option(
    "--registers", type=click.Path(path_type=Path, file_okay=False, exists=True), default=None,
    help="Home of the register of measures (paravent watch answer); the breach desk's own by default.",
)  # fmt: skip


def add_measure_verbs(group: click.Group) -> None:
    """Adds ``measures`` and ``answer``."""

    @verb(group, "List the measures of ANSSI and of the CNIL with what is to be thought of each.")
    @click.option("--at", default=None, help="As they stood at an instant, UTC: 2026-01-31T08:15Z.")
    @click.option("--history", is_flag=True, help="With --json, every answer ever given.")
    def measures(home: Path, at: str | None, history: bool) -> Said:
        """Lists them."""
        now = cli.now() if at is None else instant(at) or 0
        with Store(home) as store:
            answers = store.history()
        found = standings(shipped(), answers, now, shipped_rules().limits.answer_age_days_max)
        counts = tally(found)
        values = {"measures": len(found), "at": now, "standings": [_values(one) for one in found]} | counts
        if history:
            values["history"] = [_answer_values(one) for one in answers]
        return Said(text="\n".join([*map(_line, found), str(counts)]), values=values)

    @verb(group, "Answer a measure by a document, a declaration or no; or every one that a doctor's report answers.")
    @click.argument("reference", required=False)
    @click.option("--kind", type=click.Choice(_BY_HAND), default=None)
    @click.option("--owner", required=True, help="Function that answers for it: never a person's name.")
    @click.option("--proof", type=_EXISTING, default=None, help="The document; its hash alone is kept.")
    @click.option("--from-doctor", type=_EXISTING, default=None, help="Signed report of a party: doctor --out FILE.")
    @click.option("--key", default=None, help="With --from-doctor, the public key of a desk (hexadecimal).")
    @dry_run_option
    def answer(
        home: Path, reference: str | None, kind: str | None, owner: str, proof: Path | None, from_doctor: Path | None,
        key: str | None, dry_run: bool,
    ) -> Said:  # fmt: skip
        """Answers."""
        require_owner(owner)
        if from_doctor is not None:
            if reference or kind or proof:
                raise InvalidConfiguration("a report answers by itself: give --from-doctor and --owner alone")
            return _from_doctor(home, from_doctor.read_bytes(), owner, key, dry_run=dry_run)
        if reference is None or kind is None:
            raise InvalidConfiguration("give a reference and --kind, or --from-doctor")
        return _by_hand(home, reference, Kind(kind), owner, proof, dry_run=dry_run)


def _by_hand(home: Path, reference: str, kind: Kind, owner: str, proof: Path | None, *, dry_run: bool) -> Said:
    if reference not in {one.reference for one in shipped()}:
        raise InvalidConfiguration("no measure has this reference: paravent watch measures lists them")
    digest, now = None if proof is None else hashlib.sha256(proof.read_bytes()).digest(), cli.now()
    try:
        given = Answer(reference=reference, kind=kind, owner=owner, at=now, kept_at=now, proof=digest)
    except ValueError as error:
        raise InvalidConfiguration(str(error)) from None
    if not dry_run:
        with Store(home) as store:
            store.add([given])
    return Said(text=f"{reference}: {kind.value}", values=_answer_values(given) | {"kept": not dry_run})


def _from_doctor(home: Path, content: bytes, owner: str, key: str | None, *, dry_run: bool) -> Said:
    now, rules = cli.now(), shipped_rules()
    report = open_report(content, directory_of(home), _own(home) | _device(key), now)
    answers = answers_of(report, rules, hashlib.sha256(content).digest(), owner, now)
    kept = False
    if not dry_run:
        with Store(home) as store:
            kept = store.add(answers, content)
    lines = [
        f"{one.reference:9} {one.outcome.value if one.outcome else ''}: {', '.join(one.checks)}" for one in answers
    ]
    said = "kept" if kept else "not kept: a trial, or kept before"
    return Said(
        text="\n".join([*lines, f"{len(answers)} measures answered by the checks of {report.party}; {said}"]),
        values={"party": report.party, "kept": kept, "answers": [_answer_values(one) for one in answers]},
    )


def directory_of(home: Path) -> Directory | None:
    """Reads the directory that the breach desk of this home joined; None when the home has no breach desk."""
    return read_directory(home, config.load(home).directory) if (home / CONFIG_NAME).exists() else None


def _own(home: Path) -> dict[str, bytes]:
    """Gives the key of the breach desk of this home, whose own report it takes."""
    if not (home / CONFIG_NAME).exists():
        return {}
    return {config.load(home).name: config.read_key(home).public}


def _device(text: str | None) -> dict[str, bytes]:
    if text is None:
        return {}
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise InvalidConfiguration("a public key is 64 hexadecimal characters")
    return {key_id(VerifyKey(found)): found}


def _line(one: Standing) -> str:
    parties = ", ".join(answer.party for answer in one.answers if answer.party)
    return f"{one.measure.reference:9} {one.state.value:18} {one.measure.title}{f' ({parties})' if parties else ''}"


def _values(one: Standing) -> dict[str, object]:
    return {
        "reference": one.measure.reference, "title": one.measure.title, "state": one.state.value,
        "answers": [_answer_values(answer) for answer in one.answers],
    }  # fmt: skip


def _answer_values(answer: Answer) -> dict[str, object]:
    values: dict[str, object] = msgspec.to_builtins(answer)
    return values | {"day": answer.day, "proof": None if answer.proof is None else answer.proof.hex()}
