"""``paravent breach suspend``, ``resume``, ``withdraw``: measures for a case, stated first, then done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, require_agreement, stated_text, verb
from paravent.access.config import open_directory
from paravent.access.store import write_secret
from paravent.breach.case import OPERATOR
from paravent.breach.config import KEY_FILE, read_key
from paravent.breach.entries import Switched
from paravent.breach.store import Store
from paravent.breach.suspension import Outcome, complete, effect
from paravent.breach.suspension_client import SuspensionClient
from paravent.crypto.signing import SigningKey, VerifyKey, key_id
from paravent.errors import BadInput, InvalidConfiguration
from paravent.wire.statements import BreachDeskEntry, Directory
from paravent.wire.suspension import Measure, SubjectKind, SuspensionRequest

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


def add_suspension_verbs(group: click.Group) -> None:
    """Adds to the group of the breach desk: desk-key, suspend, resume, withdraw."""

    @verb(group, "Create the key with which the breach desk suspends, and its entry for the directory.")
    @click.option("--name", default="breach-desk", show_default=True, help="Name in the directory.")
    @click.option("--entry", type=_FILE, required=True, help="Where to write the entry for the directory.")
    def desk_key(home: Path, name: str, entry: Path) -> Said:
        """Creates the key."""
        write_secret(home / KEY_FILE, cli.rng(32))
        cli.write_file(entry, BreachDeskEntry(name=name, verify_key=read_key(home).public))
        return Said(text=f"key of {name}: {home / KEY_FILE}", values={"key": str(home / KEY_FILE), "entry": str(entry)})

    for measure, purpose in (
        (Measure.SUSPEND, "Suspend a device, a professional, a shop, or a number lane at every verifier, for a case."),
        (Measure.RESUME, "End what a case suspended, at every verifier."),
        (Measure.WITHDRAW, "Withdraw a device at every verifier, for good, for a case."),
    ):
        _add(group, measure, purpose)


def _add(group: click.Group, measure: Measure, purpose: str) -> None:
    @_measure_options
    def run(
        home: Path, kind: str, subject: str, case: str, directory: Path, signer: str, key: str, dry_run: bool,
        yes: bool,
    ) -> Said:  # fmt: skip
        known = open_directory(directory.read_bytes(), cli.pin_of(signer, key))
        asked = _request(case, measure, kind, subject)
        client = SuspensionClient(known, _desk_key(home, known), cli.rng)
        looked = asyncio.run(client.ask(msgspec.structs.replace(asked, measure=Measure.LOOK)))
        stated = effect(asked, looked)
        if dry_run:
            return _said(asked, looked, stated, done=False)
        require_agreement(stated, yes=yes)
        done = _said(asked, asyncio.run(client.ask(asked)), stated, done=True)
        _record(home, asked, done)
        return done

    run.__name__ = measure.value
    verb(group, purpose)(run)


def _record(home: Path, asked: SuspensionRequest, done: Said) -> None:
    """Adds what was done to the case, when this desk has opened it."""
    with Store(home) as store:
        if asked.case in store.cases():
            evidence = store.keep_file(json.dumps(done.values, ensure_ascii=False).encode())
            target = f"{asked.measure.value} {asked.kind.value} {asked.subject}"
            effects = " ".join(done.values["effect"])
            said = Switched(target=target, effect=effects, sha256=evidence, complete=done.values["complete"])
            store.add(asked.case, said, role=OPERATOR, now=cli.now())


def _measure_options(command: F) -> F:
    """Adds what every measure takes."""
    for option in (
        click.argument("kind", type=click.Choice([kind.value for kind in SubjectKind])),
        click.argument("subject"),
        click.option("--case", required=True, help="Number of the case."),
        click.option("--directory", type=_EXISTING, required=True, help="The signed directory file."),
        click.option("--signer", required=True, help="Name of who signs the directory."),
        click.option("--key", required=True, help="The key that signs the directory (hexadecimal)."),
        click.option("--yes", is_flag=True, help="Do not ask before it is done."),
        dry_run_option,
    )[::-1]:
        command = option(command)
    return command


def _request(case: str, measure: Measure, kind: str, subject: str) -> SuspensionRequest:
    try:
        return msgspec.convert(
            {"case": case, "measure": measure.value, "kind": kind, "subject": subject}, SuspensionRequest
        )
    except msgspec.ValidationError as error:
        raise BadInput(
            f"a case number is 1 to 40 letters, digits and ._/-, a subject 1 to 120 characters: {error}"
        ) from None


def _desk_key(home: Path, directory: Directory) -> SigningKey:
    """Reads the key, and says at once when the directory lists another."""
    key, entry = read_key(home), directory.breach_desk
    if entry is None or key_id(VerifyKey(entry.verify_key)) != key_id(key.public):
        raise InvalidConfiguration("the directory does not list this breach desk: sign it again with --breach-desk")
    return key


def _said(asked: SuspensionRequest, outcomes: list[Outcome], stated: list[tuple[str, str]], *, done: bool) -> Said:
    measure = asked.measure if done else Measure.LOOK
    lines = [_line(outcome, measure) for outcome in outcomes]
    whole = complete(outcomes)
    end = [] if whole or not done else ["INCOMPLET : à relancer / INCOMPLETE: run it again"]
    return Said(
        text="\n".join([stated_text(stated), *lines, *end]),
        values={
            "case": asked.case, "measure": asked.measure.value, "kind": asked.kind.value, "subject": asked.subject,
            "done": done, "complete": whole, "effect": [english for _, english in stated],
            "verifiers": [_values(outcome, measure) for outcome in outcomes],
        },
        failed=done and not whole,
    )  # fmt: skip


def _line(outcome: Outcome, measure: Measure) -> str:
    if outcome.error is not None:
        return f"{outcome.verifier}: {outcome.kind(measure).value} [{outcome.error.code}] {outcome.error}"
    report = outcome.report
    assert report is not None  # noqa: S101 - an outcome holds the one or the other
    return f"{outcome.verifier}: {outcome.kind(measure).value}, {report.active} of {report.devices} devices active"


def _values(outcome: Outcome, measure: Measure) -> dict[str, Any]:
    values: dict[str, Any] = {"verifier": outcome.verifier, "outcome": outcome.kind(measure).value}
    if outcome.error is not None:
        return values | {"error": outcome.error.code, "detail": str(outcome.error)}
    return values | {"report": msgspec.to_builtins(outcome.report), "evidence": msgspec.to_builtins(outcome.evidence)}
