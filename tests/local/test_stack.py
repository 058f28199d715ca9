"""`medimart up` when something dies: nothing is left, and the next start is as if nothing had been."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

import psutil
import psycopg
import pytest
from medimart.local.runs import run_censuses, running
from medimart.local.stack import metadata_url
from medimart.local.warehouse import warehouse
from place import NOTHING_LANDED, QUERY, Place, assert_nothing_is_left, left
from rich.console import Console


def children(pid: int) -> dict[str, int]:
    """The components that a supervisor started, by a word of their command line."""
    found = {}
    for process in psutil.Process(pid).children():
        line = " ".join(process.cmdline())
        for name in ("scheduler", "triggerer", "dag-processor", "api", "postgres"):
            if re.search(rf"airflow\W+{name}|/{name}\b", line.replace("_", "-")):
                found[name] = process.pid
    return found


def wait_until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait; an assertion when it does not come."""
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_crash_and_a_kill_leave_nothing(own_place: Place, free_ports: dict[str, str]) -> None:
    first = own_place.start("up", **free_ports)
    own_place.await_ready(first)
    os.kill(children(first.pid)["scheduler"], signal.SIGKILL)
    _, err = first.communicate()
    assert first.returncode == 1
    assert err.startswith("medimart: scheduler was killed (signal 9); its log:")
    assert_nothing_is_left(own_place)

    second = own_place.start("up", **free_ports)
    said = own_place.await_ready(second)
    assert f"http://127.0.0.1:{free_ports['MEDIMART_PORT']}" in said
    assert re.search(r"user admin, password \S+", said)
    second.kill()
    second.communicate()
    wait_until(lambda: left(own_place.home) == [])

    assert own_place.run(*QUERY).returncode == 0
    assert_nothing_is_left(own_place)


def test_a_stack_that_stops_with_its_runs_leaves_no_backfill_in_progress(
    own_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scheduler is stopped before it would have seen, every 30 s, that the backfill is over."""
    for name, value in own_place.environment.items():
        monkeypatch.setenv(name, value)
    with running("the tests", ["waiting_list"]) as on:
        assert on.is_ours
        [outcome] = run_censuses(on, "waiting_list", [NOTHING_LANDED], console=Console(quiet=True))
        assert outcome.state == "skipped"
    assert_nothing_is_left(own_place)
    with warehouse() as url, psycopg.connect(metadata_url(url)) as conn:
        found = conn.execute("select completed_at is not null, is_paused from backfill").fetchall()
    assert found == [(True, False)]  # paused would be cancelled, and its run done again by another
