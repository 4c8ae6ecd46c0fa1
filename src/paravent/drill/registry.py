"""Every scenario of the drill, on both platforms: who attacks with what, and what carries it out (docs/drill.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from paravent.drill import stores
from paravent.drill.conventional import run as conventional
from paravent.drill.credentials import run as credentials
from paravent.drill.ground import Ground
from paravent.drill.row import PlatformName, Row, not_applicable

Play = Callable[[Ground], Iterator[Row]]

NOT_BUILT = "not built"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One theft; each side is either played, or a reason why it cannot be."""

    name: str
    paravent: Play | str
    conventional: Play | str

    def rows(self, ground: Ground) -> Iterator[Row]:
        """Plays it on both platforms."""
        for platform, side in ((PlatformName.PARAVENT, self.paravent), (PlatformName.CONVENTIONAL, self.conventional)):
            if isinstance(side, str):
                yield not_applicable(self.name, platform, side)
            else:
                yield from side(ground)


_SCENARIOS = (
    Scenario(name="stolen-password", paravent=NOT_BUILT, conventional=conventional.stolen_password),
    Scenario(
        name="device-key",
        paravent=credentials.device_key,
        conventional="no device has a key there: whoever has the password or the session is in (stolen-password)",
    ),
    Scenario(name="provider-session", paravent=NOT_BUILT, conventional=conventional.provider_session),
    Scenario(name="database", paravent=stores.database, conventional=conventional.database),
    Scenario(name="old-backups", paravent=stores.old_backups, conventional=conventional.old_backups),
    Scenario(name="logs", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="memory", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="key-servers", paravent=stores.key_servers, conventional=conventional.with_the_key("key-servers")),
    Scenario(name="insurer-bulk-key", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="insurer-credential", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="insider", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="malicious-release", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="desk-malware", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="network", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="lying-server", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="quota-roll-back", paravent=credentials.quota_roll_back, conventional=NOT_BUILT),
    Scenario(name="nir-guessing", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="photographed-card", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="burned-entitlement", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="membership-test", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="linkage", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="canary-discovery", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="ransomware", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="flood", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="audit-grinding", paravent=NOT_BUILT, conventional=NOT_BUILT),
    Scenario(name="leak-matcher", paravent=NOT_BUILT, conventional=NOT_BUILT),
)
SCENARIOS = {scenario.name: scenario for scenario in _SCENARIOS}
