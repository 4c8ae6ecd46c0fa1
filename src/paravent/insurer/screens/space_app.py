"""What every page of the insured person's space needs: who is there, what is theirs (docs/protocol.md section 17)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from paravent.access.app import read_body
from paravent.errors import SessionRequired, UnknownAddress
from paravent.insurer import config
from paravent.insurer.card import PrintedCard
from paravent.insurer.insured_store import NumberLane
from paravent.insurer.screens import view
from paravent.insurer.screens.sign_in_app import SignIn
from paravent.insurer.screens.view import OwnClaim, OwnOpening
from paravent.insurer.sign_in import SignedIn, one_member
from paravent.insurer.space_config import read_sign_in
from paravent.insurer.store import Store
from paravent.pages.screens.app import Screens, Session, Sessions, read_form, require_own_page
from paravent.pages.screens.forms import Form, require_csrf
from paravent.wire.case import IncidentTold
from paravent.wire.codec import Message

FORM_BYTES_MAX = 65_536
VISIT_SECONDS_MAX = 1_800
_TEMPLATES = Path(__file__).parent / "templates"


class OwnData(Message, frozen=True, kw_only=True):
    """Everything that the space knows of its member (RGPD art. 15 and 20); instants are Unix seconds."""

    member: str
    number_lane_wanted: bool
    number_lane_published: bool
    checks_by_number: tuple[OwnOpening, ...]
    decisions: tuple[OwnClaim, ...]
    card_issued_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What is of one member: every read starts from who signed in, never from an address or a form."""

    member: str
    who: SignedIn
    store: Store
    threshold: int

    def claims(self) -> list[OwnClaim]:
        """Lists the decisions, the newest first."""
        return view.claims(self.store.claims.of_member(self.member))

    def openings(self) -> list[OwnOpening]:
        """Lists the witnessed checks, the newest first."""
        return view.openings(self.store.journal.lines(self.member), self.claims(), self.threshold)

    def number_lane(self) -> NumberLane:
        """Says whether the number lane is wanted and published."""
        return self.store.insured.number_lane(self.member)

    def choose(self, *, on: bool) -> None:
        """Keeps the choice of the number lane."""
        with self.store.commit():
            self.store.insured.choose_number_lane(self.member, int(time.time()), on=on)

    def concerned(self, case: str) -> bool:
        """Says whether an incident opened a record of this member."""
        return self.store.incidents.records_opened(case, self.member) > 0

    def card(self) -> PrintedCard | None:
        """Returns the card in use, or None."""
        return self.store.cards.in_use(self.member)

    def card_in_use(self) -> PrintedCard:
        """Returns the card in use; raises UnknownAddress when there is none."""
        found = self.card()
        if found is None:
            raise UnknownAddress("this member has no card in use")
        return found

    def block_card(self) -> None:
        """Revokes the card in use, for good; a form that comes again finds none."""
        self.store.register.block_card(self.member, int(time.time()))

    def everything(self) -> OwnData:
        """Gathers what the space knows."""
        lane, card = self.number_lane(), self.card()
        return OwnData(
            member=self.member, number_lane_wanted=lane.wanted, number_lane_published=lane.live,
            checks_by_number=tuple(self.openings()), decisions=tuple(self.claims()),
            card_issued_at=None if card is None else card.issued_at,
        )  # fmt: skip

    def __repr__(self) -> str:
        return "Own(REDACTED)"


class Space:
    """The space of one insurer; visits are in memory and gone with the process."""

    def __init__(self, home: Path) -> None:
        """Reads the configuration of a home; raises InvalidConfiguration when it has no space."""
        self.settings = config.load(home)
        self._space = config.require_space(self.settings)
        self._sign_in = read_sign_in(home, self._space)
        address = urlsplit(self._space.base_url)
        self._scheme, self._hosts = address.scheme, frozenset({address.netloc})
        self._secure = address.scheme == "https"
        # Cookies ignore ports: each insurer's have a name of their own.
        self.sessions: Sessions[tuple[str, SignedIn]] = Sessions(
            f"paravent-insured-{self.settings.amc}",
            samesite="lax",
            seconds_max=VISIT_SECONDS_MAX,
            secure=self._secure,
        )
        self.sign_in = SignIn(self._sign_in, f"paravent-sign-in-{self.settings.amc}", secure=self._secure)
        self.store = Store(home)
        self.screens = Screens(templates=_TEMPLATES, around=self._around)

    def _around(self, request: Request) -> dict[str, object]:
        try:
            inside, csrf = True, self.sessions.find(request).csrf
        except SessionRequired:
            inside, csrf = False, ""
        return {"insurer": self.settings.name, "dpo": self._space.dpo, "contact": self.settings.card.contact,
                "provider": self._sign_in.party.profile.title, "inside": inside, "csrf": csrf}  # fmt: skip

    # --- who is there -------------------------------------------------------------------------

    def visit(self, request: Request) -> Session[tuple[str, SignedIn]]:
        """Finds the visit of a request made to this space under its own name; raises SessionRequired."""
        require_own_page(request, self._hosts, scheme=self._scheme)
        return self.sessions.find(request)

    def own(self, request: Request) -> Own:
        """Gives what is of the member who signed in; raises SessionRequired."""
        member, who = self.visit(request).about
        return Own(member=member, who=who, store=self.store, threshold=self.settings.threshold)

    async def form(self, request: Request) -> Form:
        """Reads a form of a page of this visit; raises SessionRequired or BadInput."""
        visit = self.visit(request)
        form = read_form(await read_body(request, FORM_BYTES_MAX))
        require_csrf(form, visit.csrf)
        return form

    async def enter(self, request: Request) -> Response:
        """Ends a sign-in: opens a visit for the one member it is, or says that it is nobody, and nothing more."""
        who = await self.sign_in.finish(request)
        member = one_member(self.store.insured.members_of([one.under(self._sign_in.pivot_key) for one in who.pivots]))
        if member is None:
            return self.screens.page(request, "not-recognised.html", status=403)
        answer = self.back("/")
        # One visit a member: a new sign-in ends what was left open elsewhere, on a shared machine for example.
        self.sessions.end(lambda about: about[0] == member)
        self.sessions.open(request, answer, (member, who))
        return answer

    # --- answers ------------------------------------------------------------------------------

    def welcome(self, request: Request) -> Response:
        """Answers the home page: the way in, or what is there."""
        return self.screens.page(request, "home.html")

    def page(self, request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        """Answers a page of an open visit."""
        self.visit(request)
        return self.screens.page(request, template, status=status, **values)

    def answer(self, body: bytes) -> Response:
        """Answers a page that is written already; nothing on the way may compress it, which would tell its words."""
        return Response(body, 200, self.screens.headers | {"cache-control": "no-store, no-transform"}, "text/html")

    def file(self, content: bytes, media_type: str, name: str | None) -> Response:
        """Answers a file, to keep under a name or to show."""
        headers = self.screens.headers | (
            {} if name is None else {"content-disposition": f'attachment; filename="{name}"'}
        )
        return Response(content, 200, headers, media_type)

    def back(self, path: str) -> Response:
        """Sends the browser to a page of this space."""
        return RedirectResponse(path, 303, self.screens.headers)

    def incident(self, request: Request) -> IncidentTold:
        """Finds the incident that an address names, for somebody who signed in; raises UnknownAddress."""
        self.visit(request)
        found = self.store.incidents.find(request.path_params["case"])
        if found is None:
            raise UnknownAddress("this insurer was told of no such incident")
        return found
