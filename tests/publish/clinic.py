"""A very small warehouse for publishing: visits of patients to trusts, delivered by hand, built by small models.

Run as a program, `clinic.py URL CENSUS RUN_ID`, it builds and publishes one census.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from medimart import landing
from medimart.db import connect
from medimart.models import build as building
from medimart.models import publish as publishing
from medimart.models.graph import read_models
from medimart.models.manifest import Manifest
from medimart.quality import checkpoint
from medimart.quality.checkpoint import Verdict
from psycopg import sql

FIRST = date(2026, 1, 4)
SQL = Path(__file__).parent / "sql"
Connection = psycopg.Connection[Any]


def week(number: int) -> date:
    """A census: week 0 is the first."""
    return FIRST + timedelta(days=7 * number)


def models(root: Path = SQL) -> Manifest:
    """The small models."""
    found, faults = read_models(root)
    assert not faults
    return Manifest(found, root)


@dataclass
class Clinic:
    """A prepared warehouse and what is delivered into it."""

    conn: Connection
    url: str
    manifest: Manifest = field(default_factory=models)

    def deliver(self, day: date, visits: list[tuple[str, str, str]], version: int = 1) -> None:
        """Deliver visits (visit, patient, trust) on a day, in place of what was delivered on it before."""
        with building.transaction(self.conn):
            self.conn.execute("delete from history.appointments where valid_from = %s", (day,))
            self.conn.execute(
                "update quality.load_audit set status = 'superseded' "
                "where source = 'appointments' and extract_date = %s",
                (day,),
            )
            [(load,)] = self.conn.execute(
                """
                insert into quality.load_audit (
                    source, extract_date, delivery, file_name, file_sha256, file_size, file_modified, encoding,
                    columns, row_count, contract_sha256, status, load_seconds
                ) values ('appointments', %s, 'changes', '', %s, 1, 1, 'utf-8', '{}', %s, '', 'typed', 0)
                returning load_id
                """,
                (day, f"{version} {visits}", len(visits)),
            ).fetchall()
            with self.conn.cursor() as cursor:
                cursor.executemany(
                    """
                    insert into history.appointments (
                        appointment_id, patient_id, trust_id, appointment_date, team, load_id, line_no, valid_from
                    ) values (%s, %s, %s, %s, %s, %s, 2, %s)
                    """,
                    [(*visit, day + timedelta(days=300), version, load, day) for visit in visits],
                )

    def build(self, census: date, run_id: str, passes: bool = True) -> building.Build:
        """Open a build and build every model; its checks are said to have passed."""
        pins = landing.inputs(self.conn, census, self.manifest.sources("waiting_list"))
        build = building.open_build(self.conn, census, run_id, pins)
        names = self.manifest.pipeline("waiting_list")
        for name in names:
            building.build_model(self.conn, build, name, self.manifest)
        if passes:
            pass_all(self.conn, build, self.manifest)
        return build

    def publish(self, build: building.Build) -> publishing.Publication:
        """Publish a build and clear it away, as the last step of a run does."""
        done = publishing.publish(self.conn, build, build.run_id, self.manifest)
        building.close_build(self.conn, build)
        return done

    def run(self, census: date, run_id: str | None = None) -> publishing.Publication:
        """Build and publish a census."""
        return self.publish(self.build(census, run_id or f"run of {census}"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query of the owner gives."""
        with building.transaction(self.conn):
            return self.conn.execute(query.encode()).fetchall()


def pass_all(conn: Connection, build: building.Build, manifest: Manifest) -> None:
    """Record a passed critical check of every model for a build."""
    names = manifest.pipeline(build.pipeline)
    verdicts = [
        Verdict(name, "looked_at", "expectation", None, "critical", "passed", "a reason", "an action") for name in names
    ]
    conn.commit()
    checkpoint.record(conn, build, build.run_id, dict.fromkeys(names, build.pipeline), verdicts)
    conn.commit()


def canonical(conn: Connection, manifest: Manifest, pipeline: str = "waiting_list") -> dict[str, bytes]:
    """Every mart as text in the order of its key, and what was kept beside them of who is who."""
    found = {}
    statements = {
        model.name: sql.SQL("select {} from marts.{} order by {}").format(
            sql.SQL(", ").join(sql.Identifier(column.name) for column in model.columns),
            sql.Identifier(model.name),
            sql.SQL(", ").join(map(sql.Identifier, model.grain)),
        )
        for model in manifest.marts(pipeline)
    }
    statements["identity.patient"] = sql.SQL("select * from identity.patient order by 1").format()
    statements["quality.patient_trust"] = sql.SQL("select * from quality.patient_trust order by 1, 2").format()
    for name, statement in statements.items():
        with conn.cursor() as cursor, cursor.copy(sql.SQL("copy ({}) to stdout").format(statement)) as copy:
            found[name] = b"".join(bytes(block) for block in copy)
    conn.commit()
    return found


def until_waiting(conn: Connection, statement: str) -> None:
    """Wait until a session of this database waits for a lock in a statement that holds these words."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        [(waiting,)] = conn.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' "
            "and query ilike %s",
            (f"%{statement}%",),
        ).fetchall()
        conn.rollback()
        if waiting:
            return
        time.sleep(0.01)
    raise AssertionError(f"nobody waits in {statement!r}")


if __name__ == "__main__":
    url, census, run_id = sys.argv[1:]
    with connect(url) as connection:
        Clinic(connection, url).run(date.fromisoformat(census), run_id)
