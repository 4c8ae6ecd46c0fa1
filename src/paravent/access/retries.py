"""When a party may be asked again: what it said itself, and a budget of retries (docs/protocol.md section 13.5): pure.

Whoever repeats all that fails doubles the load of servers that fail for being asked too much. A tenth of what is asked
may be asked again, with a small allowance for who asks little; and a party that said when to come back is left alone
until then.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REQUESTS_PER_RETRY = 10
SECONDS_PER_RETRY = 10
RETRIES_MAX = 10
RETRY_AFTER_SECONDS_MAX = 60.0
_JITTER = 0.5


@dataclass(slots=True)
class RetryBudget:
    """What one client may still ask again; ``now`` is seconds of a clock that only goes forward."""

    left: float = RETRIES_MAX
    _at: float = 0.0
    _until: dict[str, float] = field(default_factory=dict)

    def asked(self, now: float) -> None:
        """Notes a request, first or not: each earns a tenth of a retry."""
        self._earn(now, 1 / REQUESTS_PER_RETRY)

    def may_ask_again(self, now: float) -> bool:
        """Spends one retry, when there is one."""
        self._earn(now, 0.0)
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def leave_alone(self, party: str, seconds: float, now: float, drawn: float) -> None:
        """Notes that a party said when to come back; ``drawn``, from 0 to 1, spreads those who were told the same."""
        wait = min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)
        self._until[party] = now + wait * (1 + _JITTER * drawn)

    def wait(self, party: str, now: float) -> float:
        """Says for how many seconds a party is still to be left alone."""
        return max(0.0, self._until.get(party, now) - now)

    def _earn(self, now: float, retries: float) -> None:
        self.left = min(RETRIES_MAX, self.left + retries + max(0.0, now - self._at) / SECONDS_PER_RETRY)
        self._at = max(self._at, now)


def seconds_of(retry_after: str | None) -> float:
    """Reads a Retry-After field in seconds (RFC 9110 section 10.2.3); 0 when there is none or it is a date."""
    return float(retry_after) if retry_after is not None and retry_after.isascii() and retry_after.isdigit() else 0.0
