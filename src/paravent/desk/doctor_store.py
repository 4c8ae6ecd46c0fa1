"""What a desk sees of itself (docs/governance.md section 1): its key, its machine, its peers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from paravent.access.doctor.doctor_cli import Observed
from paravent.access.doctor.machine_store import directory_of, listening_on, machine_facts
from paravent.access.doctor.peers_client import clock_of
from paravent.access.doctor.witnessed import trust_in
from paravent.desk import config
from paravent.desk.store import AUDIT_SECONDS, DATABASE, RETENTION_SECONDS

DAY_SECONDS = 86_400


def observe(home: Path, now: int) -> Observed:
    """Looks at a home; the report is signed by the device, and names it by its key: no professional stands in it."""
    settings = config.load(home)
    directory = directory_of(home, settings.directory, cosigned=True)
    facts = replace(
        machine_facts(home, DATABASE, now), trust=trust_in(directory), clock=clock_of(directory),
        listening=listening_on("127.0.0.1", settings.port, loopback_only=True),
    )  # fmt: skip
    said = {
        "shop": settings.shop, "degraded_days_max": str(settings.degraded_days_max),
        "waiting_cents_max": str(settings.waiting_cents_max),
        "entitlement_days": str(RETENTION_SECONDS // DAY_SECONDS), "audit_days": str(AUDIT_SECONDS // DAY_SECONDS),
    }  # fmt: skip
    device = config.device(home, settings)
    return Observed(party=device.keyid, key=config.device_key(home), facts=facts, settings=said)
