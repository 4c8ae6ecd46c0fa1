"""What happens to one right, in rounds: two shops and an insurer, most acts sent more than once.

In a round every act is sent at once with those of every other right, in an order drawn from the seed: reservations;
claims, cancellations and acts sent again; corrections and reversals; and the same claims once more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from paravent.access.requests import HttpRequest
from paravent.bench.counters import Counters, Shop
from paravent.bench.rivals import Attempt, Rivals
from paravent.bench.tally import Tally
from paravent.desk.entitled import Entitled

ROUNDS = 4
SENT = 3
_CANCELLED, _CORRECTED, _REVERSED = 0.2, 0.3, 0.5


@dataclass(slots=True, kw_only=True)
class Quarrel:
    """Two shops after one right; ``number`` names it, ``chance`` decides what they try."""

    number: int
    right: Entitled
    shops: Sequence[Shop]
    counters: Counters
    rivals: Rivals
    tally: Tally
    chance: random.Random

    def attempts(self, round_: int) -> list[Attempt]:
        """Lists what is tried in a round, each act as often as it is sent."""
        step = (self._reserve, self._claim, self._take_back, self._claim_again)[round_]
        return [attempt for attempt in step() for _ in range(self.chance.randint(1, SENT))]

    def _reserve(self) -> Iterator[Attempt]:
        for shop in (*self.shops, *self.shops):
            yield self._of_shop(shop, self.counters.reservation)

    def _claim(self) -> Iterator[Attempt]:
        for shop in (*self.shops, *self.shops):
            yield self._of_shop(shop, self.counters.claim)
        for shop in self.shops:
            if self.chance.random() < _CANCELLED:
                yield self._of_shop(shop, self.counters.cancellation)

    def _take_back(self) -> Iterator[Attempt]:
        """Corrects or reverses what was paid, at once or not; both may be tried."""
        for decision in list(self.tally.paid(self.number)):
            for shop in self.shops:
                if self.chance.random() < _CORRECTED:
                    yield self._of_shop(shop, partial(self.counters.claim, corrects=decision.claim_id))
            if self.chance.random() < _REVERSED:
                request = self.counters.reversal(decision)
                yield Attempt(right=self.number, admitted=self.rivals.insurers.admit(request, self.rivals.now))

    def _claim_again(self) -> Iterator[Attempt]:
        yield from self._reserve()
        yield from self._claim()

    def _of_shop(self, shop: Shop, make: Callable[[Shop, Entitled], HttpRequest]) -> Attempt:
        request = make(shop, self.right)
        store = self.rivals.stores[0]
        return Attempt(right=self.number, admitted=self.rivals.shops.admit(request, store, self.rivals.now))
