"""The hub's machine lost with every file, and the hub built again by insurers and desks: nothing is promised twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paravent.bench.kill_ground import kill_ground
from paravent.bench.loss import KEPT_APART, LosableHub
from paravent.bench.rebuild import Source, forgetful, from_insurers, required
from paravent.drill.platform import INSURERS
from paravent.errors import TechnicalFailure

PERSONS = 600


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LosableHub]:
    """A platform at work, whose shop was paid twice: it has fetched the first letters, and not the last."""
    with kill_ground(tmp_path_factory.mktemp("rebuild"), PERSONS) as ground:
        made = LosableHub.of(ground)
        made.trade(1)
        assert not ground.compare(whole=True).lost
        made.trade(1)
        ground.settle()
        ground.platform.stop(*(f"insurer-{amc}" for amc in INSURERS))
        yield made


def test_a_lost_hub_is_built_again_and_forgets_nothing_that_it_had_promised(hub: LosableHub) -> None:
    apart = {path for path in hub.apart.rglob("*") if path.is_file() and not path.name.startswith("backup")}
    assert {str(path.relative_to(hub.apart)) for path in apart} == set(KEPT_APART)
    figures = required(from_insurers(hub, PERSONS))
    assert figures.source == Source.INSURERS
    assert figures.rights_used >= 2
    assert figures.claims == figures.rights_used
    assert (figures.lost, figures.doubled, figures.promised_again) == (0, 0, 0)
    assert figures.minutes_per_million is not None

    # The key servers and their logs went on, and so does the shop.
    before = figures.claims
    hub.trade(1)
    assert len(hub.ground.told.claims()) > before
    difference = hub.ground.compare(whole=True)
    assert (difference.lost, difference.doubled) == ([], [])


def test_a_hub_that_is_told_nothing_promises_again_and_it_is_seen(hub: LosableHub) -> None:
    figures = forgetful(hub, PERSONS)
    assert figures.promised_again == figures.rights_used > 0
    assert figures.lost > 0
    with pytest.raises(TechnicalFailure, match="should be sound"):
        required(figures)
    assert required(figures, sound=False) is figures
