"""The shipped samples are what the generator makes, and what they are said to be; and the marts made of them add up."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart import landing
from medimart.legacy import report
from medimart.legacy.compare import compare_built
from medimart.local.postgres import PostgresServer
from medimart.pipeline import Run, run_through
from medimart.quality import not_passed
from medimart.synthetic import publication, sample
from medimart.synthetic.planting import Planted
from synthetic_pipeline import build_all, expected, flagged, loaded, quarantined, rows_of, wanted_rows

SLICE = Path(__file__).parents[3] / "shared" / "data" / "rtt-full-extract-2024-11-RBD.csv"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by name; compressed ones by what is in them, because versions of zlib differ in their bytes."""
    return {
        str(path.relative_to(folder)): gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


Found = tuple[psycopg.Connection[Any], tuple[Planted, ...]]


@pytest.fixture(scope="module")
def made(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Found]]:
    """The sample made anew, loaded and built."""
    home = tmp_path_factory.mktemp("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIMART_HOME", str(home / "home"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        with loaded(server, "synthetic_sample", home / "landing", sample.OPTIONS) as found:
            build_all(found[0], sample.OPTIONS.until)
            yield home / "landing", found


def test_the_shipped_extracts_are_what_the_generator_makes(made: tuple[Path, Found]) -> None:
    shipped, again = contents(sample.LANDING), contents(made[0])
    assert shipped.keys() == again.keys()
    assert [name for name, content in shipped.items() if content != again[name]] == []


def test_the_sample_is_small_and_complete() -> None:
    assert sum(path.stat().st_size for path in sample.LANDING.rglob("*") if path.is_file()) < 10_000_000
    found = landing.extracts(sample.LANDING)
    assert [f"{e.date}" for e in found][:: len(found) - 1] == ["2026-01-18", "2026-04-05"]
    assert len(found) == 12
    assert all(e.is_complete for e in found)
    assert sum(len(e.unexpected) for e in found) == 1
    assert landing.strays(sample.LANDING) == []


def test_the_dirt_is_found_and_nothing_else(made: tuple[Path, Found]) -> None:
    conn, planted = made[1]
    assert quarantined(conn) == expected(planted, "quarantine")
    assert flagged(conn) == expected(planted, "flag")
    for one in (p for p in planted if "where" in p.find):
        assert rows_of(conn, one) == wanted_rows(one), one.name


def test_the_shipped_weeks_pass_every_critical_check(
    warehouse: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest first, then weeks that come late: the first, which has no week before, and the one after it."""
    monkeypatch.setenv("MEDIMART_LANDING", str(sample.LANDING))
    found: list[Any] = []
    for day in ("2026-04-05", "2026-01-18", "2026-01-25"):
        run_through(warehouse, Run(day, census=dt.date.fromisoformat(day)))
        found += [(day, v.name) for v in not_passed(warehouse, day) if v.status == "broken" or v.severity == "critical"]
    assert found == []
    published = warehouse.execute("select count(*) from marts.publication").fetchone()
    assert published == (3,)


def test_clinics_and_theatres_are_used_as_real_ones_are(made: tuple[Path, Found]) -> None:
    conn, _ = made[1]
    used = conn.execute(
        "select trust_sk, session_type, sum(filled_count) / sum(planned_count)::numeric, "
        "sum(overbooked_count) / sum(planned_count)::numeric, sum(dna_count) / sum(booked_count)::numeric "
        "from fct_capacity_audit where planned_count > 0 group by trust_sk, session_type"
    ).fetchall()
    assert len(used) == 8
    for _, session_type, fill_rate, overbooked_rate, dna_rate in used:
        assert 0.75 < fill_rate <= 1
        assert overbooked_rate < 0.12
        assert session_type == "theatre" or 0.02 < dna_rate < 0.12


def test_a_good_share_of_the_list_has_a_date(made: tuple[Path, Found]) -> None:
    conn, _ = made[1]
    row = conn.execute(
        "select avg(within_18_weeks::int), avg(over_52_weeks::int), avg(is_undated::int), "
        "avg((waiting_list_type = 'admitted')::int), avg(is_priority_unknown::int) from fct_waitlist"
    ).fetchone()
    assert row is not None
    within, over_52, undated, admitted, priority_unknown = map(float, row)
    assert 0.57 < within < 0.66
    assert 0.01 < over_52 < 0.03
    assert 0.45 < undated < 0.65
    assert 0.1 < admitted < 0.2
    assert priority_unknown < 0.55


UNIT = "trust_sk, treatment_function_code"
LISTED = f"select {UNIT}, count(*) from fct_waitlist group by {UNIT}"
KNOWN = f"select {UNIT}, count(wait_days) from fct_waitlist where wait_days is not null group by {UNIT}"
# What each mart says that waits, by trust and treatment function, and what the list says.
TOTALS = {
    "fct_rtt_flow": (f"select {UNIT}, closing from fct_rtt_flow where closing > 0", LISTED),
    "mart_breach_kpi": (
        f"select {UNIT}, pathway_count from mart_breach_kpi where level = 'trust_function'",
        LISTED,
    ),
    "mart_kpi_spc": (
        f"select {UNIT}, series_value from mart_kpi_spc where level = 'trust_function' and measure_code = 'list_size'"
        " and week_end_date = census_date and series_value > 0",
        LISTED,
    ),
    "mart_waitlist_projection": (
        f"select {UNIT}, list_size_now from mart_waitlist_projection"
        " where level = 'trust_function' and weeks_ahead = 26 and list_size_now > 0",
        LISTED,
    ),
    "mart_queue_health": (f"select {UNIT}, queue_size from mart_queue_health where queue_size > 0", LISTED),
    "mart_risk_backlog": (f"select {UNIT}, sum(pathway_count) from mart_risk_backlog group by {UNIT}", LISTED),
    "mart_high_risk_waits": (
        f"select {UNIT}, sum(pathway_count) from mart_high_risk_waits group by {UNIT}",
        KNOWN,
    ),
    "mart_risk_fairness": (
        "select distinct trust_sk, sum(pathway_count) from mart_risk_fairness group by trust_sk, dimension",
        "select trust_sk, count(*) from fct_waitlist group by trust_sk",
    ),
    "mart_benchmark": (
        f"select distinct {UNIT}, own_trial_count from mart_benchmark where own_trial_count > 0",
        KNOWN,
    ),
    "mart_delay_causes": (
        f"select {UNIT}, sum(current_pathway_count) from mart_delay_causes group by {UNIT}",
        KNOWN,
    ),
    "mart_cohort_watch": (
        f"select distinct {UNIT}, sum(pathway_count) from mart_cohort_watch"
        f" where weeks_to_go = 0 and threshold_weeks = 52 group by watch_date, {UNIT}",
        f"select {UNIT}, count(*) from fct_waitlist where over_52_weeks group by {UNIT}",
    ),
}


@pytest.mark.parametrize("mart", TOTALS)
def test_each_mart_counts_those_who_wait(made: tuple[Path, Found], mart: str) -> None:
    said, listed = (rows_in(made, query) for query in TOTALS[mart])
    assert len(said) > 3
    assert said == listed


def test_days_in_state_are_the_wait_of_each_period_of_the_sample(made: tuple[Path, Found]) -> None:
    waits = rows_in(made, "select period_sk, wait_days from fct_waitlist where wait_days is not null")
    assert len(waits) > 2000
    assert rows_in(made, "select period_sk, sum(day_count) from int_delay_days group by period_sk") == waits
    assert rows_in(made, f"select {UNIT}, sum(day_count) from mart_delay_causes group by {UNIT}") == rows_in(
        made, f"select {UNIT}, sum(wait_days) from fct_waitlist where wait_days is not null group by {UNIT}"
    )


def test_the_survey_of_the_sample_shows_the_link_it_was_given_and_no_other(made: tuple[Path, Found]) -> None:
    conn, _ = made[1]
    found = dict(conn.execute("select measure_code, finding from mart_experience_link where level = 'all'").fetchall())
    assert found == {"over_18_weeks": "opposite", "cancelled_by_provider": "not_shown", "dna": "not_shown"}
    row = conn.execute(
        "select sum(positive_count) / sum(answered_count), sum(unknown_count) / sum(response_count),"
        " min(answered_count), count(distinct week_end_date) from mart_patient_experience where level = 'trust'"
    ).fetchone()
    assert row is not None
    positive, unknown, fewest, weeks = map(float, row)
    assert 0.85 < positive < 0.95
    assert 0 < unknown < 0.03
    assert fewest > 100
    assert weeks == 12


def test_the_worklist_of_the_sample_holds_the_breaches_of_the_kpis(made: tuple[Path, Found]) -> None:
    worklist = rows_in(
        made,
        f"select {UNIT}, count(*) filter (where over_18_weeks), count(*) filter (where over_52_weeks),"
        f" count(*) filter (where over_65_weeks) from mart_breach_worklist group by {UNIT}",
    )
    kpi = rows_in(
        made,
        f"select {UNIT}, over_18_weeks_count, over_52_weeks_count, over_65_weeks_count from mart_breach_kpi"
        " where level = 'trust_function'",
    )
    for place in (2, 3, 4):
        over = [{row[:2]: row[place] for row in rows if row[place]} for rows in (worklist, kpi)]
        assert over[0] == over[1]
        assert over[0]


def test_kpis_of_all_trusts_are_the_sum_of_any_parts(made: tuple[Path, Found]) -> None:
    conn, _ = made[1]
    counts = [
        name
        for (name,) in conn.execute(
            "select column_name from information_schema.columns where table_name = 'mart_breach_kpi'"
            " and table_schema = current_schema() and column_name like '%%\\_count'"
        )
        # People wait on several lists, and removals needed are rounded for each unit by itself.
        if name not in ("patient_count", "removals_needed_count")
    ]
    assert len(counts) >= 11
    sums = ", ".join(f"sum({name})" for name in counts)
    levels = rows_in(made, f"select level, {sums} from mart_breach_kpi group by level")
    assert {row[0] for row in levels} >= {"all", "list", "trust", "function", "trust_function", "trust_function_list"}
    assert len({row[1:] for row in levels if row[0] not in ("site", "team")}) == 1
    # Sites and teams are of the trusts that name any.
    parts = rows_in(
        made, f"select trust_sk, level, {sums} from mart_breach_kpi where trust_sk <> -1 group by trust_sk, level"
    )
    for trust in {row[0] for row in parts}:
        assert len({row[2:] for row in parts if row[0] == trust}) == 1, trust


def test_flows_of_the_charts_and_queues_are_the_flow_of_the_list(made: tuple[Path, Found]) -> None:
    """What is delivered no more left the list by no event, so charts, made of events, do not hold it."""
    charted = rows_in(
        made,
        f"select {UNIT}, sum(series_value) filter (where measure_code = 'clock_starts'),"
        " sum(series_value) filter (where measure_code = 'clock_stops'),"
        " sum(series_value) filter (where measure_code = 'other_removals') from mart_kpi_spc"
        f" where level = 'trust_function' and week_end_date = census_date group by {UNIT}",
    )
    flow = rows_in(
        made,
        f"""
        select
            {UNIT}, starts, admitted_stops + non_admitted_stops,
            nullified + transferred_out + other_removals - coalesce(v.n, 0)
        from fct_rtt_flow
        left join (
            select t.trust_sk, coalesce(l.treatment_function_code, 'UNKNOWN') as treatment_function_code, count(*) as n
            from last_week_int_rtt_periods as l
            inner join dim_trust as t on coalesce(l.trust_id, 'UNKNOWN') = t.trust_id
            where
                l.is_open
                and not exists (select from int_rtt_periods as p where p.period_sk = l.period_sk)
                and not exists (select from int_rtt_periods as p where p.clock_id = l.clock_id)
            group by t.trust_sk, coalesce(l.treatment_function_code, 'UNKNOWN')
        ) as v using ({UNIT})
        """,
    )
    moved = [{row[:2]: row[2:] for row in rows if any(row[2:])} for rows in (charted, flow)]
    assert moved[0] == moved[1]
    assert all(sum(row[place] for row in moved[0].values()) > 0 for place in range(3))
    queues = rows_in(made, f"select {UNIT}, start_count, departure_count from mart_queue_health where window_weeks > 0")
    weeks = rows_in(
        made,
        f"""
        select
            {UNIT},
            coalesce(sum(s.series_value) filter (where s.measure_code = 'clock_starts'), 0),
            coalesce(sum(s.series_value) filter (where s.measure_code <> 'clock_starts'), 0)
        from mart_queue_health as q
        left join mart_kpi_spc as s using ({UNIT})
        where
            q.window_weeks > 0
            and s.week_end_date >= q.window_start_date
            and s.measure_code in ('clock_starts', 'clock_stops', 'other_removals')
        group by {UNIT}
        """,
    )
    assert queues == weeks


def test_the_legacy_document_is_that_of_the_sample_and_of_its_marts(made: tuple[Path, Found]) -> None:
    conn, _ = made[1]
    [(schema,)] = conn.execute("select current_schema()").fetchall()
    comparison = compare_built(conn, schema, sample.OPTIONS.until)
    assert report.DOCUMENT.read_text() == report.document(comparison), "run medimart legacy --docs"
    assert report.SHIPPED_SPREADSHEET.read_text() == report.spreadsheet(comparison), "run medimart legacy --docs"
    [kpi] = rows_in(
        made,
        "select pathway_count, over_18_weeks_count, over_52_weeks_count from mart_breach_kpi where level = 'all'",
    )
    [(high,)] = rows_in(
        made, "select sum(pathway_count) from mart_risk_backlog where risk_tier in ('high', 'very_high')"
    )
    [(aged,)] = rows_in(made, "select count(*) from fct_waitlist where age_band in ('75-84', '85+')")
    [(planned,)] = rows_in(
        made, "select sum(planned_count) from fct_capacity_audit where week_end_date = date '2026-04-05'"
    )
    assert tuple(comparison.current.values()) == (*kpi, high, aged, planned)


def rows_in(made: tuple[Path, Found], query: str) -> list[tuple[Any, ...]]:
    """Rows of the last census of the sample, in order."""
    return sorted(made[1][0].execute(query.encode()).fetchall())


def test_the_shipped_publication_is_what_the_generator_makes(tmp_path: Path) -> None:
    publication.write(tmp_path / "again.zip")
    publication.write(tmp_path / "once_more.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "once_more.zip").read_bytes()
    shipped, again = (zipfile.ZipFile(path) for path in (sample.PUBLICATION, tmp_path / "again.zip"))
    assert shipped.namelist() == again.namelist() == [publication.MEMBER]
    assert shipped.read(publication.MEMBER) == again.read(publication.MEMBER)


def test_the_publication_has_every_part_and_kind_of_line() -> None:
    with zipfile.ZipFile(sample.PUBLICATION) as archive:
        text = io.TextIOWrapper(archive.open(publication.MEMBER), encoding="utf-8", newline="")
        lines = list(csv.DictReader(text))
    assert tuple(lines[0]) == publication.HEADER
    assert {line["RTT Part Type"] for line in lines} == {"Part_1A", "Part_1B", "Part_2", "Part_2A", "Part_3"}
    assert len({line["Provider Parent Org Code"] for line in lines}) == 3
    assert len({line["Treatment Function Code"] for line in lines}) == 24
    assert any("," in line["Provider Parent Name"] for line in lines)
    assert any(line["Commissioner Org Code"] == "NONC" for line in lines)
    assert sum(int(line["Patients with unknown clock start date"] or 0) for line in lines) > 0
    assert all(line["Provider Org Code"].startswith("Z") for line in lines)


@pytest.mark.skipif(not SLICE.exists(), reason=f"NHS England's file is not at {SLICE}")
def test_the_publication_has_nhs_englands_header() -> None:
    with SLICE.open(encoding="utf-8", newline="") as file:
        assert tuple(next(csv.reader(file))) == publication.HEADER
