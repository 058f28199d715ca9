"""The statistics of the marts against the numbers of the work they follow, to the digits those give.

Control charts, bands and the stock-and-flow step have pages of their own in this folder.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import random
import statistics
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.local.postgres import PostgresServer
from medimart.settings import REFERENCE, SQL

CASES = Path(__file__).parents[3] / "shared" / "data" / "nhsr-cases.json"

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask(server: PostgresServer) -> Iterator[Ask]:
    """A function that evaluates an SQL expression in a database that holds the statistics alone."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create database formulas")
    with psycopg.connect(server.url("formulas"), autocommit=True) as conn:
        conn.execute("create schema reference")
        conn.execute("set search_path = reference")
        conn.execute((SQL / "setup" / "12_statistics.sql").read_text())

        def ask(expression: str, *values: Any) -> Any:
            row = conn.execute(f"select {expression}", values).fetchone()  # type: ignore[arg-type]
            assert row
            return row[0] if len(row) == 1 else row

        yield ask
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("drop database formulas with (force)")


def cases() -> list[Any]:
    """The worked numbers of NHSRwaitinglist, one per row of its vectors."""
    if not CASES.exists():
        return [
            pytest.param({}, marks=pytest.mark.skip(reason="the worked numbers of NHSRwaitinglist are not at hand"))
        ]
    found = []
    for case in json.loads(CASES.read_text())["cases"]:
        rows = max(len(v) if isinstance(v, list) else 1 for v in (*case["args"].values(), case["expect"]))
        for row in range(rows):
            at = lambda value, row=row: value[row] if isinstance(value, list) else value  # noqa: E731
            arguments = {name: at(value) for name, value in case["args"].items()}
            found.append(
                {"fn": case["fn"], "args": arguments, "expect": at(case["expect"]), "exact": case.get("exact")}
            )
    return found


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.get('fn')} {case.get('args')}")
def test_queue_formulas_give_the_numbers_of_nhsrwaitinglist(ask: Ask, case: dict[str, Any]) -> None:
    names = {"time_to_target": "weeks_to_target"}
    function = case["fn"].removeprefix("calc_")
    arguments = ", ".join(f"{names.get(name, name)} => {value}" for name, value in case["args"].items())
    expected = eval(case["exact"].replace("^", "**")) if case["exact"] else case["expect"]
    decimals = len(str(case["expect"]).partition(".")[2])
    found = ask(f"{function}({arguments})")
    assert found == pytest.approx(case["expect"], abs=0.51 * 10**-decimals)
    assert found == pytest.approx(expected, rel=1e-9) or case["exact"] is None


@pytest.mark.parametrize(
    ("function", "arguments", "exact"),
    [
        ("queue_load", "35, 27", 35 / 27),
        ("relief_capacity", "33, 800, 200, 30", 53),
        ("target_capacity", "42, 65, 1.2, 1.5, 2", 42 + (1.2**2 + 1.5**2) / 2 * 2 / 65),
        ("target_mean_wait", "52, 6", 52 / 6),
        ("target_queue_size", "30, 50, 6", 250),
        ("waiting_list_pressure", "63, 52", 2 * 63 / 52),
    ],
)
def test_queue_formulas_hold_to_nine_digits(ask: Ask, function: str, arguments: str, exact: float) -> None:
    assert ask(f"{function}({arguments})") == pytest.approx(exact, rel=1e-9)


def test_a_queue_without_capacity_has_no_load(ask: Ask) -> None:
    assert ask("queue_load(30, 0)") is None
    assert ask("waiting_list_pressure(10, 0)") is None
    assert ask("relief_capacity(30, 1200, 390, 0)") is None


