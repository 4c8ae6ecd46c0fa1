"""Charts: every value is in the table and in the drawing, intervals included, and nothing of a word becomes markup."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.pages.chart import COLOURS, Chart, Kind, Series, Value, bars, figure, svg, table

SVG = "{http://www.w3.org/2000/svg}"


def chart(kind: Kind, *series: tuple[Value | None, ...]) -> Chart:
    labels = tuple(f"label {place}" for place in range(len(series[0])))
    return Chart(
        identifier="one", title="Title", description="What it shows", kind=kind, axis="Year", unit="incidents",
        labels=labels, series=tuple(Series(name=f"series {n}", values=values) for n, values in enumerate(series)),
    )  # fmt: skip


def drawn(one: Chart) -> ET.Element:
    return ET.fromstring(svg(one, "en"))  # noqa: S314 - our own text


@pytest.mark.parametrize("kind", Kind)
def test_an_interval_is_drawn_and_stands_in_the_table(kind: Kind) -> None:
    plain, estimated = chart(kind, (Value(value=5),)), chart(kind, (Value(value=5, low=3, high=8),))
    strokes = [sum("L" in path.get("d", "") for path in drawn(one).iter(f"{SVG}path")) for one in (plain, estimated)]
    assert strokes[1] == strokes[0] + 1
    assert table(plain, "en")[1] == [["label 0", "5"]]
    assert table(estimated, "en")[1] == [["label 0", "5 [3 ; 8]"]]


def test_bars_have_the_length_of_their_values() -> None:
    widths = [float(bar.get("width", "")) for bar in drawn(chart(Kind.BARS, (
        Value(value=4), Value(value=1), Value(value=0), None))).iter(f"{SVG}rect")]  # fmt: skip
    assert widths == [360.0, 90.0, 0.0]


def test_a_gap_breaks_the_line() -> None:
    one = drawn(chart(Kind.LINES, (Value(value=1), Value(value=2), None, Value(value=3))))
    paths = [path.get("d", "") for path in one.iter(f"{SVG}path") if path.get("stroke") == COLOURS[0]]
    assert [part[0] for part in re.findall(r"[ML][^ML]*", paths[0])] == ["M", "L", "M"]


@pytest.mark.parametrize("kind", Kind)
def test_words_never_become_markup_and_everything_is_named(kind: Kind) -> None:
    word = '<script>"&'
    one = Chart(
        identifier="one", title=word, description=word, kind=kind, axis=word, unit=word, labels=(word,),
        series=(Series(name=word, values=(Value(value=1),)), Series(name="b", values=(Value(value=1),))),
    )  # fmt: skip
    page = ET.fromstring(figure(one, "fr"))  # noqa: S314 - our own text
    assert not list(page.iter("script"))
    root = page.find(f"{SVG}svg")
    assert root is not None
    named = root.get("aria-labelledby", "").split()
    assert [root.find(f".//{SVG}*[@id='{name}']").text for name in named] == [word, word]  # type: ignore[union-attr]
    assert "style" not in figure(one, "fr")


@given(
    st.sampled_from(Kind),
    st.lists(
        st.none() | st.floats(0, 1e12).map(lambda n: Value(value=n, low=n / 2, high=2 * n)), min_size=1, max_size=40
    ),
)
def test_whatever_the_values_the_drawing_is_whole(kind: Kind, values: list[Value | None]) -> None:
    one = chart(kind, tuple(values), tuple(reversed(values)))
    for element in drawn(one).iter():
        assert "nan" not in str(element.attrib)
        assert "inf" not in str(element.attrib)
    assert len(table(one, "fr")[1]) == len(values)


@pytest.mark.parametrize("wrong", [(-1, None, None), (5, 6, 7), (5, 1, None), (float("nan"), None, None)])
def test_what_cannot_be_drawn_truly_is_refused(wrong: tuple[float, float | None, float | None]) -> None:
    with pytest.raises(ValueError, match=r"interval|zero or more"):
        Value(value=wrong[0], low=wrong[1], high=wrong[2])


def test_numbers_are_written_in_the_language() -> None:
    one = bars("one", "t", "d", "a", "u", {"x": 1234567})
    assert table(one, "fr")[1] == [["x", "1\u202f234\u202f567"]]
    assert table(one, "en")[1] == [["x", "1,234,567"]]
