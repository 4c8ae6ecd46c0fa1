"""The table of what each party depends on (docs/drill.md): what is away, what is tried, and how it ends.

Each row is played on running processes, which are stopped (``run``), for as long as is asked. No answer below depends
on the time before a day has passed (a status list is fresh for 24 hours, a manifest for 48), once the 15 seconds are
over for which a verifier keeps what its identity provider said of itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from paravent.drill.platform import INSURERS, PROVIDER

WORKS = "works"
NO_ANSWER = "no answer"
"""What a browser meets whose own service is away: nobody is there to say which refusal it is."""

AMC = next(iter(INSURERS))
AUTHORITY = "authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyRow:
    """One operation without one dependency: the error code that is documented, or ``works``, and what was found.

    ``away_seconds``: for how long it had been away when the operation was tried; 0 once it is back.
    """

    dependency: str
    operation: str
    away_seconds: int
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What is away: processes, or custodians with their shares; what is tried, and the code that answers it if any.

    ``silent``: the processes are there, and answer nothing. ``back``: they come back afterwards.
    """

    name: str
    processes: tuple[str, ...] = ()
    custodians: int = 0
    silent: bool = False
    back: bool = True
    tried: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_away(self) -> bool:
        """Says whether anything is away at all."""
        return bool(self.processes or self.custodians)

    def expected(self, operation: str) -> str:
        """Says how an operation ends meanwhile."""
        return self.refused.get(operation, WORKS)


OPERATIONS = {
    "card": "a card is checked at the desk",
    "number": "a number is checked at the desk",
    "reserve": "a right is reserved, and given back",
    "enrol": "another desk is enrolled at every verifier",
    "space": "somebody who is signed in to their insurer's space reads on",
    "sign-in": "somebody signs in to it",
    "pull": "an insurer pulls decisions and recomputes them",
    "publish": "an insurer publishes",
    "stamp": "a key server's checkpoint is stamped, and the stamp verified",
    "unseal": "the breach desk opens the window of a case",
}
_ALL = tuple(OPERATIONS)
OUTAGES = (
    Outage(name="nothing", tried=("sign-in", *(name for name in _ALL if name != "sign-in"))),
    Outage(
        name="one key server (n-t)", processes=("keyserver-1",), tried=_ALL, refused={"enrol": "unreachable"}
    ),
    Outage(
        name="two key servers (n-t+1)", processes=("keyserver-1", "keyserver-2"), tried=_ALL,
        refused={"number": "too-few-servers", "publish": "too-few-servers", "enrol": "unreachable"},
    ),
    Outage(
        name="hub", processes=("hub",), tried=_ALL,
        refused={
            "number": "unreachable", "reserve": "unanswered-act", "pull": "unreachable", "publish": "unreachable",
            "enrol": "unreachable",
        },
    ),
    Outage(
        name="insurer's service", processes=(f"insurer-{AMC}",), tried=_ALL,
        refused={"sign-in": NO_ANSWER, "space": NO_ANSWER},
    ),
    Outage(
        name="identity provider (silent)", processes=(PROVIDER,), silent=True, tried=_ALL,
        refused={"enrol": "unreachable", "sign-in": "unreachable"},
    ),
    Outage(name="time-stamp authority", processes=(AUTHORITY,), tried=_ALL, refused={"stamp": "unreachable"}),
    Outage(name="one custodian of three", custodians=1, tried=("unseal",)),
    Outage(
        name="two custodians of three", custodians=2, tried=("unseal",), refused={"unseal": "invalid-configuration"}
    ),
    # The last one: the provider of the demonstration keeps its clients in memory, and does not come back with them.
    Outage(
        name="identity provider (ended)", processes=(PROVIDER,), back=False, tried=_ALL,
        refused={"enrol": "unreachable", "sign-in": "unreachable"},
    ),
)  # fmt: skip
"""In this order; whatever ended otherwise than well is tried again when what was away is back."""


def table() -> Iterator[str]:
    """Writes the lines of the table of docs/drill.md."""
    yield "| away | " + " | ".join(f"`{name}`" for name in OPERATIONS) + " |"
    yield "|---" * (len(OPERATIONS) + 1) + "|"
    for one in OUTAGES:
        cells = (one.expected(name) if name in one.tried else "-" for name in OPERATIONS)
        plain = {WORKS, NO_ANSWER, "-"}
        yield f"| {one.name} | " + " | ".join(cell if cell in plain else f"`{cell}`" for cell in cells) + " |"
