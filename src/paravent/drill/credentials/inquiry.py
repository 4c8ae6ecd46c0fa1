"""What the breach desk proves of stolen device keys on a simulated platform (docs/protocol.md section 16)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from paravent.breach import case as cases
from paravent.breach.entries import LootKind, Opened, Origin, Stolen
from paravent.breach.store import Store
from paravent.drill.cases import evidence
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.drill.simulation.run import quick_folder


def proved(platform: SimulatedPlatform, keyids: Sequence[str], stolen: Sequence[int], began: int) -> int:
    """Opens a case over device keys and key servers, measures, asks, and counts what is listed."""
    now = platform.now
    with quick_folder() as folder, Store(folder) as store:
        case = store.next_case(datetime.fromtimestamp(now, UTC).year)
        store.add(
            case,
            Opened(
                title="Exercice", facts="Des clés de postes ont été volées.", origin=Origin.DRILL, aware_at=now,
                aware_role="responsable de la sécurité", began_at=began, ended_at=now,
            ),
            role="drill", now=now, new=True,
        )  # fmt: skip
        loots = [Stolen(kind=LootKind.DEVICE_KEY, keyid=keyid, from_at=began, to_at=now) for keyid in keyids]
        loots += [Stolen(kind=LootKind.KEY_SERVER, server=platform.servers[index].name) for index in stolen]
        for loot in loots:
            store.add(case, loot, role=cases.OPERATOR, now=now)
        evidence.measure_logs(platform, store, case, now)
        evidence.open_window(platform, store, case, (began, now), now)
        evidence.answer_questions(platform, store, case, now)
        found = cases.compute(store, case, platform.directory, platform.shape.server_limits, now)
    return sum(one.proved for one, _ in found)