@pytest.mark.parametrize(
    ("events", "trials", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_table_of_newcombe(ask: Ask, events: int, trials: int, lower: float, upper: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    assert round(ask(f"wilson_lower({events}, {trials})"), 4) == lower
    assert round(ask(f"wilson_upper({events}, {trials})"), 4) == upper


def test_wilson_is_symmetric_and_stays_within_bounds(ask: Ask) -> None:
    for events, trials in ((0, 1), (1, 1), (7, 10), (999, 1000)):
        lower, upper = ask(f"wilson_lower({events}, {trials}), wilson_upper({events}, {trials})")
        mirror = ask(f"1 - wilson_upper({trials - events}, {trials})")
        assert 0 <= lower <= events / trials <= upper <= 1
        assert lower == pytest.approx(mirror, abs=1e-12)
    assert ask("wilson_lower(0, 0)") is None
    assert ask("wilson_upper(0, 0)") is None


def test_byar_gives_worked_limits(ask: Ask) -> None:
    """Observed 100, expected 90: 0.9040 to 1.3514 (gem byar, z = 1.96); observed 4: 1.076 to 10.241."""
    assert ask("byar_lower(100, 1.96) / 90") == pytest.approx(0.9040199067337297, rel=1e-12)
    assert ask("byar_upper(100, 1.96) / 90") == pytest.approx(1.3514260807978444, rel=1e-12)
    assert [round(ask(f"byar_{side}(4)"), 3) for side in ("lower", "upper")] == [1.076, 10.241]
    assert ask("byar_lower(0)") == 0


EXACT = {  # Garwood 1936, Biometrika 28:437; the table in Ulm 1990, American Journal of Epidemiology 131:373
    0: (0, 3.689), 1: (0.0253, 5.572), 2: (0.2422, 7.225), 3: (0.6187, 8.767), 4: (1.0899, 10.242),
    5: (1.6235, 11.668), 6: (2.2019, 13.059), 7: (2.8144, 14.423), 8: (3.4538, 15.763), 9: (4.1154, 17.085),
}  # fmt: skip


def poisson_rows() -> list[tuple[int, float, float]]:
    with (REFERENCE / "poisson_limit.csv").open() as file:
        return [(int(r["event_count"]), float(r["lower_95"]), float(r["upper_95"])) for r in csv.DictReader(file)]


def test_the_seed_of_exact_limits_is_the_published_table() -> None:
    rows = poisson_rows()
    assert [count for count, _, _ in rows] == list(range(10))
    assert {n: (round(lower, 4), round(upper, 3)) for n, lower, upper in rows} == EXACT


@pytest.mark.parametrize(("count", "lower", "upper"), poisson_rows())
def test_the_exact_limits_leave_a_fortieth_in_each_tail(count: int, lower: float, upper: float) -> None:
    def at_most(n: int, mean: float) -> float:
        return sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(n + 1))

    assert at_most(count, upper) == pytest.approx(0.025, abs=1e-9)
    if count:
        assert 1 - at_most(count - 1, lower) == pytest.approx(0.025, abs=1e-9)


def test_counts_are_exact_below_ten_and_byars_from_ten_on(ask: Ask) -> None:
    assert ask("count_lower(9, 4.1154), count_upper(9, 17.085)") == (4.1154, 17.085)
    assert ask("count_lower(10, null) = byar_lower(10), count_upper(10, null) = byar_upper(10)") == (True, True)


DOWNS = ([0, 8, 63, 112, 262, 295], [327, 30666, 123419, 149919, 104088, 34392],
         [319933, 931318, 786511, 488235, 237863, 61313])  # fmt: skip


def test_direct_standardisation_gives_the_rate_of_fay_and_feuer(ask: Ask) -> None:
    """Down's syndrome in Michigan, birth order 5 and over (Fay and Feuer 1997, Statistics in Medicine 16:791, table II,
    after Fleiss 1981, table 14.4): 75.52901 per 100,000 births."""
    rate, lower, upper = ask("(standardised_rate(%s, %s, %s)).*", *DOWNS)
    assert round(rate * 1e5, 5) == 75.52901
    # Dobson et al. 1991, equations of section 2, on Byar's limits of the 740 cases.
    weights = [w / sum(DOWNS[2]) / n for n, w in zip(DOWNS[1], DOWNS[2], strict=True)]
    error = math.sqrt(sum(w**2 * x for x, w in zip(DOWNS[0], weights, strict=True)))
    total = sum(DOWNS[0])
    byar = ask(f"byar_lower({total}), byar_upper({total})")
    expected = [rate + error / math.sqrt(total) * (limit - total) for limit in byar]
    assert [lower, upper] == pytest.approx(expected, rel=1e-9)


def test_with_one_stratum_dobsons_interval_is_byars(ask: Ask) -> None:
    found = ask("(standardised_rate(array[40], array[1000], array[7])).*")
    assert found == pytest.approx(ask("40 / 1000.0::float8, byar_lower(40) / 1000, byar_upper(40) / 1000"), rel=1e-12)


def test_no_standardised_rate_below_ten_events_or_with_a_stratum_unseen(ask: Ask) -> None:
    assert ask("(standardised_rate(array[4, 5], array[100, 100], array[1, 1])).*") == (None, None, None)
    assert ask("(standardised_rate(array[10, 0], array[100, 0], array[1, 1])).*") == (None, None, None)


def test_clusters_of_one_are_worth_what_they_are(ask: Ask) -> None:
    """Thirty of a hundred people, each once: the ratio estimator's variance is p(1 - p)/(m - 1)."""
    assert ask("effective_trials(30, 100, 100, 30, 30, 100)") == pytest.approx(99, rel=1e-12)


def test_clusters_of_the_same_outcome_are_worth_their_number(ask: Ask) -> None:
    """Ten people of ten appointments each, three of whom miss all: no more than ten independent trials."""
    found = ask("effective_trials(30, 100, 10, 300, 300, 1000)")
    assert found == pytest.approx(9, rel=1e-12)
    assert ask("effective_trials(0, 100, 10, 0, 0, 1000)") == 10


def test_funnel_limits_hold_the_average_and_narrow_with_size(ask: Ask) -> None:
    """Spiegelhalter 2005: at the average a unit scores zero; on its limit it scores the limit's z."""
    assert ask("funnel_z(10, 100, 0.1)") == pytest.approx(0, abs=1e-12)
    for trials in (50, 500):
        upper = ask(f"funnel_upper({trials}, 0.1, 0, 1.96)")
        assert ask(f"funnel_z({upper * trials}, {trials}, 0.1)") == pytest.approx(1.96, rel=1e-9)
    wide, narrow = (ask(f"funnel_upper({n}, 0.1, 0, 1.96) - funnel_lower({n}, 0.1, 0, 1.96)") for n in (50, 500))
    assert wide > narrow
    assert ask("funnel_lower(5, 0.01, 0, 3.09)") == 0
    assert ask("funnel_upper(5, 0.99, 0, 3.09)") == 1


def test_overdispersion_widens_the_limits_by_the_additive_variance(ask: Ask) -> None:
    """Spiegelhalter 2005, Quality and Safety in Health Care 14:347, worked through in Python."""
    events, trials = [5, 40, 12, 90, 31, 55, 8, 70, 22, 61], [100, 210, 150, 400, 200, 250, 90, 310, 180, 330]
    average = sum(events) / sum(trials)
    z = sorted(
        (math.asin(math.sqrt(y / n)) - math.asin(math.sqrt(average))) * 2 * math.sqrt(n)
        for y, n in zip(events, trials, strict=True)
    )

    def quantile(share: float) -> float:
        place = share * (len(z) - 1)
        return z[int(place)] + (place - int(place)) * (z[int(place) + 1] - z[int(place)])

    bounded = [min(max(value, quantile(0.1)), quantile(0.9)) for value in z]
    dispersion = sum(value**2 for value in bounded) / len(z)
    weights = [4 * n for n in trials]
    total = sum(weights)
    between = (len(z) * dispersion - (len(z) - 1)) / (total - sum(w**2 for w in weights) / total)
    found = ask("(funnel_dispersion(%s, %s)).*", events, trials)
    assert found == pytest.approx((average, dispersion, between), rel=1e-9)
    assert ask("funnel_upper(100, 0.1, %s, 1.96) > funnel_upper(100, 0.1, 0, 1.96)", between)


def test_no_more_spread_than_chance_leaves_the_limits_alone(ask: Ask) -> None:
    assert ask("(funnel_dispersion(array[10, 20, 30], array[100, 200, 300])).*")[2] == 0


@pytest.mark.parametrize(
    ("exact", "shown"), [(0, 0), (1, None), (7, None), (8, 10), (12, 10), (13, 15), (17, 15), (18, 20), (1002, 1000)]
)
def test_counts_are_hidden_or_rounded_by_the_hes_rule(ask: Ask, exact: int, shown: int | None) -> None:
    assert ask(f"disclosed_count({exact})") == shown


def test_rates_come_from_shown_counts_and_never_tell_of_everyone(ask: Ask) -> None:
    assert ask("disclosed_rate(disclosed_count(33), disclosed_count(98))") == Decimal("0.35")
    assert ask("disclosed_rate(disclosed_count(5), disclosed_count(98))") is None
    assert ask("disclosed_rate(disclosed_count(98), disclosed_count(98))") is None
    assert ask("disclosed_rate(disclosed_count(0), disclosed_count(98))") is None
    assert ask("disclosed_rate(disclosed_count(97), disclosed_count(98))") == Decimal("0.95")


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ("12, false, false, null, null, null", 10),  # nothing is small in the group
        ("12, true, true, 40, 20, 20", None),  # this row is small, or one after it
        ("12, true, false, 8, 8, 8", 10),  # those before are enough to hide behind
        ("12, true, false, 7, 8, 8", None),
        ("12, true, false, 8, 7, 8", None),
        ("12, true, false, 8, 8, 7", None),
        ("12, true, false, null, 8, 8", None),  # one row alone before it
    ],
)
def test_a_crossing_is_hidden_up_to_the_last_small_row_and_until_that_is_enough(
    ask: Ask, row: str, shown: int | None
) -> None:
    assert ask(f"disclosed_crossing({row})") == shown


