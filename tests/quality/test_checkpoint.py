"""Verdicts on tables made by hand: passed, failed and broken are told apart, no value leaves the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.errors import CheckBroken, CriticalFailure, SettingError
from medimart.models.manifest import Manifest, Model, Reference
from medimart.quality import checkpoint
from medimart.quality.checkpoint import Verdict

CENSUS = date(2026, 1, 4)
SCHEMA = "build_20260104_test"
REASON = "reason: because\n  action: look"


@dataclass(frozen=True)
class Build:
    """As much of a build as validation reads."""

    schema: str = SCHEMA
    census: date = CENSUS


PATIENTS = Model(
    name="stg_people", layer="staging", path="staging/stg_people.sql", description="", kind="staging",
    grain=("patient_id",), sha256="",
)  # fmt: skip
WAITS = Model(
    name="fct_waits", layer="marts", path="marts/fct_waits.sql", description="", kind="snapshot",
    grain=("census_date", "period_sk"), sha256="",
    references=(Reference("trust_sk", "dim_trusts", "trust_sk"),),
)  # fmt: skip
SUITES = {
    "stg_people": f"""
- expectation: expect_table_row_count_to_be_between
  kwargs: {{min_value: 1}}
  severity: critical
  {REASON}
- expectation: expect_column_values_to_match_regex
  kwargs: {{column: nhs_number, regex: '^[0-9]{{10}}$'}}
  severity: warning
  {REASON}
""",
    "fct_waits": f"""
- expectation: ExpectColumnValuesToBeBetween
  kwargs: {{column: wait_days, min_value: 0}}
  severity: critical
  {REASON}
- id: share_inferred
  expectation: expect_column_values_to_not_be_in_set
  kwargs: {{column: basis, value_set: [inferred], mostly: 0.5}}
  severity: warning
  {REASON}
- id: trust_has_name
  expectation: unexpected_rows_expectation
  kwargs:
    unexpected_rows_query: |
      select w.period_sk, d.trust_name, 7 as observed_value
      from {{batch}} as w inner join dim_trusts as d using (trust_sk)
      where d.trust_name = 'none'
  severity: critical
  {REASON}
