"""Over synthetic weeks: the reasons add up, each is true of every pathway it is given for, and nobody has two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from legacy_warehouse import built, loaded
from medimart.legacy import report
from medimart.legacy.compare import Comparison, compare_built, legacy_views
from medimart.legacy.figures import FIGURES, REASONS
from medimart.local.postgres import PostgresServer
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
from medimart.synthetic.sample import DIRT

Weeks = tuple[psycopg.Connection[Any], list[tuple[str, Comparison]]]

# What must hold of a pathway for a reason to be true of it: told by other columns than those that the mends compare.
WITNESS = {
    "copies": "(select count(*) from dbo_conditions as c where c.patient_id = p.patient_id) > 1",
    "status_words": "lower(p.referral_status) not in ('open', 'accepted', 'pending')",
    "inner_join": "not exists (select from dbo_patients as a where a.patient_id = p.patient_id)"
    " or not exists (select from dbo_trusts as t where t.trust_id = p.trust_id)",
    "status_unknown": "f.is_open and p.typed_status is null",
    "closed_runs_on": "f.is_open and p.typed_status in ('closed', 'completed', 'discharged', 'rejected')",
    "no_referral": "f.is_open and p.referral_id is null",
    "whole_weeks": "date '{census}' - p.referral_date between 127 and 132",
    "week_boundaries": "date '{census}' - p.referral_date between 358 and 364",
    "clock_start": "f.clock_start_date <> p.referral_date",
    "age_by_years": "to_char(p.birth_date, 'MMDD') > to_char(date '{census}', 'MMDD')",
    "level_words": "lower(trim(p.risk_level)) = 'very high'",
}


@pytest.fixture(scope="module")
def weeks(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weeks]:
    """Two censuses of synthetic weeks with dirt planted: the schema of each and what the comparison finds."""
    folder = tmp_path_factory.mktemp("weeks")
    options = Options(patients=700, weeks=4, seed=11, plant={**DIRT, "orphan_patient": 6})
    generate(folder / "landing", options)
    with loaded(server, "legacy_weeks", folder / "landing", folder / "home", options.until) as conn:
        censuses = (options.until - timedelta(days=14), options.until)
        schemas = [(built(conn, census), census) for census in censuses]
        yield conn, [(schema, compare_built(conn, schema, census)) for schema, census in schemas]


def test_reasons_add_up_to_the_published_figures(weeks: Weeks) -> None:
    conn, found = weeks
    for schema, comparison in found:
        sheet = {
            name: sum(int(row[place]) for row in comparison.spreadsheet)
            for place, name in enumerate(comparison.columns)
            if place > 1
        }
        [listed] = conn.execute(
            f"select count(*), count(*) filter (where wait_days >= 127), count(*) filter (where wait_days >= 365),"
            f" count(*) filter (where risk_tier in ('high', 'very_high')),"
            f" count(*) filter (where age_band in ('75-84', '85+')) from {schema}.fct_waitlist".encode()
        ).fetchall()
        assert listed[0] > 150
        for line, figure, marts in zip(report.lines(comparison), FIGURES, [*listed, None], strict=True):
            assert line.legacy == sheet[figure.column]
            assert marts is None or line.current == marts
            assert line.legacy + sum(map(sum, line.reasons.values())) == line.current


def test_slots_planned_are_those_of_the_sessions(weeks: Weeks) -> None:
    conn, found = weeks
    for schema, comparison in found:
        [(planned,)] = conn.execute(
            f"select sum(planned_slots) from {schema}.stg_sessions where is_current and session_status <> 'cancelled'"
            " and session_date between %s::date - 6 and %s".encode(),
            (comparison.census, comparison.census),
        ).fetchall()
        assert comparison.current["capacity"] == planned > 0


def test_nobody_has_two_reasons(weeks: Weeks) -> None:
    """A copy of a row is a row more; for whether a pathway counts at all there is one reason."""
    for _, comparison in weeks[1]:
        given = Counter(
            (d.figure, d.row.get("period_sk"), d.row.get("referral_sk"), d.row.get("booking_sk"))
            for d in comparison.differences
            if d.reason not in ("copies", "overbooked", "unused", "no_sessions")
        )
        assert set(given.values()) == {1}
        assert {d.reason for d in comparison.differences} <= REASONS.keys()


def test_each_reason_is_true_of_each_pathway(weeks: Weeks) -> None:
    conn, found = weeks
    proved = set()
    for schema, comparison in found:
        with legacy_views(conn, schema, comparison.census):
            for reason, witness in WITNESS.items():
                keys = [
                    (d.row["period_sk"], d.row["referral_sk"]) for d in comparison.differences if d.reason == reason
                ]
                if not keys:
                    continue
                proved.add(reason)
                assert true_of(conn, witness.format(census=comparison.census), keys) == len(set(keys)), reason
    assert {"copies", "status_words", "inner_join", "whole_weeks", "clock_start", "age_by_years"} <= proved


def true_of(conn: psycopg.Connection[Any], witness: str, keys: list[tuple[int | None, int | None]]) -> int:
    """Of how many of the pathways a condition holds."""
    [(count,)] = conn.execute(
        f"""
        with described as (
            select
                r.referral_id, coalesce(r.patient_id, i.patient_id) as patient_id, r.trust_id, r.referral_date,
                s.referral_status as typed_status, r.referral_status, a.birth_date, d.risk_level, i.period_sk,
                pseudonym('referral', r.referral_id) as referral_sk
            from dbo_referrals as r
            full join (select * from int_rtt_periods where is_open) as i on r.referral_id = i.clock_id
            left join stg_referrals as s on r.referral_id = s.referral_id
            left join stg_patients as a on coalesce(r.patient_id, i.patient_id) = a.patient_id
            left join dbo_patients as d on coalesce(r.patient_id, i.patient_id) = d.patient_id
        )
        select count(*)
        from (select distinct * from unnest(%s::bigint[], %s::bigint[]) as k (period_sk, referral_sk)) as k
        inner join legacy_pathways as f on coalesce(k.referral_sk, k.period_sk) = coalesce(f.referral_sk, f.period_sk)
        inner join described as p on coalesce(k.referral_sk, k.period_sk) = coalesce(p.referral_sk, p.period_sk)
        where {witness}
        """.encode(),
        ([key[0] for key in keys], [key[1] for key in keys]),
    ).fetchall()
    return int(count)


def test_what_is_restated_of_the_views_is_what_they_say(weeks: Weeks) -> None:
    """The mends begin from the legacy rules; these are held against the views themselves, row by row."""
    conn, found = weeks
    restated = {f.column: re.sub(r"^.* and ", "", f.mends[0].counted) for f in FIGURES[1:3]}
    high = FIGURES[3].mends[0].counted.partition("is_joined and ")[2]
    for schema, comparison in found:
        with legacy_views(conn, schema, comparison.census):
            [(rows, *differing)] = conn.execute(
                f"""
                select
                    count(*),
                    count(*) filter (where (over_18_rows > 0) <> ({restated["over_18_weeks"]})),
                    count(*) filter (where (over_52_rows > 0) <> ({restated["over_52_weeks"]})),
                    count(*) filter (where (high_risk_rows > 0) <> coalesce({high}, false)),
                    count(*) filter (where (aged_rows > 0) <> coalesce(legacy_age >= 75, false)),
                    count(*) filter (where not is_joined)
                from legacy_pathways
                where waiting_rows > 0
                """.encode()
            ).fetchall()
            assert rows > 150
            assert differing == [0, 0, 0, 0, 0]


def test_files_say_what_was_found(weeks: Weeks) -> None:
    for _, comparison in weeks[1]:
        assert comparison.is_synthetic
        assert f"Census {comparison.census}" in report.document(comparison)
        totals = report.spreadsheet(comparison).splitlines()[-1].split(",")
        assert totals[2:] == [str(count) for count in comparison.legacy.values()]
        assert len(report.differences(comparison).splitlines()) == len(comparison.differences) + 1
