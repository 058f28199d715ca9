"""XmR rules in plain Python, written from the definitions apart from the SQL: what the SQL is compared with.

Limits are the mean ± 2.66 mean moving ranges, ranges of 3.267 times their mean and above screened out first. Special
causes, first match wins: outside a limit; part of 7 points each above (below) the one before; part of 2 in 3 beyond the
inner two thirds but inside the limit, all three on one side; part of 7 on one side of the mean (NHSRplotthedots).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def limits(series: Sequence[float]) -> tuple[float, float] | None:
    """The mean and the distance of the limits from it; None for a single point."""
    ranges = [abs(b - a) for a, b in itertools.pairwise(series)]
    if not ranges:
        return None
    mean_range = sum(ranges) / len(ranges)
    kept = [r for r in ranges if r < 3.267 * mean_range]
    return sum(series) / len(series), 2.66 * (sum(kept) / len(kept) if kept else 0.0)


def special_causes(series: Sequence[float]) -> list[str | None]:
    """The special cause that each point is part of; None for common cause."""
    found = limits(series)
    if found is None:
        return [None] * len(series)
    mean, reach = found
    n = len(series)
    side = [(y > mean) - (y < mean) for y in series]
    outside = [abs(y - mean) > reach for y in series]
    near = [not out and abs(y - mean) > reach * 2 / 3 for y, out in zip(series, outside, strict=True)]
    trend: list[int] = [0] * n
    for end in range(6, n):
        steps = [(series[i] > series[i - 1]) - (series[i] < series[i - 1]) for i in range(end - 5, end + 1)]
        if abs(sum(steps)) == 6:
            for i in range(end - 6, end + 1):
                trend[i] = steps[0]  # a later run begins at the turn and wins there
    close = [False] * n
    for end in range(2, n):
        window = range(end - 2, end + 1)
        if sum(near[i] for i in window) >= 2 and abs(sum(side[i] for i in window)) == 3:
            for i in window:
                close[i] = close[i] or near[i]
    shift = [False] * n
    for end in range(6, n):
        if abs(sum(side[end - 6 : end + 1])) == 7:
            shift[end - 6 : end + 1] = [True] * 7
    causes: list[str | None] = []
    for i in range(n):
        above = side[i] > 0
        if outside[i]:
            causes.append("above_limit" if above else "below_limit")
        elif trend[i]:
            causes.append("trend_up" if trend[i] > 0 else "trend_down")
        elif close[i]:
            causes.append("near_limit_above" if above else "near_limit_below")
        elif shift[i]:
            causes.append("shift_above" if above else "shift_below")
        else:
            causes.append(None)
    return causes