# Bland and Altman 1995, British Medical Journal 310:446: intramural pH and PaCO2 of eight subjects.
BLAND_ALTMAN = {
    "1": ([6.68, 6.53, 6.43, 6.33], [3.97, 4.12, 4.09, 3.97]),
    "2": ([6.85, 7.06, 7.13, 7.17], [5.27, 5.37, 5.41, 5.44]),
    "3": ([7.40, 7.42, 7.41, 7.37, 7.34, 7.35, 7.28, 7.30, 7.34],
          [5.67, 3.64, 4.32, 4.73, 4.96, 5.04, 5.22, 4.82, 5.07]),
    "4": ([7.36, 7.33, 7.29, 7.30, 7.35], [5.67, 5.10, 5.53, 4.75, 5.51]),
    "5": ([7.35, 7.30, 7.30, 7.37, 7.27, 7.28, 7.32, 7.32], [4.28, 4.44, 4.32, 3.23, 4.46, 4.72, 4.75, 4.99]),
    "6": ([7.38, 7.30, 7.29, 7.33, 7.31, 7.33], [4.78, 4.73, 5.12, 4.93, 5.03, 4.93]),
    "7": ([6.86, 6.94, 6.92], [6.85, 6.44, 6.52]),
    "8": ([7.19, 7.29, 7.21, 7.25, 7.20, 7.19, 6.77, 6.82], [5.28, 4.56, 4.34, 4.32, 4.41, 3.69, 6.09, 5.58]),
}  # fmt: skip
Series = dict[str, tuple[list[float], list[float]]]


