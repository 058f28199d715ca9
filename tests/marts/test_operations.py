"""The marts of operations, equity and quality on a synthetic month: published, reconciled, read as readers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from medimart import db, landing, quality
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.models import build as building
from medimart.models import disclosure
from medimart.models.graph import read_models
from medimart.models.manifest import Manifest
from medimart.models.publish import publish
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
from medimart.warehouse import prepare

MANIFEST = Manifest(read_models()[0])
BY_TRUST = sorted(
    model.name
    for model in MANIFEST.marts("waiting_list")
    if model.readers == "clinical" and any(column.name == "trust_sk" for column in model.columns)
)
# Have rows of all trusts.
TOTALS = ("mart_breach_kpi", "mart_data_quality", "mart_experience_link", "mart_kpi_spc", "mart_waitlist_projection")
# Patients of no trust, and correlations: there is no sum to work a part out from.
NO_SUMS = ("mart_data_quality", "mart_experience_link")
SHARED = sorted(name for name, model in MANIFEST.models.items() if model.disclosure and model.disclosure.counts)
Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def marts(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    """A warehouse with the last census of four synthetic weeks published."""
    folder, options = tmp_path_factory.mktemp("operations"), Options(patients=600, weeks=4, seed=11)
    generate(folder / "landing", options)
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server.url(), autocommit=True) as admin:
        patch.setenv("MEDIMART_HOME", str(folder / "home"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute("create database operations")
        with connect(server.url("operations")) as conn:
            prepare(conn)
            conn.commit()
            landing.load_seeds(conn)
            landing.check_landing(conn, folder / "landing", options.until)
            for contract in landing.folder_contracts():
                landing.load_source(conn, folder / "landing", contract.source, options.until)
            names = MANIFEST.pipeline("waiting_list")
            pins = landing.inputs(conn, options.until, MANIFEST.sources("waiting_list"))
            build = building.open_build(conn, options.until, "operations", pins)
            for name in building.plan(MANIFEST, names):
                building.build_model(conn, build, name, MANIFEST)
            quality.validate(db.url_of(conn), build, names, build.run_id, manifest=MANIFEST)
            publish(conn, build, build.run_id, MANIFEST)
            conn.execute("create role operations_reader login")
            conn.execute("call quality.admit('operations_reader', 'medimart_shared')")
            conn.execute("create role operations_lead login")
            conn.commit()
            yield conn
            conn.rollback()
            for role in ("operations_reader", "operations_lead"):
                conn.execute(f"drop owned by {role}".encode())
                conn.execute(f"drop role {role}".encode())
            conn.commit()
        admin.execute("drop database operations with (force)")


@pytest.fixture
def ask(marts: psycopg.Connection[Any]) -> Iterator[Ask]:
    marts.rollback()
    yield lambda query: marts.execute(query).fetchall()  # type: ignore[arg-type]
    marts.rollback()


@pytest.mark.parametrize(
    ("mart", "total"),
    [
        ("queue_health", "sum(queue_size)"),
        ("risk_backlog", "sum(pathway_count)"),
        ("risk_fairness", "sum(pathway_count) filter (where dimension = 'gender')"),
    ],
)
def test_every_mart_of_the_list_holds_the_list(ask: Ask, mart: str, total: str) -> None:
    [(found, expected)] = ask(f"select {total}, (select count(*) from marts.fct_waitlist) from marts.mart_{mart}")
    assert found == expected > 0


def test_the_queues_add_up_by_trust_and_treatment_function(ask: Ask) -> None:
    by = "trust_sk, treatment_function_code"
    assert not ask(
        f"select {by}, queue_size from marts.mart_queue_health where queue_size > 0"
        f" except select {by}, count(*) from marts.fct_waitlist group by {by}"
    )
    assert not ask(
        f"select {by}, sum(pathway_count) from marts.mart_risk_backlog group by {by}"
        f" except select {by}, count(*) from marts.fct_waitlist group by {by}"
    )


def test_equity_counts_the_appointments_since_the_first_extract(ask: Ask) -> None:
    [(found, expected)] = ask(
        """
        select
            (select sum(trial_count) from marts.mart_equity where measure_code = 'dna' and dimension = 'gender'),
            (
                select count(*)
                from marts.fct_appointment as a
                where a.is_current and not a.is_future and a.appointment_date > date '2026-03-15'
                    and a.patient_sk <> 0 and a.trust_sk <> 0
            )
        """
    )
    assert found == expected > 0


def test_a_cohort_that_was_not_followed_says_so(ask: Ask) -> None:
    [(reason,)] = ask("select missing_reason from marts.mart_equity where measure_code = 'treated_within_52_weeks'")
    assert "history too short" in reason


def test_without_a_publication_the_benchmark_says_so(ask: Ask) -> None:
    assert ask("select distinct missing_reason, national_rate from marts.mart_benchmark") == [
        ("no publication was loaded by the census", None)
    ]


def test_a_total_over_all_trusts_is_no_trusts_and_the_unknown_trust_is_no_total(ask: Ask) -> None:
    for name in BY_TRUST:
        [(has_total,)] = ask(f"select bool_or(trust_sk = -1) from marts.{name}")
        assert bool(has_total) == (name in TOTALS), name
        assert not ask(
            f"select m.trust_sk from marts.{name} as m left join marts.dim_trust as t using (trust_sk)"
            " where t.trust_sk is null"
        ), name
    for name, counted in (
        ("mart_breach_kpi", "pathway_count"),
        ("mart_kpi_spc", "series_value"),
        ("mart_waitlist_projection", "list_size_now"),
    ):
        split = "(trust_sk = -1) <> (level in ('all', 'list', 'function'))"
        assert not ask(f"select level, trust_sk from marts.{name} where {split}"), name
        where = {"mart_kpi_spc": "measure_code = 'list_size' and week_end_date = census_date"}.get(name, "true")
        where += " and weeks_ahead = 1" if name == "mart_waitlist_projection" else ""
        sums = ask(
            f"select sum({counted}) from marts.{name} where {where} and level in ('all', 'trust') group by level"
        )
        assert len(sums) == 2, name
        assert len(set(sums)) == 1, name
    assert ask("select distinct source from marts.mart_data_quality where trust_sk = -1") == [("patients",)]


def seen(conn: psycopg.Connection[Any], trust_ids: list[str]) -> dict[str, set[str]]:
    """By mart the trusts (dim_trust.trust_id) whose rows a clinical reader sees who is granted these."""
    conn.rollback()
    conn.execute("call quality.admit('operations_lead', 'medimart_clinical', %s)", (trust_ids,))
    conn.execute("set local role operations_lead")
    found = {}
    for name in BY_TRUST:
        rows = conn.execute(
            f"select distinct trust_id from marts.{name} inner join marts.dim_trust using (trust_sk)".encode()
        )
        found[name] = {trust_id for (trust_id,) in rows}
    conn.rollback()
    return found


def test_a_reader_of_one_trust_sees_no_total_that_would_tell_of_another(
    marts: psycopg.Connection[Any], ask: Ask
) -> None:
    """Rows are exact, so a total over all trusts less one's own is the others': of two trusts, the other's."""
    trusts = [
        trust_id for (trust_id,) in ask("select trust_id from marts.dim_trust where trust_sk > 0 or trust_sk < -1")
    ]
    assert len(trusts) > 1
    own = trusts[0]
    for name, rows in seen(marts, [own]).items():
        assert rows == {own}, name
    for name, rows in seen(marts, [own, "ALL"]).items():
        assert rows == ({own, "ALL"} if name in TOTALS else {own}), name
    for name, rows in seen(marts, ["ALL"]).items():
        assert rows == ({"ALL"} if name in TOTALS else set()), name


