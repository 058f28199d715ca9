"""A critical failure stops the publish: nothing of the week is shown, the week before stays as it was, and why is told.

That each critical check fails upon its fault is proved in test_faults.py; here, what any failure of one leads to.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from healthy_build import built
from medimart import pipeline
from medimart.db import connect
from medimart.errors import CheckBroken, CriticalFailure
from medimart.local.postgres import PostgresServer
from medimart.models import build as building
from medimart.pipeline import Run, run_through
from medimart.synthetic.calendar import date_of
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options

LAYERS = ("staging", "intermediate", "marts")
WEEKS = Options(patients=60, weeks=2, seed=3)


@dataclass(frozen=True)
class Clinic:
    """A warehouse whose first week is published, and whose second is built and not validated yet."""

    conn: psycopg.Connection[Any]
    url: str
    run: Run

    def spoil(self, statement: str) -> None:
        build = building.find_build(self.conn, self.run.run_id)
        with self.conn.transaction():
            self.conn.execute(f"set local search_path = {build.schema}")
            self.conn.execute(statement.encode())
        self.conn.commit()

    def validate(self, *layers: str) -> None:
        for layer in layers or LAYERS:
            pipeline.validate(self.conn, self.run, layer)

    def publish(self) -> None:
        pipeline.publish(self.conn, self.run)

    def shown(self) -> dict[str, str]:
        """A digest of every mart that readers see, and of what is recorded as published."""
        names = self.conn.execute(
            "select c.relname from pg_class as c where c.relnamespace = 'marts'::regnamespace"
            " and c.relkind in ('r', 'p') order by 1"
        ).fetchall()
        digests = {
            name: self.conn.execute(
                f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from marts.{name} as t".encode()
            ).fetchone()
            for (name,) in names
        }
        self.conn.commit()
        return {name: digest[0] for name, digest in digests.items() if digest}


@pytest.fixture(scope="module")
def prepared(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database that each test starts from."""
    folder = tmp_path_factory.mktemp("stop")
    generate(folder / "landing", WEEKS)
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server.url(), autocommit=True) as admin:
        patch.setenv("MEDIMART_HOME", str(folder / "home"))
        patch.setenv("MEDIMART_LANDING", str(folder / "landing"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute("create database prepared")
        with connect(server.url("prepared")) as conn:
            first, second = (date_of(day) for day in WEEKS.extract_days)
            run_through(conn, Run("waiting_list/first", census=first))
            built(conn, Run("waiting_list/second", census=second))
        yield "prepared"
        admin.execute("drop database prepared with (force)")


@pytest.fixture
def clinic(server: PostgresServer, prepared: str) -> Iterator[Clinic]:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database stopped template {prepared}")
        with connect(server.url("stopped")) as conn:
            yield Clinic(conn, server.url("stopped"), Run("waiting_list/second"))
        admin.execute("drop database stopped with (force)")


FAULTS = {
    "staging": ("update stg_patients set gender_code = 'no such code'", "stg_patients.gender_code_known_code"),
    "intermediate": (
        "update int_weekly_demand set referral_count = referral_count + 1",
        "int_weekly_demand.every_referral_counted",
    ),
    "marts": ("update fct_rtt_flow set restatements = restatements + 1", "fct_rtt_flow.flow_adds_up"),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_critical_failure_publishes_nothing(clinic: Clinic, layer: str) -> None:
    before = clinic.shown()
    fault, check = FAULTS[layer]
    clinic.spoil(fault)
    clinic.validate(*(other for other in LAYERS if other != layer))
    with pytest.raises(CriticalFailure, match=f"(?m)^Critical check failed: {check} "):
        clinic.validate(layer)
    with pytest.raises(CriticalFailure, match=f"(?m)^Critical check failed: {check} "):
        clinic.publish()
    clinic.conn.rollback()
    assert clinic.shown() == before


def test_a_broken_check_publishes_nothing_and_blames_no_data(clinic: Clinic) -> None:
    before = clinic.shown()
    clinic.validate("staging", "intermediate")
    clinic.spoil("alter table fct_capacity_audit drop column filled_count")
    for step in (lambda: clinic.validate("marts"), clinic.publish):
        with pytest.raises(CheckBroken, match="says nothing about the data"):
            step()
    clinic.conn.rollback()
    assert clinic.shown() == before


def test_what_was_not_validated_is_not_published(clinic: Clinic) -> None:
    before = clinic.shown()
    clinic.validate("staging", "intermediate")
    with pytest.raises(CheckBroken, match="nothing was checked of"):
        clinic.publish()
    clinic.conn.rollback()
    assert clinic.shown() == before


def test_once_mended_the_run_goes_on(clinic: Clinic) -> None:
    before = clinic.shown()
    clinic.spoil(FAULTS["marts"][0])
    with pytest.raises(CriticalFailure):
        clinic.validate()
    pipeline.build_model(clinic.conn, clinic.run, "fct_rtt_flow")
    clinic.validate("marts")
    clinic.publish()
    assert clinic.shown() != before


def test_on_call_is_told_the_reason(clinic: Clinic, tmp_path: Path) -> None:
    clinic.spoil(FAULTS["marts"][0])
    with pytest.raises(CriticalFailure) as failure:
        clinic.validate()
    clinic.conn.commit()
    told = called_back(clinic.url, tmp_path)
    for words in (
        f"waiting_list, census {WEEKS.until}: not published. Run waiting_list/second.",
        "Critical check failed: fct_rtt_flow.flow_adds_up (",
        "The list must roll forward",
        "Meanwhile: readers see the marts as published on",
        "To do: Compare the periods of the two weeks",
    ):
        assert words in told
    # A failed task logs its exception as the last thing: the last line of it must do for whoever is woken by it.
    last = str(failure.value).splitlines()[-1]
    assert last.startswith(f"Census {WEEKS.until} is not published; the last published marts stay. ")
    assert "Compare the periods of the two weeks" in last


def test_on_call_is_told_that_a_run_never_began(clinic: Clinic, tmp_path: Path) -> None:
    told = called_back(clinic.url, tmp_path, run_id="never")
    assert "Run waiting_list/never failed before it had fixed its census: nothing was loaded or published." in told


def called_back(url: str, home: Path, run_id: str = "second") -> str:
    """What Airflow's callback for a failed run writes, in a process of its own: Airflow takes logging over."""
    program = (
        "from types import SimpleNamespace as Run; from medimart.alerts import run_failed; "
        f"run_failed({{'dag_run': Run(dag_id='waiting_list', run_id='{run_id}')}})"
    )
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW_CONN_MEDIMART": url}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr
