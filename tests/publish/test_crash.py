"""A crash of the server empties what a run has built: nothing is made of what is left."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from clinic import Clinic, canonical, week
from medimart import landing
from medimart.db import connect
from medimart.errors import MedimartError
from medimart.local.postgres import PostgresServer, free_port
from medimart.models import build as building
from medimart.warehouse import prepare


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that may crash: the others' sessions are elsewhere."""
    with tempfile.TemporaryDirectory(prefix="medimart-test-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        server = PostgresServer(Path(name) / "data", free_port())
        server.start(fsync="off")
        yield server
        server.stop()


def crash(url: str) -> None:
    """Kill a session as a system out of memory does; returns when the server has recovered."""
    with psycopg.connect(url) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            victim.execute("select 1")
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_what_a_crash_has_emptied_is_not_published(own_server: PostgresServer, keys: None) -> None:
    url = own_server.url("postgres")
    with connect(url) as conn:
        prepare(conn)
        landing.ensure_tables(conn)
        conn.commit()
        clinic = Clinic(conn, url)
        for number in range(2):
            clinic.deliver(week(number), [(f"V{number}", f"P{number}", "RXA")])
        clinic.run(week(0))
        before = canonical(conn, clinic.manifest)
        build = clinic.build(week(1), "run")
        conn.commit()
        crash(url)
    with connect(url) as conn:
        clinic = Clinic(conn, url)
        with pytest.raises(MedimartError, match="PostgreSQL has crashed and recovered"):
            building.find_build(conn, "run")
        with pytest.raises(MedimartError, match="PostgreSQL has crashed and recovered"):
            clinic.publish(build)
        assert canonical(conn, clinic.manifest) == before
        clinic.run(week(1), "run")
        assert canonical(conn, clinic.manifest) != before
