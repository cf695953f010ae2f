"""One measurement as a picture: an interval held against the lines of its evaluation, as SVG.

    0 ......... low ......... high ......... critical ......... 1
         |==o===¦====|                  o estimate, == interval, ¦ line

Lengths are percentages of the width: the picture takes any width at one height. The part of the
interval beyond a line carries the class of the zone it reaches into (z2, z3, z4). Colour never
speaks alone: the label says the same in words.

Upheld: nothing is drawn outside the box; a number shown lies on the same side of every line as the
number decided on; what comes from outside is escaped.
"""

import math
from collections.abc import Iterator
from html import escape
from itertools import pairwise

from openward.policy.document import Thresholds
from openward.policy.fact import Interval
from openward.policy.threshold import decide_reached
from openward.vocabulary import Tier

_MARGIN = 1.5  # percent of the width, so that a dot at 0 or 1 is drawn whole
_FEWEST, _MOST = 2, 6  # decimals; bounds are multiples of one millionth
_SHOWN = {
    Tier.UNRESTRICTED: "shown below low",
    Tier.GATED: "not shown below low, shown below high",
    Tier.RESTRICTED: "not shown below high",
    Tier.CLOSED: "not shown to lie at or below critical",
}


def plot(name: str, interval: Interval, lines: Thresholds) -> str:
    """The picture as an SVG element, labelled with `name` and the numbers in words."""
    label = escape(f"{name}: {spoken(interval, lines)}")
    parts = [
        f'<svg class="plot" role="img" aria-label="{label}" width="100%" height="30"'
        f' xmlns="http://www.w3.org/2000/svg"><title>{label}</title>',
        *_zones(lines),
        *(_line("cut", line, line, 3, 27) for _, line in named_lines(lines)),
        *_bar(interval, lines),
        _line(f"end {_zone(interval.upper, lines)}", interval.upper, interval.upper, 9, 21),
        f'<circle class="dot" cx="{_at(interval.estimate)}" cy="15" r="4.5"/>',
        "</svg>",
    ]
    return "".join(parts)


def plot_lines(name: str, lines: Thresholds) -> str:
    """The lines alone, before anything is measured."""
    words = ", ".join(f"{word} {line:g}" for word, line in named_lines(lines))
    label = escape(f"{name}: lines at {words}")
    cuts = "".join(_line("cut", line, line, 3, 27) for _, line in named_lines(lines))
    return (
        f'<svg class="plot" role="img" aria-label="{label}" width="100%" height="30"'
        f' xmlns="http://www.w3.org/2000/svg"><title>{label}</title>'
        f"{''.join(_zones(lines))}{cuts}</svg>"
    )


def spoken(interval: Interval, lines: Thresholds) -> str:
    """The numbers and what they show, in words."""
    words = ", ".join(f"{word} {line:g}" for word, line in named_lines(lines))
    return f"{numbers(interval, lines)}; {shown(interval, lines)}; {words}"


def numbers(interval: Interval, lines: Thresholds) -> str:
    """The estimate and the upper bound, which decides."""
    return f"{interval.estimate:.2f}, at most {upper_text(interval.upper, lines)}"


def shown(interval: Interval, lines: Thresholds) -> str:
    """What the upper bound shows, in the words of the rules."""
    return _SHOWN[decide_reached(interval.upper, lines)]


def upper_text(upper: float, lines: Thresholds) -> str:
    """The upper bound rounded up, to as many decimals as keep it on its side of every line."""
    for places in range(_FEWEST, _MOST):
        text = f"{math.ceil(upper * 10**places) / 10**places:.{places}f}"
        if _side(float(text), lines) == _side(upper, lines):
            return text
    return f"{upper:.{_MOST}f}"


def _side(upper: float, lines: Thresholds) -> tuple[bool, ...]:
    return tuple(side for _, line in named_lines(lines) for side in (upper < line, upper <= line))


def named_lines(lines: Thresholds) -> tuple[tuple[str, float], ...]:
    """The lines by name, from low to critical."""
    critical = () if lines.critical is None else (("critical", lines.critical),)
    return (("low", lines.low), ("high", lines.high), *critical)


def _edges(lines: Thresholds) -> list[float]:
    return [0.0, *(line for _, line in named_lines(lines)), 1.0]


def _zones(lines: Thresholds) -> Iterator[str]:
    edges = _edges(lines)
    for number, (start, end) in enumerate(pairwise(edges), start=1):
        yield (
            f'<rect class="zone z{number}" x="{_at(start)}" y="6" width="{_wide(start, end)}"'
            ' height="18"/>'
        )


def _bar(interval: Interval, lines: Thresholds) -> Iterator[str]:
    edges = _edges(lines)
    for number, (start, end) in enumerate(pairwise(edges), start=1):
        left, right = max(start, interval.lower), min(end, interval.upper)
        if left < right:
            yield _line(f"span z{number}", left, right, 15, 15)


def _zone(upper: float, lines: Thresholds) -> str:
    return f"z{int(decide_reached(upper, lines))}"


def _line(name: str, x1: float, x2: float, y1: int, y2: int) -> str:
    return f'<line class="{name}" x1="{_at(x1)}" x2="{_at(x2)}" y1="{y1}" y2="{y2}"/>'


def _at(value: float) -> str:
    return f"{_MARGIN + value * (100 - 2 * _MARGIN):.3f}%"


def _wide(start: float, end: float) -> str:
    return f"{(end - start) * (100 - 2 * _MARGIN):.3f}%"
