"""Events as OCSF, the Open Cybersecurity Schema Framework (docs/detection.md section 6): pure.

Which class, which activity and which severity an event has stands in a dated data file with its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from paravent.access.events.happened import CaseOpened, DayTotal, DeviceChange, Happened, Raised, Requests
from paravent.access.quotas import HOUR_SECONDS, WINDOW_SECONDS
from paravent.access.tally import ANSWERED
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message, Natural
from paravent.wire.status import RELEASE
from paravent.wire.suspension import SubjectKind

Values = dict[str, Any]
NOT_KEPT = "not-kept"
"""Where a class wants to know who or whence: a service keeps neither."""

_SUCCESS, _FAILURE = 1, 2
_NEW_FINDING = _NEW_INCIDENT = _CREATE = 1


class EventClass(Message, frozen=True, kw_only=True):
    """A class of the schema: its identifiers, and the attributes that an event of it must have."""

    uid: Natural
    category: Natural
    required: tuple[str, ...]


class Activity(Message, frozen=True, kw_only=True):
    """A class and the activity in it; ``status`` is 1 for success and 2 for failure."""

    event_class: str
    activity: Natural
    severity: Natural
    status: Natural = _SUCCESS


class OcsfMapping(Message, frozen=True, kw_only=True):
    """The file: which version of the schema, read where and when, and what each event becomes in it."""

    version: str
    read_on: date
    source: str
    status: str
    authentication_codes: tuple[str, ...]
    classes: Mapping[str, EventClass]
    device_events: Mapping[str, Activity]
    alarm_severity: Mapping[str, Natural]


def read_mapping(content: bytes) -> OcsfMapping:
    """Reads the file; raises InvalidConfiguration."""
    try:
        return msgspec.toml.decode(content, type=OcsfMapping)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"the mapping to OCSF is not one: {error}") from None


class Ocsf(msgspec.Struct, frozen=True, kw_only=True):
    """Writes the events of one service in the schema."""

    mapping: OcsfMapping
    service: str

    def event(self, happened: Happened) -> Values:
        """Gives an event as the members of one JSON object; the same event has the same ``metadata.uid`` for ever."""
        match happened:
            case Requests():
                return self._requests(happened)
            case DayTotal():
                return self._total(happened)
            case DeviceChange():
                return self._device(happened)
            case Raised():
                return self._alarm(happened)
            case CaseOpened():
                return self._case(happened)

    def _base(self, what: Activity, *, at: int, uid: str, code: str) -> Values:
        of = self.mapping.classes[what.event_class]
        return {
            "class_uid": of.uid, "category_uid": of.category, "activity_id": what.activity,
            "type_uid": of.uid * 100 + what.activity, "severity_id": what.severity, "status_id": what.status,
            "time": at * 1_000,
            "metadata": {
                "version": self.mapping.version, "uid": f"{self.service}/{uid}", "event_code": code,
                "log_name": self.service,
                "product": {"name": "Paravent", "vendor_name": "Paravent", "version": RELEASE},
            },
        }  # fmt: skip

    def _requests(self, one: Requests) -> Values:
        counted, begins = one.counted, one.counted.hour * HOUR_SECONDS
        refused = counted.code != ANSWERED
        login = counted.code in self.mapping.authentication_codes
        what = Activity(
            event_class="authentication" if login else "api_activity", activity=1 if login else 99,
            severity=2 if refused else 1, status=_FAILURE if refused else _SUCCESS,
        )  # fmt: skip
        uid = f"requests/{counted.hour}/{counted.action}/{counted.code or 'answered'}"
        found = self._base(what, at=begins, uid=uid, code="requests-refused" if refused else "requests-answered")
        found |= _between(begins, begins + HOUR_SECONDS) | {"count": counted.requests}
        found |= {"status_code": counted.code} if refused else {}
        found |= {"src_endpoint": {"name": NOT_KEPT}}
        if login:
            return found | {"user": {"name": NOT_KEPT}, "service": {"name": self.service, "uid": counted.action}}
        return found | {"activity_name": counted.action} | self._called(counted.action)

    def _total(self, one: DayTotal) -> Values:
        begins = one.day * WINDOW_SECONDS
        what = Activity(event_class="api_activity", activity=99, severity=1)
        found = self._base(what, at=begins, uid=f"total/{one.day}/{one.kind.value}", code=f"total-{one.kind.value}")
        found |= _between(begins, begins + WINDOW_SECONDS) | {"count": one.requests, "activity_name": one.kind.value}
        return found | {"src_endpoint": {"name": NOT_KEPT}} | self._called(one.kind.value)

    def _called(self, operation: str) -> Values:
        return {
            "actor": {"app_name": NOT_KEPT}, "api": {"operation": operation, "service": {"name": self.service}},
        }  # fmt: skip

    def _device(self, one: DeviceChange) -> Values:
        row = one.row
        what = self.mapping.device_events.get(row.event)
        if what is None:
            raise InvalidConfiguration(f"the mapping to OCSF does not know {row.event} of the ledger of devices")
        found = self._base(what, at=row.happened_at, uid=f"device/{one.position}", code=row.event)
        whose = row.subject if row.kind == SubjectKind.PROFESSIONAL.value else one.professional
        if what.event_class == "authentication":
            return found | {"user": {"uid": row.subject, "type": row.kind}, "service": {"name": self.service}}
        found |= {"entity": {"uid": row.subject, "type": row.kind}, "comment": row.reason}
        return found | ({"actor": {"user": {"uid": whose}}} if whose else {})

    def _alarm(self, one: Raised) -> Values:
        alarm, finding = one.alarm, one.alarm.finding
        severity = 1 if alarm.drill else self.mapping.alarm_severity.get(finding.sign.value, 3)
        what = Activity(event_class="detection_finding", activity=_CREATE, severity=severity, status=_NEW_FINDING)
        found = self._base(what, at=alarm.raised_at, uid=f"alarm/{alarm.number}", code=finding.sign.value)
        return found | {
            "is_alert": not alarm.drill,
            "finding_info": {
                "uid": f"{alarm.verifier}/{alarm.number}", "title": finding.sign.value, "types": [finding.sign.value],
                "created_time": alarm.raised_at * 1_000,
            },
            "resources": [{"uid": finding.subject, "type": finding.kind.value}],
            "unmapped": {
                "subject": finding.subject, "subject_kind": finding.kind.value, "day": finding.day,
                "observed": finding.observed, "whole": finding.whole, "usual": finding.usual,
                "statistic": finding.statistic, "limit": finding.limit, "budget": alarm.budget,
                "suspended": alarm.suspended, "drill": alarm.drill,
            },
        }  # fmt: skip

    def _case(self, one: CaseOpened) -> Values:
        what = Activity(event_class="incident_finding", activity=_CREATE, severity=3, status=_NEW_INCIDENT)
        found = self._base(what, at=one.at, uid=f"case/{one.case}", code="case-opened")
        return found | {
            "desc": one.origin, "finding_info_list": [{"uid": one.case, "title": one.origin}],
        }  # fmt: skip


def _between(begins: int, ends: int) -> Values:
    return {"start_time": begins * 1_000, "end_time": ends * 1_000, "duration": (ends - begins) * 1_000}


def missing(event: Values, mapping: OcsfMapping) -> list[str]:
    """Lists the attributes that its class wants and an event lacks."""
    of = next(one for one in mapping.classes.values() if one.uid == event["class_uid"])
    return [name for name in of.required if name not in event]
