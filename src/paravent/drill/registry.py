"""Every scenario of the drill, on both platforms: who attacks with what, and what carries it out (docs/drill.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from paravent.drill import stores
from paravent.drill.conventional import acts, thefts
from paravent.drill.conventional import run as conventional
from paravent.drill.credentials import run as credentials
from paravent.drill.ground import Ground
from paravent.drill.row import PlatformName, Row, not_applicable
from paravent.drill.scenarios import (
    cards,
    desks,
    disruption,
    guesses,
    insurers,
    logins,
    machines,
    observers,
    operators,
    procedures,
    purchases,
    traps,
)

Play = Callable[[Ground], Iterator[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One theft; each side is either played, or a reason why it cannot be.

    ``cost`` is about how long it takes beside the others, so that processes share them evenly; ``alone`` is what
    measures time, which other work would blur.
    """

    name: str
    paravent: Play | str
    conventional: Play | str
    cost: int = 1
    alone: bool = False

    def rows(self, ground: Ground) -> Iterator[Row]:
        """Plays it on both platforms."""
        for platform, side in ((PlatformName.PARAVENT, self.paravent), (PlatformName.CONVENTIONAL, self.conventional)):
            if isinstance(side, str):
                yield not_applicable(self.name, platform, side)
            else:
                yield from side(ground)


_SCENARIOS = (
    Scenario(
        name="stolen-password", paravent=logins.stolen_password, conventional=conventional.stolen_password, cost=3
    ),
    Scenario(
        name="device-key",
        paravent=credentials.device_key,
        conventional="no device has a key there: whoever has the password or the session is in (stolen-password)",
        cost=4,
    ),
    Scenario(
        name="provider-session", paravent=logins.provider_session, conventional=conventional.provider_session, cost=2
    ),
    Scenario(name="database", paravent=stores.database, conventional=conventional.database),
    Scenario(name="old-backups", paravent=stores.old_backups, conventional=conventional.old_backups, cost=8),
    Scenario(name="logs", paravent=operators.logs, conventional=thefts.logs),
    Scenario(name="memory", paravent=machines.memory, conventional=thefts.memory, cost=4),
    Scenario(name="key-servers", paravent=stores.key_servers, conventional=conventional.with_the_key("key-servers")),
    Scenario(name="insurer-bulk-key", paravent=insurers.bulk_key, conventional=thefts.insurer_bulk_key),
    Scenario(name="insurer-credential", paravent=insurers.credential, conventional=thefts.insurer_credential),
    Scenario(name="insider", paravent=operators.insider, conventional=conventional.with_the_key("insider")),
    Scenario(
        name="malicious-release",
        paravent=operators.malicious_release,
        conventional=conventional.with_the_key("malicious-release"),
        cost=3,
    ),
    Scenario(name="desk-malware", paravent=desks.desk_malware, conventional=thefts.desk_malware, cost=6),
    Scenario(name="network", paravent=observers.network, conventional=acts.network, alone=True),
    Scenario(name="lying-server", paravent=operators.lying_server, conventional=acts.lying_server),
    Scenario(
        name="quota-roll-back",
        paravent=credentials.quota_roll_back,
        conventional="it counts requests of an address, and the thief takes the next address (stolen-password)",
    ),
    Scenario(name="nir-guessing", paravent=guesses.nir_guessing, conventional=thefts.nir_guessing),
    Scenario(
        name="photographed-card",
        paravent=cards.photographed,
        conventional="its card is paper with name, number and insurer: whoever photographs it has one person",
    ),
    Scenario(name="burned-entitlement", paravent=cards.burned, conventional=acts.burned),
    Scenario(name="membership-test", paravent=guesses.membership_test, conventional=thefts.membership_test),
    Scenario(name="linkage", paravent=purchases.linkage, conventional=acts.linkage),
    Scenario(
        name="canary-discovery",
        paravent=traps.canary_discovery,
        conventional="rows of nobody can be put in it, and alarm when somebody looks one up; who copies its database"
        " looks nobody up and meets none (database)",
        cost=8,
    ),
    Scenario(name="ransomware", paravent=disruption.ransomware, conventional=acts.ransomware, alone=True),
    Scenario(name="flood", paravent=disruption.flood, conventional=acts.flood, alone=True),
    Scenario(
        name="audit-grinding",
        paravent=procedures.audit_grinding,
        conventional="its audits are picked by people: there is no draw to grind",
    ),
    Scenario(
        name="leak-matcher",
        paravent=procedures.leak_matcher,
        conventional="it has no matcher: whoever administers its database asks it anything (insider)",
    ),
)
SCENARIOS = {scenario.name: scenario for scenario in _SCENARIOS}
NIGHTLY = ("database", "nir-guessing", "membership-test", "device-key", "old-backups")
"""What is played on a large population: thefts of stores, and thieves whom a quota stops whatever the list."""