def test_shared_readers_see_no_total_over_trusts_of_what_is_counted_by_trust(ask: Ask) -> None:
    for name in TOTALS:
        if name not in NO_SUMS:
            assert ask(f"select 1 from {disclosure.SCHEMA}.{name} limit 1"), name
            assert not ask(f"select 1 from {disclosure.SCHEMA}.{name} where trust_sk = -1"), name


@pytest.mark.parametrize("name", SHARED)
def test_shared_readers_see_the_view_and_not_the_mart(marts: psycopg.Connection[Any], name: str) -> None:
    marts.rollback()
    marts.execute("set local role operations_reader")
    rule = MANIFEST[name].disclosure
    assert rule
    counts = ", ".join(rule.counts)
    rows = marts.execute(f"select {counts} from {disclosure.SCHEMA}.{name}").fetchall()  # type: ignore[arg-type]
    assert all(value is None or value == 0 or (value >= 10 and value % 5 == 0) for row in rows for value in row)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        marts.execute(f"select 1 from marts.{name}")  # type: ignore[arg-type]
    marts.rollback()


def test_no_count_of_a_shared_row_is_the_sum_of_others(ask: Ask) -> None:
    """Where one column is the sum of others in every row, a hidden one could be worked out."""
    from itertools import combinations

    for name in SHARED:
        rule = MANIFEST[name].disclosure
        assert rule
        rows = ask(f"select {', '.join(rule.counts)} from marts.{name} where {rule.counts[0]} > 0")
        places = range(len(rule.counts))
        for whole in places:
            for size in range(2, len(rule.counts)):
                for parts in combinations([p for p in places if p != whole], size):
                    known = [row for row in rows if None not in (row[whole], *(row[p] for p in parts))]
                    assert any(row[whole] != sum(row[p] for p in parts) for row in known), (name, rule.counts[whole])


def test_a_view_that_is_as_it_must_be_is_left_alone(marts: psycopg.Connection[Any]) -> None:
    marts.rollback()
    name = SHARED[0]
    identity = f"select to_regclass('{disclosure.SCHEMA}.{name}')::oid"
    before = marts.execute(identity).fetchone()  # type: ignore[arg-type]
    disclosure.share(marts, MANIFEST[name])
    assert marts.execute(identity).fetchone() == before  # type: ignore[arg-type]
    marts.rollback()
