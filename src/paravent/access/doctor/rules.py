"""The dated file of limits, and of what each check answers (docs/governance.md section 1): pure."""

from __future__ import annotations

from datetime import date

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message, Natural


class Limits(Message, frozen=True, kw_only=True):
    """The bounds that separate "ok" from "wrong"; each has its source in the same file."""

    answer_age_days_max: Natural
    backup_age_days_max: Natural
    restore_age_days_max: Natural
    patch_age_days_max: Natural
    cosigned_age_seconds_max: Natural
    clock_difference_seconds_max: Natural
    certificate_days_min: Natural
    disk_free_percent_min: Natural
    disk_free_bytes_min: Natural
    deletion_grace_seconds_max: Natural
    quotas_max: dict[str, Natural]
    acr_second_factor: tuple[str, ...]


class CheckRule(Message, frozen=True, kw_only=True):
    """Which measures a check answers, and the part of them that it proves: never the whole."""

    name: str
    title: str
    answers: tuple[str, ...]
    proves: str
    status: str


class DoctorRules(Message, frozen=True, kw_only=True):
    """The limits and the rows in force from a day on."""

    valid_from: date
    limits: Limits
    limit_sources: dict[str, str]
    check: tuple[CheckRule, ...]

    def rule(self, name: str) -> CheckRule:
        """Finds the row of a check; raises InvalidConfiguration when there is none."""
        found = next((row for row in self.check if row.name == name), None)
        if found is None:
            raise InvalidConfiguration("a check has no row in the file of what checks answer: align versions")
        return found

    def machine_measures(self) -> frozenset[str]:
        """Lists the measures that a machine answers, in part."""
        return frozenset(measure for row in self.check for measure in row.answers)


def read_rules(content: bytes) -> DoctorRules:
    """Reads the file; raises InvalidConfiguration when a limit has no source, or a check stands twice."""
    try:
        rules = msgspec.toml.decode(content, type=DoctorRules)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"the file of checks is not one: {error}") from None
    names = [row.name for row in rules.check]
    if len(set(names)) != len(names) or rules.limit_sources.keys() != set(Limits.__struct_fields__):
        raise InvalidConfiguration("each check stands once, and each limit has its source")
    return rules
