"""What works is said before somebody needs it: degraded mode is neither silence nor a refusal."""

from __future__ import annotations

import pytest
from tests.unit.parties.world import World

from paravent.desk.screens.condition import Condition, Freshness, condition, kept_list
from paravent.desk.screens.counter_app import _HERE
from paravent.pages.screens.catalogue import Language
from paravent.pages.screens.store import environments
from paravent.pages.typography import no_break

DAY = 86_400
FRESH, OLD, STALE, NONE = (kept_list("Mutuelle", age, 7) for age in (3_600, 3 * DAY, 8 * DAY, None))


def seen(world: World, answered: list[str], *lists: object) -> Condition:
    return condition(
        persons=12, answered=answered, directory=world.directory, threshold=2, now=world.now,
        lists=lists or (FRESH,),  # type: ignore[arg-type]
    )  # fmt: skip


def names(world: World) -> list[str]:
    return [world.directory.hub.name, *(entry.name for entry in world.directory.keyservers)]


def banner(found: Condition, language: Language) -> str:
    template = environments(_HERE / "templates")[language].get_template("desk.html")
    module = template.make_module({"contrast": False, "path": "/"})
    return str(module.degraded_banner(found, 30_000))  # type: ignore[attr-defined]


def test_a_list_ages_as_a_check_judges_it() -> None:
    assert [kept.freshness for kept in (FRESH, OLD, STALE, NONE)] == [
        Freshness.FRESH, Freshness.DEGRADED, Freshness.MISSING, Freshness.MISSING,
    ]  # fmt: skip
    edges = [(DAY, Freshness.FRESH), (DAY + 1, Freshness.DEGRADED), (7 * DAY, Freshness.DEGRADED),
             (7 * DAY + 1, Freshness.MISSING)]  # fmt: skip
    assert [kept_list("M", age, 7).freshness for age, _ in edges] == [freshness for _, freshness in edges]


def test_as_usual_there_is_no_banner(world: World) -> None:
    found = seen(world, names(world)[:3])
    assert (found.number_lane, found.degraded, found.servers) == (True, False, 2)
    assert banner(found, Language.FRENCH).strip() == ""


@pytest.mark.parametrize(
    ("answered", "lists", "french", "english"),
    [
        (
            slice(1, None),
            (FRESH,),
            "Le hub ne répond pas : la carte se contrôle toujours ici",
            "cards are still checked",
        ),
        (slice(0, 2), (FRESH,), "Trop peu de serveurs de clés", "Too few key servers"),
        (slice(0, 3), (OLD,), "300,00\xa0€ au plus", "at most €300.00"),
        (slice(0, 3), (FRESH, STALE), "ses cartes ne peuvent pas être contrôlées", "its cards cannot be checked"),
        (slice(0, 3), (NONE,), "ses cartes ne peuvent pas être contrôlées", "its cards cannot be checked"),
    ],
)
def test_degraded_mode_says_what_still_works(
    world: World, answered: slice, lists: tuple[object, ...], french: str, english: str
) -> None:
    found = seen(world, names(world)[answered], *lists)
    assert found.degraded
    assert no_break(french) in banner(found, Language.FRENCH)
    assert english in banner(found, Language.ENGLISH)
    assert "Refus" not in banner(found, Language.FRENCH)