def moving(ask: Ask, series: Series, apart: int = 1) -> Any:
    """moving_together of units whose points lie so many weeks apart."""
    points = [
        (unit, apart * week, x, y)
        for unit, (xs, ys) in series.items()
        for week, (x, y) in enumerate(zip(xs, ys, strict=True))
    ]
    units, weeks, xs, ys = map(list, zip(*points, strict=True))
    return ask("(moving_together(%s::text[], %s::int[], %s::numeric[], %s::numeric[])).*", units, weeks, xs, ys)


def test_moving_together_gives_the_numbers_of_rmcorr(ask: Ask) -> None:
    """The example of the package rmcorr (R) 0.7. Two weeks apart no point is the next of another."""
    r, lower, upper, degrees = moving(ask, BLAND_ALTMAN, apart=2)
    assert round(r, 7) == -0.5067697
    assert degrees == 38
    assert [round(lower, 7), round(upper, 7)] == [-0.7067146, -0.2318631]


def test_moving_together_of_one_unit_is_pearsons_correlation_with_fishers_interval(ask: Ask) -> None:
    xs, ys = BLAND_ALTMAN["8"]
    r, lower, upper, degrees = moving(ask, {"8": (xs, ys)}, apart=2)
    assert r == pytest.approx(statistics.correlation(xs, ys), rel=1e-9)
    assert degrees == len(xs) - 2
    half = statistics.NormalDist().inv_cdf(0.975) / math.sqrt(len(xs) - 3)
    assert [lower, upper] == pytest.approx([math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)], rel=1e-9)


