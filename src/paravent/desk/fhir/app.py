"""The desk's FHIR R4 addresses: parse, call the desk, answer; every error is an OperationOutcome (protocol.md 9.6)."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import read_body
from paravent.crypto.signing import SigningKey
from paravent.desk import trade
from paravent.desk.audit import KeptPrescription
from paravent.desk.checks_store import Checks
from paravent.desk.client import DeskClient
from paravent.desk.config import DeskConfig
from paravent.desk.entitled import Entitled
from paravent.desk.fhir import claim as claims
from paravent.desk.fhir import claim_response, eligibility
from paravent.desk.fhir.capability import FHIR_JSON, capabilities
from paravent.desk.fhir.claim import Claim, Use
from paravent.desk.fhir.claim_response import ClaimResponse
from paravent.desk.fhir.eligibility import CoverageEligibilityRequest, CoverageEligibilityResponse
from paravent.desk.fhir.outcome import outcome_of
from paravent.desk.fhir.payment_reconciliation import payments_of, search_set
from paravent.desk.fhir.store import Session
from paravent.desk.store import Store
from paravent.errors import (
    BadInput,
    EntitlementRevoked,
    NotCovered,
    OutsideValidity,
    ParaventError,
    UnknownAddress,
    UnsupportedResource,
)
from paravent.optics.store import shipped_rules_at
from paravent.person.fhir.coverage import Coverage, Customer, customer_of
from paravent.person.fhir.document import RESOURCE_BYTES_MAX, read_document, read_resource, to_resource
from paravent.person.fhir.elements import Reference, Resource, write
from paravent.person.store import shipped_lens_rules
from paravent.wire.claims import Act
from paravent.wire.codec import decode
from paravent.wire.settlement import Remittance

BASE = "/fhir"
_NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def fhir_response(body: bytes, status: int = 200, location: str | None = None) -> Response:
    """Answers a resource."""
    headers = _NO_STORE | ({} if location is None else {"location": location})
    return Response(body, status, headers, media_type=FHIR_JSON)


def outcome_response(error: ParaventError) -> Response:
    """Answers an error as an OperationOutcome."""
    headers = _NO_STORE | ({"retry-after": str(error.retry_seconds)} if error.retry.value == "later" else {})
    return Response(write(outcome_of(error)), error.status, headers, media_type=FHIR_JSON)


def is_fhir(request: Request) -> bool:
    """Says whether a request is for these addresses."""
    return request.url.path == BASE or request.url.path.startswith(f"{BASE}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirDesk:
    """The FHIR side of a desk: the same checks and acts as its other addresses."""

    desk: DeskClient
    checks: Checks
    store: Store
    settings: DeskConfig
    key: SigningKey
    require_local: Callable[[Request], None]
    remittances: Callable[[], Awaitable[Sequence[Remittance]]]
    session: Session = field(default_factory=Session)

    def routes(self) -> list[Route]:
        """Lists the addresses."""
        gets: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "metadata": self.metadata,
            "PaymentReconciliation": self.payments,
            "{kind}/{name}": self.read,
        }
        posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "VisionPrescription": self.take_prescription,
            "Coverage": self.take_coverage,
            "CoverageEligibilityRequest/$submit": self.check,
            "Claim/$submit": self.claim,
        }
        return [
            *(Route(f"{BASE}/{path}", handler, methods=["GET"]) for path, handler in gets.items()),
            *(Route(f"{BASE}/{path}", handler, methods=["POST"]) for path, handler in posts.items()),
        ]

    async def _body(self, request: Request) -> bytes:
        self.require_local(request)
        return await read_body(request, RESOURCE_BYTES_MAX)

    # --- resources ------------------------------------------------------------------------------

    async def metadata(self, request: Request) -> Response:
        """Says what these addresses do."""
        self.require_local(request)
        return fhir_response(write(capabilities()))

    async def payments(self, request: Request) -> Response:
        """Lists the remittances received, as the hub has them or, when it is away, as they were last kept."""
        self.require_local(request)
        return fhir_response(write(search_set(payments_of(await self.remittances()))))

    async def read(self, request: Request) -> Response:
        """Answers a resource of this session."""
        self.require_local(request)
        return fhir_response(self.session.find(request.path_params["kind"], request.path_params["name"]))

    async def take_prescription(self, request: Request) -> Response:
        """Keeps a prescription that can be classified: its document stays as it came."""
        body = await self._body(request)
        trade.prescribed(body, shipped_lens_rules())
        name = self.session.new_id()
        self.session.keep("VisionPrescription", name, body)
        answer = read_document(body) | {"id": name}
        return self._created("VisionPrescription", name, _ENCODER.encode(answer))

    async def take_coverage(self, request: Request) -> Response:
        """Keeps a coverage that names a customer; nothing is asked of anybody yet."""
        coverage = read_resource(await self._body(request), Coverage)
        customer_of(coverage)
        name = self._keep_coverage(coverage)
        return self._created("Coverage", name, self.session.find("Coverage", name))

    def _keep_coverage(self, coverage: Coverage) -> str:
        name = self.session.new_id()
        self.session.keep("Coverage", name, write(msgspec.structs.replace(coverage, id=name)))
        return name

    def _created(self, kind: str, name: str, body: bytes) -> Response:
        return fhir_response(body, 201, f"{BASE}/{kind}/{name}")

    # --- eligibility ----------------------------------------------------------------------------

    async def check(self, request: Request) -> Response:
        """Checks a customer, by card or by number."""
        asked = read_resource(await self._body(request), CoverageEligibilityRequest)
        name, coverage = self._coverage(eligibility.require_supported(asked), asked)
        customer, now = customer_of(coverage), int(time.time())
        reference = f"Coverage/{name}"
        try:
            entitled = await self._checked(customer)
        except (NotCovered, OutsideValidity, EntitlementRevoked) as refusal:
            return self._kept_answer(eligibility.refused(
                asked, customer.insurer, refusal, check=self.session.new_id(), coverage=reference, now=now
            ))  # fmt: skip
        check = self.checks.keep(entitled)
        self.session.checks[name] = check
        return self._kept_answer(eligibility.covered(asked, entitled, check=check, coverage=reference, now=now))

    async def _checked(self, customer: Customer) -> Entitled:
        if customer.person is not None:
            return await self.desk.check_number(customer.insurer, customer.person)
        entitled = self.desk.check_card(customer.card or "", customer.holder)
        if entitled.part.insurer != customer.insurer:
            raise UnsupportedResource("the card is of another insurer than the payor")
        return entitled

    def _coverage(self, reference: Reference, within: Resource) -> tuple[str, Coverage]:
        """Finds a coverage, kept before or contained in the request: a contained one is kept from here on."""
        contained = _contained(reference, within)
        if contained is not None:
            # Contained resources contain none (R4, dom-2): the beneficiary stands beside its coverage in the request.
            if "contained" in contained:
                raise UnsupportedResource("a contained coverage contains nothing itself: its Patient stands beside it")
            beside = [entry for entry in within.contained if entry is not contained]
            coverage = to_resource(contained | {"contained": beside}, Coverage)
            return self._keep_coverage(coverage), coverage
        name = _id_of(reference, "Coverage")
        return name, read_resource(self.session.find("Coverage", name), Coverage)

    def _kept_answer(self, answer: CoverageEligibilityResponse | ClaimResponse) -> Response:
        body = write(answer)
        self.session.keep(type(answer).__name__, answer.id or "", body)
        return fhir_response(body)

    # --- claims ---------------------------------------------------------------------------------

    async def claim(self, request: Request) -> Response:
        """Quotes, reserves, claims or cancels; the same bytes again send the same act again."""
        body = await self._body(request)
        claim = read_resource(body, Claim)
        coverage = _id_of(claims.require_supported(claim), "Coverage")
        entitled = self._entitled(coverage)
        early = claims.early_renewal(claim)
        equipment = claims.equipment(claim) if claim.item or claim.use is not Use.PREAUTHORIZATION else None
        insurer = entitled.part.insurer
        taken = quoted = None
        if equipment is not None:
            taken = self._prescription(claim)
            quoted = trade.quote(
                equipment.basket, taken, entitled, self.desk.guarantees(insurer), shipped_rules_at(int(time.time())),
                self.settings.degraded_cents_max, self.desk.class_a_tariff(),
            )  # fmt: skip
        if equipment is not None and quoted is not None and claim.use is Use.PREDETERMINATION:
            return self._kept_answer(claim_response.quoted(
                claim, insurer, equipment, quoted.quote, name=self.session.new_id(), now=int(time.time())
            ))  # fmt: skip
        act, prescribed = self._act(body, claim, entitled, taken, quoted, early=early)
        decision = await self.desk.act(act, prescribed)
        quote = None if quoted is None else quoted.quote
        return self._kept_answer(claim_response.decided(claim, insurer, decision, equipment, quote))

    def _entitled(self, coverage: str) -> Entitled:
        check = self.session.checks.get(coverage)
        if check is None:
            self.session.find("Coverage", coverage)
            raise BadInput("this coverage was not found in force: submit a CoverageEligibilityRequest first")
        return self.checks.find(check)

    def _prescription(self, claim: Claim) -> trade.Prescribed:
        if claim.prescription is None:
            raise UnsupportedResource("a claim with items has its VisionPrescription")
        contained = _contained(claim.prescription, claim)
        if contained is not None:
            return trade.prescribed(_ENCODER.encode(contained), shipped_lens_rules())
        name = _id_of(claim.prescription, "VisionPrescription")
        return trade.prescribed(self.session.find("VisionPrescription", name), shipped_lens_rules())

    def _act(
        self, body: bytes, claim: Claim, entitled: Entitled, taken: trade.Prescribed | None,
        quoted: trade.Quoted | None, *, early: bool,
    ) -> tuple[Act, KeptPrescription | None]:  # fmt: skip
        digest = hashlib.sha256(body).digest()
        kept = self.store.act(self.session.sent[digest]) if digest in self.session.sent else None
        # An answered reservation or cancellation is asked anew: the state of the right may have changed since.
        if kept is not None and (kept[1] is None or claim.use is Use.CLAIM):
            return decode(kept[0], Act), None
        prescribed: KeptPrescription | None = None
        if claim.cancels:
            act = trade.cancellation(entitled, os.urandom)
        elif claim.use is Use.PREAUTHORIZATION:
            act = trade.reservation(entitled, early_renewal=early, rng=os.urandom)
        elif taken is None or quoted is None:
            raise BadInput("a claim has items")
        else:
            act, prescribed = trade.claim(
                entitled, quoted, taken, self.settings.payee(), early_renewal=early, key=self.key, rng=os.urandom
            )
        self.session.sent[digest] = act.idempotency_key
        return act, prescribed


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _contained(reference: Reference, within: Resource) -> dict[str, object] | None:
    named = reference.reference or ""
    if not named.startswith("#"):
        return None
    found = [entry for entry in within.contained if isinstance(entry, dict) and entry.get("id") == named[1:]]
    if len(found) != 1:
        raise UnknownAddress("the request contains no resource of this id")
    return found[0]


def _id_of(reference: Reference, kind: str) -> str:
    named = reference.reference or ""
    if not named.startswith(f"{kind}/"):
        raise UnsupportedResource(f"a reference to a {kind} of this session is {kind}/id")
    return named.removeprefix(f"{kind}/")
