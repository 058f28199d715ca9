"""What a publish does, and what stops it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clinic import SQL, Clinic, canonical, models, until_waiting, week
from medimart.db import connect
from medimart.errors import CheckBroken, CriticalFailure, InputsChanged, MedimartError
from medimart.models import build as building
from medimart.models import publish as publishing
from medimart.models.manifest import Manifest
from medimart.quality import checkpoint
from medimart.quality.checkpoint import Verdict

VISITS = [("V1", "P1", "RXA"), ("V2", "P2", "RXB")]


def test_a_census_is_published_whole(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    done = clinic.run(week(0))
    assert done.row_counts == {"dim_patient": 3, "dim_trust": 2, "fct_visit": 2, "fct_wait": 2}
    assert done.checks["critical"] == {"passed": 6, "failed": 0, "broken": 0}
    [(joined,)] = clinic.rows(
        "select count(*) from marts.fct_wait join marts.fct_visit using (visit_sk) join marts.dim_trust t "
        "on t.trust_sk = fct_wait.trust_sk join marts.dim_patient p on p.patient_sk = fct_wait.patient_sk"
    )
    assert joined == 2
    assert publishing.published(clinic.conn) != []
    assert clinic.rows("select nspname from pg_namespace where nspname like 'build%'") == []
    assert clinic.rows("select patient_id from identity.patient order by 1") == [("P1",), ("P2",)]


def test_words_keys_and_indexes_reach_the_marts(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0))
    [(words, column)] = clinic.rows(
        "select obj_description('marts.fct_wait'::regclass), col_description('marts.fct_wait'::regclass, 5)"
    )
    assert (words, column) == ("One row per census and visit that is to come.", "Days to the visit")
    for table, enforced in (
        ("marts.fct_wait", 0),
        ("marts_partitions.fct_wait_20260104", 2),
        ("marts.fct_visit", 2),
    ):
        counts = clinic.rows(f"""
            select
                count(*) filter (where contype = 'p'), count(distinct conkey) filter (where contype = 'f'),
                count(*) filter (where contype = 'f' and conenforced and convalidated),
                (select count(*) from pg_index where indrelid = '{table}'::regclass)
            from pg_constraint where conrelid = '{table}'::regclass
        """)
        assert counts == [(1, 2, enforced, 2)]


def test_a_publish_takes_no_lock_that_a_reader_could_wait_for(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0))
    clinic.deliver(week(1), [("V3", "P3", "RXA")])
    with connect(clinic.url) as blocker, connect(clinic.url) as watcher, ThreadPoolExecutor(1) as publisher:
        for census in (week(1), week(0)):  # one attached, one merged
            build = clinic.build(census, f"again {census}")
            blocker.execute("lock table marts.publication in exclusive mode")  # what is written last
            publishing_now = publisher.submit(clinic.publish, build)
            until_waiting(watcher, "insert into marts.publication")
            [(held,)] = watcher.execute(
                """
                select array_agg(distinct l.relation::regclass::text)
                from pg_locks as l
                inner join pg_class as c on c.oid = l.relation
                where
                    l.mode = 'AccessExclusiveLock' and l.database = (select oid from pg_database where datname = %s)
                    and c.relnamespace in ('marts'::regnamespace, 'marts_partitions'::regnamespace)
                    and c.relname not like 'fct_wait_20260111%%'
                """,
                (clinic.conn.info.dbname,),
            ).fetchall()
            watcher.rollback()
            blocker.rollback()
            publishing_now.result()
            assert held is None


def test_only_changed_rows_are_written(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0), "first")
    tables = ("marts.dim_patient", "marts.fct_visit", "marts_partitions.fct_wait_20260104")
    before = [clinic.rows(f"select ctid, xmin, * from {table} order by 3, 4") for table in tables]
    clinic.run(week(0), "again")
    assert [clinic.rows(f"select ctid, xmin, * from {table} order by 3, 4") for table in tables] == before


def test_what_is_equal_and_yet_another_text_is_written(clinic: Clinic, tmp_path: Path) -> None:
    clinic.manifest = _changed(
        tmp_path, "fct_wait", ("v.visit_date - c.census_date", "(v.visit_date - c.census_date) * 1.0")
    )
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0), "first")
    clinic.manifest = _changed(tmp_path, "fct_wait", ("* 1.0 as", "* 1.00 as"))
    clinic.run(week(0), "again")
    assert clinic.rows("select distinct wait_days::text from marts.fct_wait") == [("300.00",)]


def test_a_retry_recognises_its_own_commit(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    build = clinic.build(week(0), "run")
    first = publishing.publish(clinic.conn, build, "run", clinic.manifest)
    assert not publishing.is_done(clinic.conn, "run")
    assert publishing.publish(clinic.conn, build, "run", clinic.manifest).published_at == first.published_at
    clinic.deliver(week(0), VISITS[:1])  # what comes afterwards makes it stale, and does not undo it
    assert publishing.publish(clinic.conn, build, "run", clinic.manifest).published_at == first.published_at
    building.close_build(clinic.conn, build)
    assert publishing.is_done(clinic.conn, "run")
    assert clinic.rows("select count(*) from marts.publication") == [(1,)]


def test_a_retry_after_another_run_publishes_again(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0), "one")
    clinic.deliver(week(0), VISITS[:1])
    clinic.run(week(0), "two")
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0), "one")
    assert clinic.rows("select count(*) from marts.fct_wait") == [(2,)]


def test_changed_inputs_stop_it_and_say_which(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0))
    clinic.deliver(week(1), [("V3", "P3", "RXA")])
    build = clinic.build(week(1), "run")
    before = canonical(clinic.conn, clinic.manifest)
    clinic.deliver(week(0), VISITS[:1])
    with pytest.raises(InputsChanged, match="appointments of 2026-01-04 was corrected since") as error:
        clinic.publish(build)
    assert "Start the run again from its first task" in str(error.value)
    assert canonical(clinic.conn, clinic.manifest) == before
    clinic.run(week(1), "run")
    assert clinic.rows("select count(*) from marts.fct_wait where census_date = '2026-01-11'") == [(2,)]


def test_a_file_replaced_and_put_back_while_it_built_stops_it(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    build = clinic.build(week(0), "run")
    clinic.deliver(week(0), VISITS[:1])
    clinic.deliver(week(0), VISITS)
    with pytest.raises(InputsChanged, match="put back"):
        clinic.publish(build)
    clinic.run(week(0), "run")


@pytest.mark.parametrize(("status", "error"), [("failed", CriticalFailure), ("broken", CheckBroken)])
def test_a_critical_verdict_leaves_the_old_marts(clinic: Clinic, status: str, error: type[MedimartError]) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0))
    before = canonical(clinic.conn, clinic.manifest)
    clinic.deliver(week(1), [("V3", "P3", "RXA")])
    build = clinic.build(week(1), "run")
    _verdict(clinic, build, "critical", status)
    with pytest.raises(error, match="last published marts stay"):
        clinic.publish(build)
    assert canonical(clinic.conn, clinic.manifest) == before


def test_a_warning_stops_only_a_run_that_asked_for_it(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    for run_id, stops in (("lenient", False), ("strict", True)):
        clinic.conn.execute(
            "insert into quality.run values (%s, 'waiting_list', %s, false, %s)", (run_id, week(0), stops)
        )
        build = clinic.build(week(0), run_id)
        _verdict(clinic, build, "warning", "failed")
        if stops:
            with pytest.raises(CriticalFailure):
                clinic.publish(build)
        else:
            clinic.publish(build)


def test_what_was_never_checked_is_not_published(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    with pytest.raises(CheckBroken, match="nothing was checked of stg_visits, dim_trust"):
        clinic.publish(clinic.build(week(0), "run", passes=False))


def test_verdicts_of_an_earlier_try_do_not_count(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.build(week(0), "run")
    clinic.deliver(week(0), VISITS[:1])
    with pytest.raises(CheckBroken, match="nothing was checked"):
        clinic.publish(clinic.build(week(0), "run", passes=False))


def test_stale_censuses_are_told_with_the_reason(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "load_manifest", models)
    monkeypatch.setattr(publishing, "seed_digests", lambda: {})
    for number in range(3):
        clinic.deliver(week(number), [(f"V{number}", "P1", "RXA")])
        clinic.run(week(number))
    assert publishing.stale(clinic.conn) == []
    clinic.deliver(week(1), [("V1", "P2", "RXA")])
    changed = ("appointments of 2026-01-11 was corrected since",)
    assert publishing.stale(clinic.conn) == [publishing.Stale(week(n), changed) for n in (1, 2)]
    monkeypatch.setattr(publishing, "seed_digests", lambda: {"risk_weight": "new"})
    assert {found.changes[-1] for found in publishing.stale(clinic.conn)} == {"the seed risk_weight has changed"}


def test_changed_models_are_told_apart_and_are_not_stale(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0))
    monkeypatch.setattr(publishing, "seed_digests", lambda: {})
    for manifest, is_changed in (
        (clinic.manifest, False),
        (_changed(tmp_path, "fct_wait", ("Days to the visit", "Days until it")), True),
    ):
        monkeypatch.setattr(publishing, "load_manifest", lambda manifest=manifest: manifest)
        assert [found.is_code_changed for found in publishing.published(clinic.conn)] == [is_changed]
        assert publishing.stale(clinic.conn) == []


def test_a_missing_dimension_row_stops_it_plainly(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    build = clinic.build(week(0), "run")
    clinic.conn.execute(f"update {build.schema}.fct_wait set patient_sk = 5".encode())
    with pytest.raises(MedimartError, match="violates foreign key constraint") as error:
        clinic.publish(build)
    assert "(5)" not in str(error.value)
    assert clinic.rows("select to_regclass('marts.dim_patient')") == [(None,)]


def test_rows_of_another_census_are_refused(clinic: Clinic) -> None:
    clinic.deliver(week(0), VISITS)
    build = clinic.build(week(0), "run")
    clinic.conn.execute(f"update {build.schema}.fct_wait set census_date = '2026-02-01'".encode())
    with pytest.raises(MedimartError, match="SQLSTATE 23514"):
        clinic.publish(build)


# Upgrades of a populated warehouse


def test_a_column_is_added_under_readers(clinic: Clinic, tmp_path: Path) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0))
    newest = "(select max(a.version)"
    clinic.manifest = _changed(tmp_path, "fct_wait", (newest, f"v.trust_id as site, -- Site\n{newest}"))
    clinic.deliver(week(1), [("V3", "P3", "RXA")])
    build = clinic.build(week(1), "run")
    with connect(clinic.url) as reader, connect(clinic.url) as other:
        reader.execute("select count(*) from marts.fct_wait")  # and holds the table until it ends
        publisher = ThreadPoolExecutor(1)
        publishing_now = publisher.submit(clinic.publish, build)
        until_waiting(other, "alter table")
        for _ in range(20):  # nobody queues behind the waiting change for long
            assert other.execute("select count(*) from marts.fct_wait").fetchone() == (2,)
            other.commit()
        reader.rollback()
        publishing_now.result()
    sites = clinic.rows("select census_date::text, site, count(*) from marts.fct_wait group by 1, 2 order by 1, 2")
    assert sites == [("2026-01-04", None, 2), ("2026-01-11", "RXA", 2), ("2026-01-11", "RXB", 1)]
    assert clinic.rows("select col_description('marts.fct_wait'::regclass, 7)") == [("Site",)]
    clinic.run(week(0), "restated")
    assert clinic.rows("select count(*) from marts.fct_wait where site is null") == [(0,)]


BOTH = "references: {patient_sk: dim_patient, trust_sk: dim_trust}"
ONE = "references: {trust_sk: dim_trust}"


@pytest.mark.parametrize(
    ("mart", "edits", "message"),
    [
        (
            "fct_wait",
            [("v.visit_date - c.census_date as", "(v.visit_date - c.census_date)::bigint as")],
            "column wait_days is integer and would be bigint",
        ),
        (
            "fct_wait",
            [("wait_days, --", "days_to_wait, --"), ("[wait_days]", "[days_to_wait]")],
            "column wait_days is gone",
        ),
        (
            "fct_wait",
            [("[census_date, visit_sk]", "[census_date, visit_sk, trust_sk]")],
            "its grain is (census_date, visit_sk) and would be (census_date, visit_sk, trust_sk)",
        ),
        (
            "fct_wait",
            [(BOTH, ONE), ("[wait_days]", "[patient_sk, wait_days]")],
            "patient_sk refers to dim_patient.patient_sk and would no more",
        ),
        ("fct_visit", [(BOTH, ONE)], "patient_sk may never be null and would be"),
    ],
)
def test_any_other_change_of_shape_is_refused(
    clinic: Clinic, tmp_path: Path, mart: str, edits: list[tuple[str, str]], message: str
) -> None:
    clinic.deliver(week(0), VISITS)
    clinic.run(week(0))
    published = clinic.manifest
    before = canonical(clinic.conn, published)
    clinic.manifest = _changed(tmp_path, mart, *edits)
    clinic.deliver(week(1), [("V3", "P3", "RXA")])
    with pytest.raises(MedimartError, match="Columns may be added") as error:
        clinic.run(week(1))
    assert message in str(error.value)
    assert canonical(clinic.conn, published) == before


def _changed(tmp_path: Path, mart: str, *edits: tuple[str, str]) -> Manifest:
    """The small models with texts of one mart's file replaced; changes of one test add up."""
    root = tmp_path / "sql"
    if not root.exists():
        shutil.copytree(SQL, root)
    path = root / "marts" / f"{mart}.sql"
    for old, new in edits:
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
    return models(root)


def _verdict(clinic: Clinic, build: building.Build, severity: str, status: str) -> None:
    clinic.conn.commit()
    verdict = Verdict("dim_trust", "worse", "expectation", None, severity, status, "why", "what to do", unexpected=1)
    checkpoint.record(clinic.conn, build, build.run_id, {"dim_trust": "waiting_list"}, [verdict])
    clinic.conn.commit()
