"""The counter: who may open the desk's screens, and what every page of them needs (docs/protocol.md section 9.6)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import read_body
from paravent.crypto.entitlement import HubPart
from paravent.desk.checks_store import Checks
from paravent.desk.client import QUOTA_THRESHOLD, STATUS_LIST, DeskClient
from paravent.desk.config import DeskConfig
from paravent.desk.screens.condition import Condition, KeptList, condition, kept_list
from paravent.desk.screens.dossier import Dossier, same_right
from paravent.desk.session import SESSION_SECONDS_MAX
from paravent.desk.store import Store
from paravent.desk.waiting import Waiting, waiting
from paravent.errors import BadInput, ParaventError, SessionRequired
from paravent.pages.screens.app import Screens, Session, Sessions, read_form, require_own_page
from paravent.pages.screens.entrance_app import Entrance
from paravent.pages.screens.forms import Form, require_csrf
from paravent.wire.claims import Act, ActKind, Decision
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX, Directory, StatusList

FORM_BYTES_MAX = 200_000
CONDITION_SECONDS = 20
"""For how long what the servers answered is shown without asking again."""
_HERE = Path(__file__).parent

_ORDER = (ActKind.RESERVE, ActKind.CANCEL, ActKind.CONSUME, ActKind.CORRECT, *ActKind)


@dataclass(slots=True, kw_only=True)
class Counter:
    """What the pages of one desk work with; dossiers are in memory and gone with the process, acts are on disk."""

    desk: DeskClient
    checks: Checks
    store: Store
    settings: DeskConfig
    directory: Directory
    home: Path
    screens: Screens = field(init=False)
    sessions: Sessions[None] = field(init=False)
    entrance: Entrance[None] = field(init=False)
    hosts: frozenset[str] = field(init=False)
    started_at: int = field(default_factory=lambda: int(time.time()))
    _dossiers: dict[str, Dossier] = field(default_factory=dict)
    _condition: Condition | None = None

    def __post_init__(self) -> None:
        """Reads the templates; the cookie is named by the port, because cookies ignore ports."""
        port = self.settings.port
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self.sessions = Sessions(f"paravent-desk-{port}")
        self.screens = Screens(
            templates=_HERE / "templates", static=_HERE / "static", camera=True,
            around=lambda request: {"inside": self.inside(request)},
        )  # fmt: skip
        self.entrance = Entrance(self.screens, self.sessions, hosts=self.hosts, about=lambda: None)

    # --- who may come in ----------------------------------------------------------------------

    def link(self) -> str:
        """Gives an address that opens the screens once; an earlier one, if it was not used, opens nothing any more."""
        return self.entrance.address(f"http://127.0.0.1:{self.settings.port}")

    def inside(self, request: Request) -> bool:
        """Says whether a request is of an open session."""
        try:
            self.sessions.find(request)
        except SessionRequired:
            return False
        return True

    def enter(self, request: Request) -> Session[None]:
        """Lets in a request of an open session, under this machine's own name; raises SessionRequired."""
        require_own_page(request, self.hosts)
        return self.sessions.find(request)

    async def form(self, request: Request) -> Form:
        """Reads the form of a page of this session; raises SessionRequired or BadInput."""
        session = self.enter(request)
        form = read_form(await read_body(request, FORM_BYTES_MAX))
        require_csrf(form, session.csrf)
        return form

    def page(self, request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        """Answers a page of an open session."""
        session = self.enter(request)
        return self.screens.page(request, template, status=status, csrf=session.csrf, **values)

    def problem(self, request: Request, error: ParaventError) -> Response:
        """Answers an error that no page of its own tells."""
        return self.screens.problem(request, error)

    def routes(self) -> list[Route]:
        """Lists the way in, and what every party serves beside its own pages."""
        return [*self.entrance.routes(), *self.screens.routes()]

    # --- customers ----------------------------------------------------------------------------

    def keep(self, dossier: Dossier) -> None:
        """Keeps a dossier as long as its check."""
        self._dossiers = {name: kept for name, kept in self._dossiers.items() if self.checks.holds(name)}
        self._dossiers[dossier.check] = dossier

    def dossier(self, request: Request) -> Dossier:
        """Finds the dossier that an address names; raises BadInput when it is not of this session."""
        self.enter(request)
        check = request.path_params["check"]
        self.checks.find(check)
        found = self._dossiers.get(check)
        if found is None:
            raise BadInput("this check is not of these screens: check the customer again")
        return found

    def dossiers(self) -> list[Dossier]:
        """Lists the dossiers of this session, newest first."""
        return [dossier for name, dossier in reversed(self._dossiers.items()) if self.checks.holds(name)]

    def found_again(self, part: HubPart) -> list[tuple[Act, Decision]]:
        """Lists the acts kept about a right, with what was decided, oldest first: whichever process sent them."""
        acts = ((decode(body, Act), signed) for body, signed in self.store.decided_since(0))
        found = [
            (act, decode(signed.payload, Decision, bytes_max=STATEMENT_BYTES_MAX))
            for act, signed in acts if same_right(act.entitlement, part)
        ]  # fmt: skip
        # Instants are whole seconds: acts of one second are put in the order in which a right is used.
        return sorted(found, key=lambda one: (one[1].decided_at, _ORDER.index(one[0].kind)))

    def recall(self) -> None:
        """Reads again what was decided for the customers of this session, after acts were sent again."""
        self._dossiers = {
            name: dossier.recalled(self.found_again(dossier.entitled.part)) for name, dossier in self._dossiers.items()
        }

    def forgotten(self) -> int:
        """Counts the acts of the hours before this process started, until a customer is checked again."""
        if self.dossiers():
            return 0
        return self.store.made_between(self.started_at - SESSION_SECONDS_MAX, self.started_at)

    def waiting(self) -> Waiting:
        """Adds up the acts that got no answer."""
        return waiting(self.desk.undecided())

    def insurer_name(self, amc: str) -> str:
        """Names an insurer as the directory does."""
        entry = self.directory.insurer(amc)
        return amc if entry is None else entry.name

    # --- what works ---------------------------------------------------------------------------

    async def condition(self, *, now: Callable[[], float] = time.time) -> Condition:
        """Asks who answers and what is left, unless it was just asked."""
        if self._condition is None or now() - self._condition.seen_at > CONDITION_SECONDS:
            persons, answers = await self.desk.quota()
            self._condition = condition(
                persons=persons, answered=[name for name, _ in answers], directory=self.directory,
                threshold=QUOTA_THRESHOLD, lists=self._lists(int(now())), now=int(now()),
            )  # fmt: skip
        return self._condition

    def look_again(self) -> None:
        """Forgets what was answered: the next page asks again."""
        self._condition = None

    def _lists(self, now: int) -> list[KeptList]:
        return [
            kept_list(entry.name, self._list_age(entry.amc, now), self.settings.degraded_days_max)
            for entry in self.directory.insurers
        ]

    def _list_age(self, amc: str, now: int) -> int | None:
        kept = self.store.statement(amc, STATUS_LIST)
        if kept is None:
            return None
        return max(0, now - decode(kept[0].payload, StatusList, bytes_max=STATEMENT_BYTES_MAX).issued_at)