def test_what_sets_units_apart_is_no_link(ask: Ask) -> None:
    """Within each unit the two are unrelated; between them they rise together."""
    xs, ys = [1.0, 2.0, 1.0, 2.0, 1.5], [5.0, 5.0, 6.0, 6.0, 5.5]
    apart = {"low": (xs, ys), "high": ([x + 100 for x in xs], [y + 100 for y in ys])}
    assert moving(ask, apart, apart=2)[0] == pytest.approx(0, abs=1e-9)


def test_weeks_that_follow_from_one_another_count_for_less(ask: Ask) -> None:
    """Bretherton et al. 1999: free × (1 − ab) / (1 + ab), by hand for two straight lines of five points."""
    line = [1.0, 2.0, 3.0, 4.0, 6.0]
    mean = sum(line) / 5
    d = [value - mean for value in line]
    own = sum(a * b for a, b in itertools.pairwise(d)) / sum(value**2 for value in d)
    other = [2.0, 3.0, 5.0, 6.0, 7.0]
    e = [value - sum(other) / 5 for value in other]
    others = sum(a * b for a, b in itertools.pairwise(e)) / sum(value**2 for value in e)
    degrees = moving(ask, {"a": (line, other)})[3]
    assert degrees == pytest.approx(4 * (1 - own * others) / (1 + own * others) - 1, rel=1e-6)
    assert degrees < 3
    assert moving(ask, {"a": (line, other)}, apart=2)[3] == 3


def test_unrelated_series_with_a_memory_seldom_show_a_link(ask: Ask) -> None:
    """Of 300 pairs of unrelated series of 24 weeks, each week 0.8 of the last and noise: plain Fisher finds a link in
    many, the weeks that are independent in far fewer."""
    draw = random.Random(1)

    def walk() -> list[float]:
        values = [draw.gauss(0, 1)]
        while len(values) < 24:
            values.append(round(0.8 * values[-1] + draw.gauss(0, 1), 6))
        return values

    found = {1: 0, 2: 0}
    for _ in range(300):
        series = {"a": (walk(), walk())}
        for apart in found:
            _, lower, upper, _ = moving(ask, series, apart)
            found[apart] += lower is not None and not lower <= 0 <= upper
    assert found[2] > 300 * 0.25
    assert found[1] < 300 * 0.12


def test_nothing_moves_with_what_stands_still_or_with_too_few_weeks(ask: Ask) -> None:
    nothing = (None, None, None, None)
    assert moving(ask, {"a": ([0.1] * 9, [0.1, 0.3, 0.2, 0.5, 0.4, 0.9, 0.7, 0.6, 0.8])}) == nothing
    assert moving(ask, {"a": ([1 / 3] * 9, [0.1, 0.3, 0.2, 0.5, 0.4, 0.9, 0.7, 0.6, 0.8])}) == nothing
    assert moving(ask, {"a": ([1, 2, 4], [3, 1, 2])}, apart=2) == nothing


def test_the_order_of_observations_changes_no_digit(ask: Ask) -> None:
    backwards = {unit: (xs, ys) for unit, (xs, ys) in reversed(BLAND_ALTMAN.items())}
    assert moving(ask, BLAND_ALTMAN) == moving(ask, backwards)
