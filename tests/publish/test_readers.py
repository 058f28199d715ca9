"""All or nothing: readers who join facts with dimensions all through fifty publishes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from clinic import Clinic, week
from psycopg import sql
from psycopg.conninfo import make_conninfo

PUBLISHES, READERS, VISITS = 50, 8, 300
# Every table carries the number of the delivery it was made from: all of one, or the answer is a mixture.
READ = """
    select
        count(*),
        array_agg(distinct f.version) || array_agg(distinct t.version) || array_agg(distinct p.version)
        || (select max(w.version) from marts.fct_wait as w)
        || (select count(*)::integer from marts.publication)
    from marts.fct_visit as f
    inner join marts.dim_trust as t using (trust_sk)
    inner join marts.dim_patient as p using (patient_sk)
"""
WAITS = """
    select w.census_date, count(*), count(distinct w.version), count(distinct f.visit_sk), count(distinct p.patient_sk)
    from marts.fct_wait as w
    left join marts.fct_visit as f using (visit_sk)
    left join marts.dim_patient as p on p.patient_sk = w.patient_sk
    group by w.census_date
"""


def test_readers_see_no_error_and_no_mixture(clinic: Clinic) -> None:
    login = f"reader_{clinic.conn.info.dbname}"
    clinic.conn.execute(sql.SQL("create role {} login password 'reads'").format(sql.Identifier(login)))
    clinic.conn.execute("call quality.admit(%s, 'medimart_clinical', '{RXA, RXB}')", (login,))
    _deliver(clinic, 0)
    clinic.run(week(0), "run 0")
    stop = threading.Event()
    with ThreadPoolExecutor(READERS) as pool:
        url = make_conninfo(clinic.url, user=login, password="reads")
        reading = [pool.submit(_read, url, stop) for _ in range(READERS)]
        try:
            for number in range(1, PUBLISHES):
                _deliver(clinic, number)
                clinic.run(week(number // 5), f"run {number}")  # a new census every fifth time, else restated
        finally:
            stop.set()
        assert min(future.result() for future in reading) > 0
    clinic.conn.execute(sql.SQL("drop role {}").format(sql.Identifier(login)))
    clinic.conn.commit()


def _deliver(clinic: Clinic, number: int) -> None:
    visits = [(f"V{n}", f"P{n % 100}", f"RX{'AB'[n % 2]}") for n in range(VISITS)]
    clinic.deliver(week(0), visits, version=number + 1)


def _read(url: str, stop: threading.Event) -> int:
    """Read until it is over, by single statements and by several in one transaction; returns how often."""
    reads = 0
    with psycopg.connect(url, autocommit=True) as conn:
        while not stop.wait(0.01):
            _one(conn.execute(READ).fetchall())
            _every(conn.execute(WAITS).fetchall())
            with conn.transaction():
                versions = _one(conn.execute(READ).fetchall())
                _every(conn.execute(WAITS).fetchall())
                assert _one(conn.execute(READ).fetchall()) == versions
            reads += 1
    return reads


def _one(rows: list[Any]) -> int:
    [(count, versions)] = rows
    assert count == VISITS
    assert len(set(versions)) == 1, versions
    return int(versions[0])


def _every(rows: list[Any]) -> None:
    for _, waits, versions, visits, patients in rows:
        assert (waits, versions, visits, patients) == (VISITS, 1, VISITS, 100)
