"""The false alarms a year that a whole fleet may give, and each test's part of them (docs/detection.md section 1).

The budget is one verifier's. Every threshold is computed from it, and none is chosen by hand.
"""

from __future__ import annotations

import msgspec

from paravent.wire.alarm import Sign

DAYS_A_YEAR = 365
LOOKS_A_DAY = 16
"""A day is judged as it fills: so many looks at it are paid for, however alike they are."""

LOOKUPS_A_DAY = 12
"""What a professional asks in the mean, for the budget of tests that go by look-ups."""

_TWELFTHS = {
    Sign.VOLUME: 8.0, Sign.UNKNOWN_PERSONS: 1.0, Sign.FLEET: 0.5, Sign.REQUEST_FLOOD: 0.25, Sign.MASS_REWRITE: 0.25,
}  # fmt: skip
DAILY_SIGNS = (
    Sign.EVALUATIONS_WITHOUT_OPENINGS, Sign.OPENINGS_WITHOUT_CLAIMS, Sign.CLOSED_HOURS, Sign.CLAIMS_MIX,
    Sign.NEW_DEVICES,
)  # fmt: skip


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How many false alarms a year the whole fleet may give at one verifier, and how large it is."""

    false_alarms_a_year: float = 12.0
    professionals: int = 13_000

    def of(self, sign: Sign) -> float:
        """Gives the part of a sign: two thirds for volume, a sixth for the five daily tests together."""
        return self.false_alarms_a_year * _TWELFTHS.get(sign, 2.0 / len(DAILY_SIGNS)) / 12

    def of_one_professional(self) -> float:
        """Gives one professional's part of the yearly budget of volume, a test that runs on (``cusum``)."""
        return self.of(Sign.VOLUME) / self.professionals

    def level(self) -> float:
        """Gives the level of one daily test of a professional, at one look."""
        return self.of(DAILY_SIGNS[0]) / (self.professionals * DAYS_A_YEAR * LOOKS_A_DAY)

    def level_of_a_cycle(self, lookups_a_cycle: float) -> float:
        """Gives the chance of a false alarm in one cycle of the sequential test."""
        cycles = self.professionals * DAYS_A_YEAR * LOOKUPS_A_DAY / lookups_a_cycle
        return self.of(Sign.UNKNOWN_PERSONS) / cycles

    def level_of_a_minute(self) -> float:
        """Gives the level of the test of requests in one minute."""
        return self.of(Sign.REQUEST_FLOOD) / (DAYS_A_YEAR * 1_440)

    def level_of_a_look(self, looks_a_day: float) -> float:
        """Gives the level of the test of files rewritten between two looks."""
        return self.of(Sign.MASS_REWRITE) / (DAYS_A_YEAR * looks_a_day)
