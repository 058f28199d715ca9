"""The control charts' SQL: each rule alone, none, and random series against an independent reference."""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Iterator, Sequence

import psycopg
import pytest
from medimart.local.postgres import PostgresServer
from medimart.settings import REFERENCE, SQL
from xmr_reference import limits, special_causes

ZIGZAG = [10, 12, 9, 11, 10, 13, 9, 12, 10, 11, 9, 12]


@pytest.fixture(scope="module")
def conn(server: PostgresServer) -> Iterator[psycopg.Connection]:
    """A database with the statistics and nothing else."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create database spc")
        with psycopg.connect(server.url("spc")) as conn:
            conn.execute("create schema reference")
            conn.execute((SQL / "setup" / "12_statistics.sql").read_bytes())
            conn.execute("set search_path = reference")
            yield conn
        admin.execute("drop database spc with (force)")


def causes(conn: psycopg.Connection, series: Sequence[float]) -> list[str | None]:
    rows = conn.execute(
        "select special_cause from xmr_points(%s::numeric[]) order by point_no", ([float(y) for y in series],)
    ).fetchall()
    return [cause for (cause,) in rows]


def test_a_quiet_series_has_no_special_cause(conn: psycopg.Connection) -> None:
    assert causes(conn, ZIGZAG) == [None] * len(ZIGZAG)


def test_limits_are_the_mean_and_two_point_six_six_mean_ranges(conn: psycopg.Connection) -> None:
    # Ranges 2, 3, 2, 3 have the mean 2.5; mean of the points 3.
    row = conn.execute(
        "select mean_value, lower_limit, upper_limit, near_upper_limit from xmr_points(array[2, 4, 1, 3, 6]) limit 1"
    ).fetchone()
    assert row is not None
    assert [float(value) for value in row] == pytest.approx([3.2, 3.2 - 6.65, 3.2 + 6.65, 3.2 + 6.65 * 2 / 3])


def test_a_wild_range_is_screened_out_of_the_limits(conn: psycopg.Connection) -> None:
    series = [*ZIGZAG, 60, *ZIGZAG]
    ranges = [abs(b - a) for a, b in itertools.pairwise(series)]
    kept = [r for r in ranges if r < 3.267 * sum(ranges) / len(ranges)]
    assert len(kept) == len(ranges) - 2
    row = conn.execute("select upper_limit - mean_value from xmr_points(%s::numeric[]) limit 1", (series,)).fetchone()
    assert row is not None
    assert float(row[0]) == pytest.approx(2.66 * sum(kept) / len(kept))


def test_outside_a_limit_alone(conn: psycopg.Connection) -> None:
    assert causes(conn, [*ZIGZAG, 40, *ZIGZAG]) == [None] * 12 + ["above_limit"] + [None] * 12
    assert causes(conn, [*ZIGZAG, -20, *ZIGZAG]) == [None] * 12 + ["below_limit"] + [None] * 12


def test_seven_points_in_a_trend_alone(conn: psycopg.Connection) -> None:
    quiet = [0, 20] * 6
    up = [7, 8, 9, 10, 11, 12, 13]
    assert causes(conn, [*quiet, *up, 2, 18]) == [None] * 12 + ["trend_up"] * 7 + [None] * 2
    assert causes(conn, [*quiet, 1, 18, *up[::-1], 20]) == [None] * 13 + ["trend_down"] * 8 + [None]


def test_six_points_in_a_row_are_no_trend(conn: psycopg.Connection) -> None:
    assert causes(conn, [*[0, 20] * 6, 8, 9, 10, 11, 12, 13, 2, 18]) == [None] * 20


def test_a_point_of_two_trends_belongs_to_the_one_it_begins(conn: psycopg.Connection) -> None:
    series = [1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1]
    found = causes(conn, [value * 0.1 for value in series] + [30, -30] * 8)
    assert found[5:8] == ["trend_up", "trend_down", "trend_down"]


def test_two_in_three_near_a_limit_alone(conn: psycopg.Connection) -> None:
    series = [*[-2, 2] * 8, 9, 1, 9, *[-2, 2] * 8]
    found = causes(conn, series)
    assert found == [None] * 16 + ["near_limit_above", None, "near_limit_above"] + [None] * 16


def test_two_near_a_limit_with_the_third_across_the_mean_are_common_cause(conn: psycopg.Connection) -> None:
    assert set(causes(conn, [*[-2, 2] * 8, 9, -1, 9, *[-2, 2] * 8])) == {None}


def test_seven_on_one_side_alone(conn: psycopg.Connection) -> None:
    series = [*[-3, 3] * 6, 2, 1, 2, 1, 2, 1, -3, 3, -3, 3, -4, -3, 2, -4]
    found = causes(conn, series)
    assert found[11:18] == ["shift_above"] * 7
    assert set(found[:11] + found[18:]) == {None}


def test_six_on_one_side_are_common_cause(conn: psycopg.Connection) -> None:
    assert set(causes(conn, [*[-3, 3] * 6, 2, 1, 2, 1, 2, *[-3, 3] * 6])) == {None}


@pytest.mark.parametrize("series", [[], [5], [5, 5, 5, 5, 5, 5, 5, 5]])
def test_series_that_do_not_vary_have_no_special_cause(conn: psycopg.Connection, series: list[float]) -> None:
    assert causes(conn, series) == [None] * len(series)


def test_random_series_agree_with_the_reference(conn: psycopg.Connection) -> None:
    draw = random.Random(11)
    seen: set[str | None] = set()
    for length in (2, 7, 8, 13, 20, 35, 52) * 12:
        level, drift = [0.0], draw.choice([-8, 0, 0, 8])
        while len(level) < length:
            level.append(level[-1] * draw.choice([0, 1]) + draw.randint(-9, 9) + drift)
        series = [round(value, 3) for value in level]
        found = causes(conn, series)
        assert found == special_causes(series)
        reach = limits(series)
        row = conn.execute(
            "select mean_value, upper_limit - mean_value from xmr_points(%s::numeric[]) limit 1", (series,)
        ).fetchone()
        assert row is not None
        assert reach is not None
        assert [float(value) for value in row] == pytest.approx(reach)
        seen |= set(found)
    assert len(seen) == 9  # all eight kinds and none


def test_points_flagged_by_chance_are_as_the_seed_says() -> None:
    draw = random.Random(4)
    with (REFERENCE / "spc_false_alarm.csv").open() as file:
        seed = {int(row["points_from"]): float(row["flagged_share"]) for row in csv.DictReader(file)}
    for length in (12, 20, 52):
        series = [[draw.gauss(0, 1) for _ in range(length)] for _ in range(20_000 // length)]
        flagged = sum(cause is not None for points in series for cause in special_causes(points))
        assert flagged / 20_000 == pytest.approx(seed[length], abs=0.008)


def test_lag_one_correlation(conn: psycopg.Connection) -> None:
    def of(series: list[float]) -> float | None:
        row = conn.execute("select lag_one_correlation(%s::numeric[])", (series,)).fetchone()
        assert row is not None
        return None if row[0] is None else float(row[0])

    assert of([1, 2, 3, 4, 5]) == pytest.approx(0.4)  # (2 + 0 + 0 + 2) / 10
    assert of([1, -1, 1, -1]) == pytest.approx(-0.75)
    assert of([3, 3, 3]) is None


def test_run_chart_shifts_pass_over_the_median(conn: psycopg.Connection) -> None:
    def shifts(series: list[float]) -> list[bool]:
        rows = conn.execute("select is_shift from run_chart_points(%s::numeric[]) order by point_no", (series,))
        return [flag for (flag,) in rows.fetchall()]

    assert shifts([1, 2, 3, 5, 2, 1, 2, 9, 8, 9, 5, 8, 9, 8, 5]) == [
        *[True] * 3, False, *[True] * 3, *[True] * 3, False, *[True] * 3, False,
    ]  # fmt: skip
    assert not any(shifts([1, 9, 1, 9, 1, 9, 5, 5]))


@pytest.mark.parametrize(
    ("bands", "counts", "share", "weeks"),
    [
        ([0, 1, 2], [5, 5, 9], 0.5, None),  # below 20
        ([0, 1, 2], [10, 5, 5], 0.5, 1.0),  # reached exactly at the end of the first band
        ([0, 1, 2, 17], [5, 5, 5, 10], 0.5, 2.5),  # 12.5 is half-way through the third
        ([0, 30, 104], [10, 10, 5], 0.92, 104),  # open-ended: 104 or more
        ([3, 40], [50, 50], 0.92, 40.84),
    ],
)
def test_percentile_from_bands(
    conn: psycopg.Connection, bands: list[int], counts: list[int], share: float, weeks: float | None
) -> None:
    row = conn.execute("select banded_percentile(%s, %s::bigint[], %s::numeric)", (bands, counts, share)).fetchone()
    assert row is not None
    assert (None if row[0] is None else float(row[0])) == (None if weeks is None else pytest.approx(weeks))


@pytest.mark.parametrize(
    ("days", "week"),
    [(0, 0), (1, 1), (7, 1), (8, 2), (126, 18), (127, 19), (364, 52), (365, 53), (729, 105), (2000, 105)],
)
def test_weeks_waited_meet_the_bands_and_thresholds(conn: psycopg.Connection, days: int, week: int) -> None:
    assert conn.execute("select wait_week(%s)", (days,)).fetchone() == (week,)


def test_a_list_steps_on(conn: psycopg.Connection) -> None:
    def step(*arguments: object) -> list[float]:
        numbers = [[float(n) for n in part] if isinstance(part, list) else part for part in arguments]
        row = conn.execute(
            "select next_list(%s::numeric[], %s::numeric[], %s::numeric[], %s::numeric, %s::numeric)", numbers
        ).fetchone()
        assert row is not None
        return [float(value) for value in row[0]]

    # Treatment is spread by rate times stock (1 : 2 : 3 of 3), a tenth of the last is removed otherwise.
    assert step([10, 10, 10], [0.1, 0.2, 0.3], [0, 0, 0.1], 3, 7) == pytest.approx([7, 9.5, 16.5])
    assert step([10], [0.1], [0], 3, 7) == pytest.approx([14])
    assert step([2, 0], [0.5, 0.5], [0, 0], 30, 1) == pytest.approx([1, 0])  # never more than there are
    assert step([4, 4], [0, 0], [0, 0], 0, 5) == pytest.approx([5, 8])  # nobody is lost
