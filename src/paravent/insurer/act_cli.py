"""``paravent insurer`` reverse, dispute, uphold, release: acts on its own claims (docs/operating.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.insurer import config
from paravent.insurer.act_client import send_act
from paravent.insurer.acts import Actor
from paravent.insurer.client import pull_events
from paravent.insurer.store import Store
from paravent.optics.grounds import ground_en, ground_fr
from paravent.wire.claims import ActKind, Decision, Ground, InsurerAct

Build = Callable[[Actor], InsurerAct]


def _ground_option(command: Callable[..., Any]) -> Callable[..., Any]:
    grounds = click.Choice([ground.value for ground in Ground])
    return click.option("--ground", type=grounds, required=True, help="Reason code, told to the shop.")(command)


def add_verbs(group: click.Group) -> None:
    """Adds the acts of an insurer to its group of verbs."""

    @verb(group, "Reverse a claim within 30 days of its decision: the right is given back as it was before.")
    @click.argument("claim_id")
    @_ground_option
    @dry_run_option
    def reverse(home: Path, claim_id: str, ground: str, dry_run: bool) -> Said:
        """Reverses."""
        return _on_claim(home, ActKind.REVERSE, claim_id, Ground(ground), dry_run=dry_run)

    @verb(group, "Dispute a claim within 30 days of its decision: it is not paid until upheld or reversed.")
    @click.argument("claim_id")
    @_ground_option
    @dry_run_option
    def dispute(home: Path, claim_id: str, ground: str, dry_run: bool) -> Said:
        """Disputes."""
        return _on_claim(home, ActKind.DISPUTE, claim_id, Ground(ground), dry_run=dry_run)

    @verb(group, "Uphold a claim that was disputed: it is payable again.")
    @click.argument("claim_id")
    @dry_run_option
    def uphold(home: Path, claim_id: str, dry_run: bool) -> Said:
        """Upholds."""
        return _on_claim(home, ActKind.UPHOLD, claim_id, None, dry_run=dry_run)

    @verb(group, "Release the right of a member that a shop holds.")
    @click.argument("member_id")
    @click.option("--ground", type=click.Choice([ground.value for ground in Ground]),
                  default=Ground.HELD_TOO_LONG.value, show_default=True)  # fmt: skip
    @dry_run_option
    def release(home: Path, member_id: str, ground: str, dry_run: bool) -> Said:
        """Releases."""
        return _act(home, lambda actor: actor.release(member_id, Ground(ground), cli.now(), cli.rng), dry_run=dry_run)


def _on_claim(home: Path, kind: ActKind, claim_id: str, ground: Ground | None, *, dry_run: bool) -> Said:
    claim = cli.identifier(claim_id)
    return _act(home, lambda actor: actor.on_claim(kind, claim, ground, cli.now(), cli.rng), dry_run=dry_run)


def _act(home: Path, build: Build, *, dry_run: bool) -> Said:
    """Builds an act from what the hub has told so far, and sends it; a dry run sends nothing."""
    return asyncio.run(_send(home, build, dry_run=dry_run))


async def _send(home: Path, build: Build, *, dry_run: bool) -> Said:
    settings, keys = config.load(home), config.read_keys(home)
    directory = read_directory(home, settings.directory)
    with Store(home) as store:
        actor = Actor(amc=settings.amc, key=keys.issuer, register=store.register, ledger=store.claims)
        if dry_run:
            act = build(actor)
            text = f"{act.kind} of decision {act.decision_id.hex()}: nothing was sent"
            return Said(text=text, values={
                "kind": act.kind.value, "decision_id": act.decision_id.hex(), "ground": act.ground, "sent": False,
            })  # fmt: skip
        async with SignedClient(keys.issuer, cli.rng) as client:
            await pull_events(settings, keys, directory, store, client)
            decision = await send_act(actor.sign(build(actor)), directory, store, client)
            # The ledger follows the hub's events, and this is one of them.
            await pull_events(settings, keys, directory, store, client)
    return _said(decision)


def _said(decision: Decision) -> Said:
    ground = f" ({ground_fr(decision.ground)} / {ground_en(decision.ground)})" if decision.ground else ""
    text = f"{decision.kind}: {decision.outcome}{ground} {decision.reason} {decision.detail}".rstrip()
    return Said(text=text, values={
        "kind": decision.kind.value, "outcome": decision.outcome.value, "reason": decision.reason,
        "detail": decision.detail, "ground": decision.ground, "decision_id": decision.decision_id.hex(), "sent": True,
    })  # fmt: skip
