"""Every code of the error tree: words in both languages, what to do, and a real path that reaches it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.parties.provocations import PROVOKED, raised
from tests.unit.parties.world import World

import paravent
from paravent.errors import ParaventError, Refusal, Retry, RightRefused

SOURCE = Path(paravent.__file__).parent
# What everything of a branch is; a code of its own so that a reader of problems always has one.
BASES = {ParaventError, Refusal, RightRefused}


def tree(kind: type[ParaventError] = ParaventError) -> Iterator[type[ParaventError]]:
    """Lists the declared errors, in the order of the code."""
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


KINDS = list(tree())


@pytest.mark.parametrize("code", PROVOKED)
def test_a_real_path_reaches_the_code(code: str, world: World) -> None:
    assert raised(PROVOKED[code], world).code == code


def test_every_code_has_a_path() -> None:
    assert PROVOKED.keys() == {kind.code for kind in KINDS if kind not in BASES}


def test_a_base_is_never_raised() -> None:
    """The bases have no path because nothing raises them."""
    names = {kind.__name__ for kind in BASES}
    built = [
        (path.name, node.func.id)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]
    assert built == []


def test_a_path_that_reaches_another_code_is_noticed(world: World) -> None:
    """The control: the code that was met is the one compared."""
    assert raised(PROVOKED["no-reservation"], world).code != "already-reserved"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_a_code_says_what_happened_and_what_to_do_in_both_languages(kind: type[ParaventError]) -> None:
    texts = (kind.title_fr, kind.title_en, kind.advice_fr, kind.advice_en)
    assert all(text == text.strip() and len(text) > 3 for text in texts)
    assert kind.title_fr != kind.title_en
    assert kind.advice_fr != kind.advice_en
    assert isinstance(kind.retry, Retry)
    assert not kind.title_fr.endswith(".")
    assert kind.advice_fr.endswith((".", "!"))


def test_a_code_stands_for_one_error() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(codes) == len(set(codes))
