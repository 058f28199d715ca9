"""How long RTT periods last: a survival curve in the shape of the national open list.

In a steady state the number of open periods that have waited `a` days is the weekly flow of starts times the
share of periods that last longer than `a`. So the bands of the open list (NHS England, January 2026) *are* the
survival curve, once the dent that Christmas left in them is smoothed away. Everything here is table look-up
and straight lines between knots: the same numbers on every machine, with no logarithm to differ in its last bit.
"""

from __future__ import annotations

from itertools import pairwise

# (weeks waited, thousands of open periods per week of waiting): the national bands of January 2026, smoothed.
_KNOTS: tuple[tuple[float, float], ...] = (
    (0, 400), (1, 380), (2, 362), (3, 335), (6, 286), (8, 256), (10, 237), (12, 215), (15, 191), (17, 172),
    (18, 154), (20, 139), (22, 122), (25, 108), (28, 99), (31, 88), (34, 78), (37, 66), (40, 53), (44, 42),
    (48, 31), (50, 25), (52, 20), (54, 14.5), (56, 9), (59, 7.8), (61, 5.5), (64, 3), (65, 1), (68, 0.6), (72, 0.3),
    (78, 0.14), (90, 0.05), (104, 0.012), (125, 0),
)  # fmt: skip
_STEPS = 4096
_LONG = 370  # days
LONGEST = int(_KNOTS[-1][0] * 7)
"""The longest time in days that a period of average pace can last."""


def _survival(days: int) -> float:
    weeks = days / 7
    for (left, high), (right, low) in pairwise(_KNOTS):
        if weeks <= right:
            return (high + (low - high) * (weeks - left) / (right - left)) / _KNOTS[0][1]
    return 0.0


SURVIVAL: list[float] = [_survival(day) for day in range(LONGEST + 1)]
"""Share of periods that last longer than so many days."""

MEAN_DAYS: float = sum(SURVIVAL)
"""Mean length of a period in days: the area under the curve."""


def _length_table() -> list[int]:
    """Days that a share of (1 − i/_STEPS) of the periods outlasts, for every i."""
    table, day = [], 0
    for step in range(_STEPS):
        share = 1 - step / _STEPS
        while day < LONGEST and SURVIVAL[day + 1] >= share:
            day += 1
        table.append(day)
    return table


def _age_table() -> list[int]:
    """Days waited so far in a steady open list, at every quantile i/_STEPS."""
    table, day, cumulative = [], 0, SURVIVAL[0]
    for step in range(_STEPS):
        while cumulative < MEAN_DAYS * (step / _STEPS):
            day += 1
            cumulative += SURVIVAL[day]
        table.append(day)
    return table


_LENGTHS = _length_table()
_AGES = _age_table()


def _paced(days: int, pace: float) -> int:
    """A length at a pace. Hospitals hunt down waits of over a year, so beyond that a slow pace tells less."""
    paced = days * pace
    return int(paced if paced <= _LONG else _LONG + (paced - _LONG) * 0.45)


def length(draw: float, pace: float = 1.0) -> int:
    """The length in days of a new period, from one uniform draw in [0, 1)."""
    return _paced(_LENGTHS[int(draw * _STEPS)], pace)


def age_and_length(age_draw: float, rest_draw: float, pace: float) -> tuple[int, int]:
    """Of a period on a steady open list: the days waited so far, and the days it lasts in all."""
    age = _AGES[int(age_draw * _STEPS)]
    total = _LENGTHS[int((1 - rest_draw * SURVIVAL[age]) * _STEPS) if rest_draw else -1]
    return _paced(age, pace), _paced(max(age, total), pace)
