"""The picture of a measurement: inside its box, on the right side of every line, in words."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.policy.document import Thresholds
from openward.policy.fact import Interval
from openward.policy.threshold import decide_reached
from openward.web.plot import named_lines, numbers, plot, plot_lines, shown, upper_text

_GRID = 1_000_000
_NS = "{http://www.w3.org/2000/svg}"
LINES = Thresholds(0.5, 0.7, 0.85)

grid = st.integers(0, _GRID).map(lambda n: n / _GRID)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    lower, estimate, upper = sorted(draw(st.lists(grid, min_size=3, max_size=3)))
    return Interval(estimate, lower, upper)


@st.composite
def thresholds(draw: st.DrawFn) -> Thresholds:
    low, high, critical = sorted(draw(st.lists(grid, min_size=3, max_size=3, unique=True)))
    return Thresholds(low, high, draw(st.sampled_from([critical, None])))


def percents(svg: ElementTree.Element) -> list[float]:
    """Every length along the width, with the right end of every rectangle."""
    found = []
    for element in svg.iter():
        for name in ("x1", "x2", "cx", "x"):
            if name in element.attrib:
                found.append(float(element.attrib[name].removesuffix("%")))
        if element.tag == f"{_NS}rect":
            left, wide = (float(element.attrib[n].removesuffix("%")) for n in ("x", "width"))
            assert wide >= 0
            found.append(left + wide)
    return found


@given(intervals(), thresholds())
def test_everything_drawn_lies_inside_the_box(interval: Interval, lines: Thresholds) -> None:
    svg = ElementTree.fromstring(plot("Cyber", interval, lines))
    assert all(0 <= each <= 100.001 for each in percents(svg))
    assert len(percents(svg)) > 6


@given(st.text(), intervals(), thresholds())
def test_a_name_from_outside_stays_text(name: str, interval: Interval, lines: Thresholds) -> None:
    for picture in (plot(name, interval, lines), plot_lines(name, lines)):
        label = re.search(r'aria-label="([^"]*)"', picture)
        assert label is not None
        assert "<" not in label[1]
        assert picture.count("<svg") == 1
        assert picture.count("<title>") == 1


def test_a_name_that_is_markup_is_escaped() -> None:
    picture = plot('"><script>', Interval(0.2, 0.1, 0.3), LINES)
    assert "<script>" not in picture
    assert 'aria-label="&quot;&gt;&lt;script&gt;: ' in picture
    assert 'aria-label="&quot;&gt;&lt;script&gt;: lines' in plot_lines('"><script>', LINES)


@given(intervals(), thresholds())
def test_the_number_shown_lies_on_the_same_side_of_every_line(
    interval: Interval, lines: Thresholds
) -> None:
    text = upper_text(interval.upper, lines)
    assert float(text) >= interval.upper - 1e-12
    assert decide_reached(float(text), lines) is decide_reached(interval.upper, lines)
    for _, line in named_lines(lines):
        assert (float(text) <= line) is (interval.upper <= line)
        assert (float(text) < line) is (interval.upper < line)


@pytest.mark.parametrize(
    ("upper", "says"),
    [
        (0.33, "0.33"),
        (0.331, "0.34"),
        (0.4999, "0.4999"),
        (0.499999, "0.499999"),
        (0.5, "0.50"),
        (0.500001, "0.51"),
        (0.85, "0.85"),
        (0.8500001, "0.86"),
        (1.0, "1.00"),
    ],
)
def test_upper_bounds_are_rounded_up_as_far_as_the_lines_allow(upper: float, says: str) -> None:
    assert upper_text(upper, LINES) == says


@pytest.mark.parametrize(
    ("upper", "zone", "words"),
    [
        (0.3, "z1", "shown below low"),
        (0.499999, "z1", "shown below low"),
        (0.5, "z2", "not shown below low, shown below high"),
        (0.699999, "z2", "not shown below low, shown below high"),
        (0.7, "z3", "not shown below high"),
        (0.85, "z3", "not shown below high"),
        (0.850001, "z4", "not shown to lie at or below critical"),
        (1.0, "z4", "not shown to lie at or below critical"),
    ],
)
def test_the_end_of_the_bar_has_the_colour_of_what_it_reaches(
    upper: float, zone: str, words: str
) -> None:
    interval = Interval(0.2, 0.1, upper)
    svg = plot("Cyber", interval, LINES)
    assert f'class="end {zone}"' in svg
    assert shown(interval, LINES) == words
    assert f"; {words}; low 0.5, high 0.7, critical 0.85" in svg


def test_only_the_part_beyond_a_line_is_coloured() -> None:
    svg = ElementTree.fromstring(plot("Cyber", Interval(0.5, 0.4, 0.9), LINES))
    spans = {
        each.attrib["class"]: (each.attrib["x1"], each.attrib["x2"])
        for each in svg.iter(f"{_NS}line")
        if each.attrib["class"].startswith("span")
    }
    assert spans == {
        "span z1": ("40.300%", "50.000%"),
        "span z2": ("50.000%", "69.400%"),
        "span z3": ("69.400%", "83.950%"),
        "span z4": ("83.950%", "88.800%"),
    }


@pytest.mark.parametrize("upper", [0.3, 0.5])
def test_an_interval_that_passes_no_line_is_not_coloured(upper: float) -> None:
    svg = plot("Cyber", Interval(0.2, 0.1, upper), LINES)
    assert 'class="span z1"' in svg
    assert all(f'class="span {zone}"' not in svg for zone in ("z2", "z3", "z4"))


def test_a_domain_that_cannot_close_has_no_critical_line() -> None:
    lines = Thresholds(0.5, 0.7)
    svg = plot("Manipulation", Interval(0.9, 0.8, 1.0), lines)
    assert svg.count('class="cut"') == 2
    assert "critical" not in svg
    assert 'class="zone z4"' not in svg
    assert plot_lines("Manipulation", lines).count('class="cut"') == 2


def test_the_estimate_is_the_dot_and_the_words_carry_both_numbers() -> None:
    interval = Interval(0.25, 0.18, 0.331)
    assert 'cx="25.750%"' in plot("Cyber", interval, LINES)
    assert numbers(interval, LINES) == "0.25, at most 0.34"