""",
}


@pytest.fixture
def run(
    warehouse: psycopg.Connection[Any], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Verdict]]:
    """Validates the two tables, after a statement that plants a fault; gives the verdicts as recorded."""
    for name, text in SUITES.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.setattr("medimart.quality.suites.EXPECTATIONS", tmp_path)
    monkeypatch.setattr(checkpoint.suite, "__defaults__", (tmp_path,))
    warehouse.execute(f"""
        create schema {SCHEMA};
        set search_path = {SCHEMA};
        create table stg_people as
        select
            'P' || g as patient_id, 'Ann' as first_name,
            '9990000000' as nhs_number, 7 as load_id, g as line_no
        from generate_series(1, 10) as g;
        create table dim_trusts as select 5 as trust_sk, 'Ashford' as trust_name;
        create table fct_waits as
        select date '2026-01-04' as census_date, g as period_sk, 5 as trust_sk, g as wait_days,
            case when g < 4 then 'inferred' else 'stated' end as basis
        from generate_series(1, 10) as g;
    """)

    def validate(fault: str = "select 1", run_id: str = "r1", **options: Any) -> list[Verdict]:
        warehouse.execute(f"set search_path = {SCHEMA}; {fault}".encode())
        warehouse.commit()
        return checkpoint.validate(
            database_url, Build(), ["stg_people", "fct_waits"], run_id,
            manifest=Manifest({"stg_people": PATIENTS, "fct_waits": WAITS}), **options,
        )  # fmt: skip

    return validate


def recorded(conn: psycopg.Connection[Any], status: str) -> dict[str, tuple[Any, ...]]:
    rows = conn.execute(
        """
        select model || '.' || check_id, observed_value, unexpected_count, row_count, sample_keys, detail
        from quality.validation_result where status = %s
        """,
        (status,),
    )
    return {name: tuple(rest) for name, *rest in rows}


def test_healthy_tables_pass_and_what_was_measured_is_kept(
    run: Callable[..., list[Verdict]], warehouse: psycopg.Connection[Any]
) -> None:
    verdicts = run()
    assert {v.status for v in verdicts} == {"passed"}
    assert recorded(warehouse, "passed")["fct_waits.share_inferred"][:3] == (0.3, 3, 10)
    assert len(recorded(warehouse, "passed")) == len(verdicts) == 12


@pytest.mark.parametrize(
    ("fault", "name", "unexpected", "samples"),
    [
        (
            "update fct_waits set wait_days = -1 where period_sk = 3",
            "fct_waits.wait_days_between", 1,
            [{"census_date": "2026-01-04", "period_sk": 3, "trust_sk": 5}],
        ),
        (
            "update fct_waits set trust_sk = 6 where period_sk = 3",
            "fct_waits.trust_sk_refers_to_dim_trusts", 1,
            [{"census_date": "2026-01-04", "period_sk": 3, "trust_sk": 6}],
        ),
        (
            "insert into fct_waits select * from fct_waits where period_sk = 3",
            "fct_waits.grain_unique", 2, [{"census_date": "2026-01-04", "period_sk": 3}],
        ),
        (
            "update dim_trusts set trust_name = 'none'",
            "fct_waits.trust_has_name", 10, [{"period_sk": n} for n in range(1, 6)],
        ),
        ("delete from stg_people", "stg_people.row_count_between", None, []),
        (
            "update stg_people set patient_id = 'P1' where patient_id = 'P2'",
            "stg_people.grain_unique", 2, [{"load_id": 7, "line_no": 1}, {"load_id": 7, "line_no": 2}],
        ),
    ],
)  # fmt: skip
def test_a_critical_failure_stops_and_says_why(
    run: Callable[..., list[Verdict]],
    warehouse: psycopg.Connection[Any],
    fault: str,
    name: str,
    unexpected: int | None,
    samples: list[dict[str, Any]],
) -> None:
    with pytest.raises(CriticalFailure) as failure:
        run(fault)
    assert str(failure.value).startswith(f"Critical check failed: {name} (")
    assert "last published marts stay" in str(failure.value)
    failed = recorded(warehouse, "failed")
    assert set(failed) == {name}
    assert failed[name][1] == unexpected
    assert failed[name][3] == samples


def test_samples_hold_no_identifier(run: Callable[..., list[Verdict]], warehouse: psycopg.Connection[Any]) -> None:
    run("update stg_people set nhs_number = '943 476 5919' where patient_id = 'P7'")
    row = warehouse.execute("select to_jsonb(v)::text from quality.validation_result v where status = 'failed'")
    (text,) = row.fetchone() or ("",)
    assert '{"line_no": 7, "load_id": 7}' in text
    assert not any(identifier in text for identifier in ("943 476", "'P7", '"P7', "Ann"))


def test_a_warning_does_not_stop_unless_asked(
    run: Callable[..., list[Verdict]], warehouse: psycopg.Connection[Any]
) -> None:
    run("update fct_waits set basis = 'inferred'")
    assert recorded(warehouse, "failed")["fct_waits.share_inferred"][:3] == (1.0, 10, 10)
    with pytest.raises(CriticalFailure, match="Warning check failed: fct_waits"):
        run(stop_on_warning=True)


@pytest.mark.parametrize(
    ("fault", "broken", "detail"),
    [
        (
            "alter table fct_waits drop column wait_days",
            {"fct_waits.wait_days_between"},
            "no column wait_days",
        ),
        (
            "alter table fct_waits alter wait_days type text using 'Ann'",
            {"fct_waits.wait_days_between"},
            "cannot be computed on column of type TEXT",
        ),
        (
            "alter table dim_trusts rename to elsewhere",
            {"fct_waits.trust_has_name", "fct_waits.trust_sk_refers_to_dim_trusts"},
            'relation "dim_trusts" does not exist',
        ),
    ],
)
def test_a_broken_check_is_not_called_bad_data(
    run: Callable[..., list[Verdict]],
    warehouse: psycopg.Connection[Any],
    fault: str,
    broken: set[str],
    detail: str,
) -> None:
    with pytest.raises(CheckBroken, match="says nothing about the data"):
        run(fault)
    assert not recorded(warehouse, "failed")
    found = recorded(warehouse, "broken")
    assert set(found) == broken
    assert {row[4] for row in found.values() if detail not in row[4] or "Ann" in row[4]} == set()


def test_a_missing_table_breaks_its_checks(run: Callable[..., list[Verdict]]) -> None:
    with pytest.raises(CheckBroken, match="there is no table fct_waits"):
        run("drop table fct_waits")


def test_a_retry_replaces_its_own_verdicts_alone(
    run: Callable[..., list[Verdict]], warehouse: psycopg.Connection[Any]
) -> None:
    run()
    run(run_id="r2")
    with pytest.raises(CriticalFailure):
        run("update fct_waits set wait_days = -1", run_id="r2")
    counts = warehouse.execute(
        """
        select run_id, count(*), count(*) filter (where status = 'failed')
        from quality.validation_result group by run_id
        """
    )
    assert sorted(counts) == [("r1", 12, 0), ("r2", 12, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: 1", "must be a list"),
        ("- expectation: a\n  kwargs: {}", "action, reason, severity is missing"),
        (f"- expectation: a\n  kwargs: {{}}\n  severity: bad\n  {REASON}", "critical, warning, info"),
        (f"- expectation: a\n  kwargs: {{}}\n  severity: info\n  {REASON}", "has no a"),
        (f"- expectation: a\n  kwargs: {{}}\n  severity: info\n  column: b\n  {REASON}", "column is not"),
        (
            f"- expectation: unexpected_rows_expectation\n  kwargs: {{}}\n  severity: info\n  {REASON}",
            "needs an `id`",
        ),
        (
            "- expectation: expect_column_values_to_be_unique\n  kwargs: {colum: a}\n"
            f"  severity: info\n  {REASON}",
            "does not take these kwargs",
        ),
        ("- [", "not YAML"),
    ],
)  # fmt: skip
def test_a_faulty_suite_is_named_with_its_line(
    run: Callable[..., list[Verdict]], tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "stg_people.yaml").write_text(text)
    with pytest.raises(SettingError, match=message) as fault:
        run()
    assert "stg_people.yaml:" in str(fault.value)
