"""What the breach desk does when its own files alarm: it opens a case, as for others (docs/detection.md 2.1)."""

from __future__ import annotations

from pathlib import Path

from paravent.access import cli
from paravent.breach.closing import DETECTOR
from paravent.breach.entries import Opened, Origin
from paravent.breach.opening import SIGNS, open_case
from paravent.breach.store import Store
from paravent.wire.alarm import Finding


def open_from_files(home: Path, finding: Finding) -> None:
    """Opens a case of a finding about the files of this home."""
    now, seen = cli.now(), SIGNS[finding.sign.value]
    said = Opened(
        title=f"Alarme : {seen}", origin=Origin.DETECTOR, aware_at=now, aware_role="surveillance automatique",
        facts=f"La surveillance des fichiers de cette cellule a signalé {seen} : {finding.observed} sur"
        f" {finding.whole}. La cause n'est pas encore connue.",
    )  # fmt: skip
    with Store(home) as store:
        open_case(store, said, (), now, DETECTOR)
