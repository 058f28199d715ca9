"""The clinical marts on synthetic weeks: days in state, counts that agree, and a projection held against what came."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from medimart import landing
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.models import build as building
from medimart.models.graph import read_models
from medimart.models.manifest import Manifest
from medimart.settings import PROJECT_ROOT
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
from medimart.warehouse import prepare

ENGLAND = PROJECT_ROOT.parent / "shared" / "data" / "rtt-england-monthly.csv"
MARTS = (
    "fct_rtt_flow",
    "mart_breach_worklist",
    "mart_breach_kpi",
    "mart_kpi_spc",
    "mart_delay_causes",
    "mart_cohort_watch",
    "mart_waitlist_projection",
)


@pytest.fixture(scope="module")
def conn(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    """Thirty-two weekly extracts of fictional trusts and the marts of the last."""
    folder = tmp_path_factory.mktemp("clinical")
    options = Options(patients=800, weeks=32, seed=7)
    generate(folder / "landing", options)
    manifest = Manifest(read_models()[0])
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(server.url(), autocommit=True) as admin,
    ):
        patch.setenv("MEDIMART_HOME", str(folder / "home"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute("create database clinical")
        with connect(server.url("clinical")) as conn:
            prepare(conn)
            conn.commit()
            landing.load_seeds(conn)
            census = options.until
            landing.check_landing(conn, folder / "landing", census)
            for contract in landing.folder_contracts():
                landing.load_source(conn, folder / "landing", contract.source, census)
            build = building.open_build(conn, census, "clinical", landing.inputs(conn, census))
            for name in building.plan(manifest, list(MARTS)):
                building.build_model(conn, build, name, manifest)
            conn.commit()
            conn.autocommit = True
            conn.execute(f"set search_path = {build.schema}, reference")
            yield conn
        admin.execute("drop database clinical with (force)")


def rows(conn: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return conn.execute(query.encode()).fetchall()


def test_days_in_state_are_the_wait_of_each_period(conn: psycopg.Connection[Any]) -> None:
    waits = dict(rows(conn, "select period_sk, wait_days from fct_waitlist where wait_days is not null"))
    days = dict(rows(conn, "select period_sk, sum(day_count) from int_delay_days group by period_sk"))
    assert len(waits) > 250
    assert days == waits
    states = {state for (state,) in rows(conn, "select distinct state_code from int_delay_days")}
    assert {"first_appointment", "decision_no_date", "dated", "after_dna", "patient_cancelled"} <= states


def test_the_worklist_counts_what_the_kpis_count(conn: psycopg.Connection[Any]) -> None:
    counts = "count(*) filter (where over_18_weeks), count(*) filter (where over_52_weeks)"
    worklist = rows(conn, f"select trust_sk, {counts} from mart_breach_worklist group by trust_sk order by trust_sk")
    kpi = rows(
        conn,
        "select trust_sk, over_18_weeks_count, over_52_weeks_count from mart_breach_kpi"
        " where level = 'trust' order by trust_sk",
    )
    assert worklist == kpi
    assert sum(row[1] for row in kpi) > 60


def test_kpis_of_all_are_the_sum_of_any_split(conn: psycopg.Connection[Any]) -> None:
    sums = rows(
        conn,
        "select level, sum(pathway_count), sum(over_18_weeks_count), sum(over_65_weeks_count),"
        " sum(awaiting_first_count)"
        " from mart_breach_kpi group by level",
    )
    assert len(sums) == 9  # sites and teams too: the extracts name them for every pathway
    assert len({row[1:] for row in sums}) == 1


def test_charts_projection_and_cohort_begin_at_the_list(conn: psycopg.Connection[Any]) -> None:
    [(listed, over_52)] = rows(conn, "select count(*), count(*) filter (where over_52_weeks) from fct_waitlist")
    [(charted,)] = rows(
        conn,
        "select series_value from mart_kpi_spc"
        " where measure_code = 'list_size' and level = 'all' and week_end_date = census_date",
    )
    [(begun,)] = rows(conn, "select distinct list_size_now from mart_waitlist_projection where level = 'all'")
    [(closing,)] = rows(conn, "select sum(closing) from fct_rtt_flow")
    assert listed == charted == begun == closing
    for (watched,) in rows(
        conn,
        "select sum(pathway_count) filter (where weeks_to_go = 0) from mart_cohort_watch"
        " where threshold_weeks = 52 group by watch_date",
    ):
        assert (watched or 0) == over_52


def test_the_score_sorts_nothing_without_approval(conn: psycopg.Connection[Any]) -> None:
    order = rows(
        conn,
        "select is_priority_unknown, clinical_priority_code, days_past_priority_target, queue_date, risk_score"
        " from mart_breach_worklist where is_priority_unknown order by worklist_no",
    )
    dates = [row[3] or date.min for row in order]
    assert dates == sorted(dates)
    scores = [row[4] for row in order if row[4] is not None]
    assert scores != sorted(scores, reverse=True)


def test_on_a_steady_list_the_projection_is_about_as_good_as_no_change(conn: psycopg.Connection[Any]) -> None:
    """It does not beat "no change" there, and docs/projection.md says so: chance is all that such a list holds."""
    misses = rows(
        conn,
        "select backtest_miss_rate, backtest_no_change_miss_rate"
        " from mart_waitlist_projection where level = 'all' and backtest_origin_count >= 4",
    )
    assert len(misses) >= 15
    projected = statistics.mean(float(row[0]) for row in misses)
    unchanged = statistics.mean(float(row[1]) for row in misses)
    assert projected < 1.15 * unchanged


def test_intervals_widen_and_hold_the_projection(conn: psycopg.Connection[Any]) -> None:
    reach = rows(
        conn,
        "select list_size_upper - list_size_lower from mart_waitlist_projection"
        " where level = 'all' order by weeks_ahead",
    )
    widths = [row[0] for row in reach]
    assert len(widths) == 26
    assert widths == sorted(widths)
    assert widths[0] > 0


def england() -> dict[int, tuple[float, float, float]]:
    """Month (counted from year 0): pathways at its end, new and completed ones in it, where all are known."""
    found = {}
    with ENGLAND.open(newline="") as file:
        for row in csv.DictReader(file):
            cells = [row[f"{name}_est"] or row[name] for name in ("total", "new_n", "adm_n", "non_n")]
            if all(cells):
                year, month = int(row["month"][:4]), int(row["month"][5:7])
                total, new, admitted, others = map(float, cells)
                found[year * 12 + month - 1] = (total, new, admitted + others)
    return found


def england_misses(conn: psycopg.Connection[Any], first_year: int, last_year: int) -> tuple[float, float]:
    """Mean miss of six months ahead, projected and by "no change", from every month with a year of history."""
    months = england()
    projected, unchanged = [], []
    for origin in range(first_year * 12, (last_year + 1) * 12):
        past = [month for month in range(origin - 12, origin) if month in months and month + 1 in months]
        if len(past) < 9 or origin not in months or origin + 6 not in months:
            continue
        new = statistics.mean(months[month + 1][1] for month in past)
        treated = statistics.mean(months[month + 1][2] for month in past)
        listed = sum(months[month][0] for month in past)
        left = sum(months[month][0] + months[month + 1][1] - months[month + 1][0] for month in past)
        other_rate = (left - treated * len(past)) / listed
        changes = [months[month + 1][0] - months[month][0] for month in past]
        drift = statistics.mean(changes)
        noise = drift * min(4 * statistics.variance(changes) / len(changes) / drift**2, 1)
        size = months[origin][0]
        for _ in range(6):
            row = conn.execute(
                "select reference.next_list(array[%s]::numeric[], array[1.0], array[%s]::numeric[],"
                " %s::numeric, %s::numeric)",
                (size, other_rate, treated + noise, new),
            ).fetchone()
            assert row is not None
            size = float(row[0][0])
        actual = months[origin + 6][0]
        projected.append(abs(size - actual) / actual)
        unchanged.append(abs(months[origin][0] - actual) / actual)
    assert len(projected) >= 12
    return statistics.mean(projected), statistics.mean(unchanged)


@pytest.mark.skipif(not ENGLAND.exists(), reason="the published series of England is not at hand")
def test_stock_and_flow_beats_no_change_on_england(conn: psycopg.Connection[Any]) -> None:
    projected, unchanged = england_misses(conn, 2015, 2030)
    assert projected < unchanged
    lately, lately_unchanged = england_misses(conn, 2021, 2030)
    assert lately < lately_unchanged
    document = (PROJECT_ROOT / "docs" / "projection.md").read_text()
    for value in (projected, unchanged, lately, lately_unchanged, *england_misses(conn, 2016, 2019)):
        assert f"{100 * value:.1f}%" in document
