"""Loads may come in any order, be repeated, corrected, run side by side or killed: the history is the same."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conditions import counts, deliver, load
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from landing_folder import LandingFolder, forget, open_warehouse, week
from medimart import landing

WEEKS = 3

tokens = st.sampled_from([f"{key}{kind}" for key in "abc" for kind in ("1", "2", "3~", "?", "!")] + ["-a", "-b", "?"])
deliveries = st.tuples(st.sampled_from(["full", "changes"]), st.lists(tokens, min_size=1, max_size=5)).map(
    lambda delivery: " ".join([delivery[0], *delivery[1]])
)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, str, int]]]:
    """The final delivery of each week, and the steps by which they come: what arrives for which week, and up to which
    week is then loaded. Some arrive in another version first, some twice."""
    final = [draw(deliveries) for _ in range(WEEKS)]
    steps = [(number, text, WEEKS) for number, text in enumerate(final, 1)]
    steps += draw(st.lists(st.sampled_from(steps), max_size=2))
    steps = draw(st.permutations(steps))
    before = draw(st.lists(st.tuples(st.integers(1, WEEKS), deliveries), max_size=3))
    steps = [(number, text, WEEKS) for number, text in before] + list(steps)
    return final, [(number, text, draw(st.integers(number, WEEKS))) for number, text, _ in steps]


def state(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """All that loading conditions leaves behind, loads by their date instead of their number."""
    found: dict[str, Any] = {
        name: conn.execute(query).fetchall()
        for name, query in {
            "history": "select to_jsonb(h) - 'load_id', l.extract_date from history.conditions h "
            "join quality.load_audit l using (load_id) order by l.extract_date, h.line_no",
            "quarantine": "select to_jsonb(q) - 'load_id' - 'released_by_load', r.extract_date "
            "from quality.quarantine q join quality.load_audit l using (load_id) "
            "left join quality.load_audit r on r.load_id = q.released_by_load "
            "where q.source = 'conditions' and l.status = 'typed' "
            "order by q.extract_date, q.line_no, q.column_name, q.rule",
            "flags": "select l.extract_date, f.column_name, f.rule, f.row_count from quality.load_flag f "
            "join quality.load_audit l using (load_id) where l.source = 'conditions' order by 1, 2, 3",
            "loads": "select extract_date, delivery, file_sha256, row_count, duplicate_count, typing_sha256 "
            "from quality.load_audit where source = 'conditions' and status = 'typed' order by 1",
        }.items()
    }
    found["counts"] = [counts(conn, number) for number in range(1, WEEKS + 1)]
    conn.commit()
    return found


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrivals=arrivals())
@example(  # a row without a key that arrives after the full which releases it
    arrivals=(
        ["full a1", "full ?", "full a1"],
        [(1, "full a1", 1), (3, "full a1", 3), (2, "full ?", 2)],
    )
)
def test_any_order_and_repetition_gives_what_one_pass_gives(
    arrivals: tuple[list[str], list[tuple[int, str, int]]], conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    final, steps = arrivals
    shutil.rmtree(tmp_path / "landing", ignore_errors=True)
    folder = LandingFolder(tmp_path / "landing")
    forget(conn)
    for number, text, upto in steps:
        deliver(folder, number, text)
        load(conn, folder, upto)
    load(conn, folder, WEEKS)
    came = state(conn)
    landing.rebuild_history(conn, "conditions")
    assert state(conn) == came, "as rebuilt from raw"
    forget(conn)
    for number, text in enumerate(final, 1):
        deliver(folder, number, text)
        load(conn, folder, number)
    assert state(conn) == came, "as loaded in order"


class Loading(threading.Thread):
    """A load on a connection of its own; `result` is what it returned or raised."""

    def __init__(self, url: str, carry_out: Callable[[psycopg.Connection[Any]], Any]) -> None:
        super().__init__()
        self.conn, self.carry_out = open_warehouse(url), carry_out
        self.pid = self.conn.info.backend_pid
        self.result: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.carry_out(self.conn)
        except Exception as error:
            self.result = error
        finally:
            self.conn.close()


def test_side_by_side_each_file_is_loaded_once(url: str, conn: psycopg.Connection[Any], folder: LandingFolder) -> None:
    for number, delivery in enumerate(["full a1 b1 c?", "changes a2", "full a2 c1"], 1):
        deliver(folder, number, delivery)
    everything = [contract.source for contract in landing.folder_contracts()]
    loading = [
        Loading(url, lambda conn, order=order: [landing.load_source(conn, folder.path, s, week(3)) for s in order])
        for order in (everything, everything, everything[::-1])
    ]
    for each in loading:
        each.join()
    made = [result.load_id for each in loading for results in each.result for result in results]
    audit = conn.execute("select load_id, status from quality.load_audit order by load_id").fetchall()
    assert audit == [(load_id, "typed") for load_id in sorted(made)]
    assert len(made) == 3 * 7
    side_by_side = state(conn)
    landing.rebuild_history(conn, "conditions")
    assert state(conn) == side_by_side


@pytest.mark.parametrize("table", ["quality.load_audit", "history.conditions", "quality.quarantine"])
def test_a_load_that_is_killed_leaves_nothing_and_is_done_again(
    table: str, url: str, conn: psycopg.Connection[Any], folder: LandingFolder
) -> None:
    """Killed while it waits for a table: after COPY, before typing, and while it types."""
    deliver(folder, 1, "full a1 b1")
    deliver(folder, 2, "full a2 b? c1")
    load(conn, folder, 1)
    before = state(conn)
    with conn.transaction(), psycopg.connect(url, autocommit=True) as watch:
        conn.execute(f"lock table {table} in share mode")  # readers go on, the load waits
        loading = Loading(url, lambda conn: load(conn, folder, 2))
        waits = "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s"
        while watch.execute(waits, (loading.pid,)).fetchone() != (True,):
            time.sleep(0.01)
        watch.execute("select pg_terminate_backend(%s)", (loading.pid,))
        loading.join()
    assert isinstance(loading.result, psycopg.OperationalError), "what may pass is tried again"
    assert str(loading.result).startswith(f"{week(2)}/conditions.csv: PostgreSQL refused (AdminShutdown, 57P01")
    assert state(conn) == before
    partitions = "select count(*) from pg_class where relispartition and relkind = 'r' and relname ~ '^conditions_'"
    assert conn.execute(partitions).fetchone() == (1,)
    conn.commit()
    assert [result.rows for result in load(conn, folder, 2)] == [3]
