"""What a console knows of the services it watches: which answer, since when, with which log (docs/operating.md): pure.

Nothing here is of a person, and nothing is believed of a log but what its own key and its cosigners' keys signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from paravent.access.log_watch import cosigner_key_of, log_key_of
from paravent.crypto.checkpoint import open_checkpoint, verify_cosignature
from paravent.errors import ProofFailure
from paravent.wire.statements import Directory, KeyServerEntry
from paravent.wire.status import HubStatus, ServerStatus

ROLES = ("operator", "host", "administrator")


class ServiceKind(StrEnum):
    """Which party a service is of."""

    HUB = "hub"
    KEYSERVER = "keyserver"


class State(StrEnum):
    """How a service stands: it works; it answers, and desks are turned away; it does not answer; not asked yet."""

    WORKS = "works"
    NOT_READY = "not-ready"
    DOWN = "down"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """The newest checkpoint seen of a log, and when each party cosigned it; instants are Unix seconds."""

    name: str
    size: int
    root: bytes
    cosigned_at: Mapping[str, int]
    seen_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one visit gave: an answer and how long it took, or the code of what went wrong."""

    at: int
    milliseconds: int = 0
    status: HubStatus | ServerStatus | None = None
    head: LogHead | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service and what the last visits gave; ``since`` is when it was first seen in its present state.

    ``status`` and ``head`` are the last ones known, also while it does not answer.
    """

    name: str
    kind: ServiceKind
    address: str
    state: State = State.NOT_ASKED
    since: int | None = None
    visited_at: int | None = None
    milliseconds: int = 0
    status: HubStatus | ServerStatus | None = None
    head: LogHead | None = None
    fault: str = ""

    def after(self, visit: Visit) -> Service:
        """Returns what is known after a visit."""
        match visit.status:
            case None:
                state = State.DOWN
            case ServerStatus(ready=False):
                state = State.NOT_READY
            case _:
                state = State.WORKS
        return replace(
            self, state=state, since=self.since if state is self.state else visit.at, visited_at=visit.at,
            milliseconds=visit.milliseconds, status=visit.status or self.status, head=visit.head or self.head,
            fault=visit.fault,
        )  # fmt: skip


def services_of(directory: Directory) -> list[Service]:
    """Lists the services of a directory, the hub first."""
    hub = Service(name=directory.hub.name, kind=ServiceKind.HUB, address=directory.hub.address)
    servers = (
        Service(name=one.name, kind=ServiceKind.KEYSERVER, address=one.address) for one in directory.keyservers
    )  # fmt: skip
    return [hub, *servers]


def head_of(note: bytes, server: KeyServerEntry, directory: Directory, now: int) -> LogHead:
    """Reads the checkpoint that a key server hands out; raises ProofFailure naming whose signature is wrong."""
    checkpoint, opened = open_checkpoint(note, log_key_of(server), culprit=server.name)
    found = {}
    for party in directory.watchers():
        key = cosigner_key_of(party)
        if party.name != server.name and opened.signature_of(key) is not None:
            found[party.name] = verify_cosignature(opened, key, now=now, age_seconds_max=now, culprit=party.name)
    return LogHead(name=server.name, size=checkpoint.size, root=checkpoint.root, cosigned_at=found, seen_at=now)


def require_grown(known: LogHead | None, head: LogHead) -> None:
    """Raises ProofFailure when a log has fewer leaves than were seen before, or two roots of one size."""
    if known is not None and (head.size < known.size or (head.size == known.size and head.root != known.root)):
        raise ProofFailure("its log is not the one seen before", culprit=head.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a key server declares of who stands behind it, and the release it answers with; ``shared`` names roles.

    A role is shared when another key server declares the same name for it: both may fall to one breach.
    """

    name: str
    operator: str
    host: str
    administrator: str
    release: str
    shared: frozenset[str]


def independence(directory: Directory, services: Sequence[Service]) -> list[Declared]:
    """Compares what key servers declare, role by role, and their releases; one that is not known is shared by none."""
    releases = {one.name: one.status.release for one in services if one.status is not None}
    known = [
        {role: getattr(one, role) for role in ROLES} | {"name": one.name, "release": releases.get(one.name, "")}
        for one in directory.keyservers
    ]
    return [
        Declared(
            **one, shared=frozenset(
                role for role in (*ROLES, "release")
                if one[role] and sum(other[role] == one[role] for other in known) > 1
            ),
        )
        for one in known
    ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedHead:
    """The log of one party as a console shows it: its head, who should cosign it, what the hub had cosigned of it.

    ``stale`` when its service no longer answers; ``stamped_at`` is known of one's own log alone.
    """

    name: str
    head: LogHead | None
    expected: tuple[str, ...]
    stale: bool = False
    fault: str = ""
    remembered: int | None = None
    stamped_at: int | None = None


def watched_heads(
    directory: Directory, services: Sequence[Service], remembered: Mapping[str, int]
) -> list[WatchedHead]:  # fmt: skip
    """Lists the logs of the key servers, with those who watch each and what the hub remembers of it."""
    watchers = [party.name for party in directory.watchers()]
    return [
        WatchedHead(
            name=one.name, head=one.head, expected=tuple(name for name in watchers if name != one.name),
            stale=one.state is State.DOWN, fault=one.fault, remembered=remembered.get(one.name),
        )
        for one in services if one.kind is ServiceKind.KEYSERVER
    ]  # fmt: skip
