"""Every claim is paid at most once, whoever asks how often and at once; the same attempts on a hasty hub are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from paravent.bench import double_payment, rivals
from paravent.bench.counters import counters
from paravent.bench.double_payment import DoublePaymentFigures
from paravent.bench.engines import Engine, every_engine
from paravent.bench.rivals import Conduct, Rivals
from paravent.errors import TechnicalFailure

ATTEMPTS = 1_500


def test_a_claim_is_paid_at_most_once_on_every_engine(tmp_path: Path) -> None:
    found = list(double_payment.measure(tmp_path, ATTEMPTS))
    for figures in found:
        if not isinstance(figures, DoublePaymentFigures):
            pytest.skip(f"{figures.engine}: {figures.not_run}")
        assert figures.attempts >= ATTEMPTS
        assert figures.paid_twice == figures.late_paid_twice == 0
        assert figures.hasty_paid_twice > 0
        assert figures.debits_cents == figures.credits_cents > 0
        # The quarrels are real: acts come again, claims lose, and some are taken back.
        assert figures.replays > figures.attempts // 5
        assert figures.claims_refused > figures.claims_accepted > 0
        assert min(figures.cancelled, figures.corrected, figures.reversed) > 0


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql", "postgresql-shards"])
def test_a_hub_that_checks_before_it_writes_fails_the_same_test(
    engine_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the sound hub is replaced by the hasty one, in every run."""
    decision = Rivals._decision

    def hasty(self: Rivals, *arguments: object) -> object:
        made = rivals.Rivals(
            stores=self.stores, shops=self.shops, insurers=self.insurers, conduct=Conduct.HASTY, now=self.now
        )
        return decision(made, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Rivals, "_decision", hasty)
    with counters(tmp_path, rivals.CLIENTS) as shops, every_engine(tmp_path / "db") as engines:
        for engine in engines:
            if isinstance(engine, Engine) and engine.name == engine_name:
                with pytest.raises(TechnicalFailure, match=r"twice|two decisions|taken back|not what"):
                    double_payment._figures(shops, engine, tmp_path / engine.name, ATTEMPTS)
                return
    pytest.skip(f"{engine_name} cannot be started here")
