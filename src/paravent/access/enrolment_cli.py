"""The verbs on devices of every verifier's command line (docs/operating.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.devices import BarReason, date_text
from paravent.access.enrolment import Enroller, describe, new_shop_code, shop_code_hash
from paravent.access.openid_config import OpenIdConfig, configure
from paravent.access.store import VerifierStore
from paravent.errors import BadInput, UnknownDevice
from paravent.wire.codec import Message
from paravent.wire.suspension import LANES, SubjectKind

_KIND = click.argument("kind", type=click.Choice([kind.value for kind in SubjectKind if kind not in LANES]))
_SUBJECT = click.argument("subject")
_REASON = click.option(
    "--reason", type=click.Choice([reason.value for reason in BarReason]), default=BarReason.OPERATOR.value,
    show_default=True, help="Reason code of the ledger.",
)  # fmt: skip
_SECRET = click.Path(path_type=Path, dir_okay=False, exists=True)


def add_device_verbs(
    group: click.Group,
    store: Callable[[Path], VerifierStore],
    load: Callable[[Path], Message],
    read_enroller: Callable[[Path], Enroller],
) -> None:
    """Adds to a verifier's group: openid, shop-code, devices, suspend, resume, resume-case, withdraw."""

    @verb(group, "Set the OpenID provider: this verifier is a client of its own, with its own secret.")
    @click.option("--issuer", required=True, help="Address of the provider, as in its ID tokens.")
    @click.option("--client-id", required=True, help="What the provider calls this verifier.")
    @click.option("--client-secret-file", type=_SECRET, required=True, help="File of the secret; it is copied.")
    @click.option("--acr", "acr", multiple=True, help="Accepted level; default: those of the profile.")
    @click.option("--audience", "audiences", multiple=True, help="Another client that may stand in the audience.")
    @click.option("--profile", default="pro-sante-connect", show_default=True, help="Claim names of the provider.")
    def openid(
        home: Path, issuer: str, client_id: str, client_secret_file: Path, acr: tuple[str, ...],
        audiences: tuple[str, ...], profile: str,
    ) -> Said:  # fmt: skip
        """Sets the provider."""
        setting = OpenIdConfig(
            issuer=issuer, client_id=client_id, profile=profile, acr_accepted=acr, audiences=audiences
        )
        secret = client_secret_file.read_bytes()
        configure(home, load(home), setting, secret, secrets=home / "secrets", rng=cli.rng)
        return Said(text=f"provider {issuer}, client {client_id}", values={"issuer": issuer, "client_id": client_id})

    @verb(group, "Draw the codes of the first devices of shops, to be printed and posted; earlier ones are void.")
    @click.argument("shops", nargs=-1, required=True)
    def shop_code(home: Path, shops: tuple[str, ...]) -> Said:
        """Draws codes."""
        enroller = read_enroller(home)
        codes = {shop: new_shop_code(cli.rng) for shop in shops}
        with store(home) as opened, opened.commit():
            for shop, code in codes.items():
                opened.devices.keep_shop_code(shop, shop_code_hash(enroller, shop, code), cli.now())
        text = "\n".join(f"{enroller.name}, magasin / shop {shop} : {code}" for shop, code in codes.items())
        return Said(text=text, values={"verifier": enroller.name, "codes": codes})

    @verb(group, "List the devices and the ledger of what was done with them.")
    def devices(home: Path) -> Said:
        """Lists devices and ledger."""
        with store(home) as opened:
            known = [describe(device, opened.devices, cli.now()) for device in opened.devices.every_device()]
            events = list(opened.devices.events())
        lines = [f"{device.keyid} {device.state} {device.professional} {device.shop}" for device in known]
        lines += [f"{date_text(row.happened_at)} {row.event} {row.kind} {row.subject} {row.reason}" for row in events]
        return Said(text="\n".join(lines), values={
            "devices": msgspec.to_builtins(known), "ledger": msgspec.to_builtins(events),
        })  # fmt: skip

    _add_bars(group, store)


def _add_bars(group: click.Group, store: Callable[[Path], VerifierStore]) -> None:
    """Adds suspend, resume, resume-case and withdraw."""

    @verb(group, "Suspend a device, a professional or a shop: its requests are refused from now on.")
    @_KIND
    @_SUBJECT
    @_REASON
    def suspend(home: Path, kind: str, subject: str, reason: str) -> Said:
        """Suspends."""
        with store(home) as opened, opened.commit():
            _require_known(opened, SubjectKind(kind), subject)
            changed = opened.devices.suspend(SubjectKind(kind), subject, BarReason(reason), cli.now())
        return _said("suspended", kind, subject, changed=changed)

    @verb(group, "End the suspension of a device, a professional or a shop.")
    @_KIND
    @_SUBJECT
    def resume(home: Path, kind: str, subject: str) -> Said:
        """Resumes."""
        with store(home) as opened, opened.commit():
            changed = opened.devices.resume(SubjectKind(kind), subject, cli.now())
        if not changed:
            raise BadInput("there is no suspension to end; a withdrawal has no end")
        return _said("resumed", kind, subject, changed=changed)

    @verb(group, "End on this verifier everything that the breach desk suspended for a case.")
    @click.argument("case")
    @dry_run_option
    def resume_case(home: Path, case: str, dry_run: bool) -> Said:
        """Resumes what a case suspended: the operator has the last word on its own machine."""
        with store(home) as opened, opened.commit():
            found = opened.devices.suspensions_of(case)
            for kind, subject in () if dry_run else found:
                opened.devices.resume_for(case, kind, subject, cli.now())
        would = "would be ended" if dry_run else "ended"
        values = {"case": case, "resumed": [{"kind": kind.value, "subject": subject} for kind, subject in found]}
        return Said(text=f"case {case}: {len(found)} suspensions {would}", values=values | {"dry_run": dry_run})

    @verb(group, "Withdraw a device, a professional or a shop for good.")
    @_KIND
    @_SUBJECT
    @_REASON
    def withdraw(home: Path, kind: str, subject: str, reason: str) -> Said:
        """Withdraws."""
        with store(home) as opened, opened.commit():
            _require_known(opened, SubjectKind(kind), subject)
            changed = opened.devices.withdraw(SubjectKind(kind), subject, BarReason(reason), cli.now())
        return _said("withdrawn", kind, subject, changed=changed)


def _require_known(store: VerifierStore, kind: SubjectKind, subject: str) -> None:
    """Catches a mistyped key; a professional or a shop is barred before it has any device, too."""
    if kind is SubjectKind.DEVICE and store.devices.device(subject) is None:
        raise UnknownDevice("no device has this key here: compare it with the device file")


def _said(what: str, kind: str, subject: str, *, changed: bool) -> Said:
    text = f"{what}: {kind} {subject}" if changed else f"already {what}, or withdrawn: {kind} {subject}"
    return Said(text=text, values={what: subject, "kind": kind, "changed": changed})
