"""Same answer: whatever the order in which things arrive, run, overlap and die, the marts are the same."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from clinic import Clinic, canonical, models, until_waiting, week
from medimart.db import connect
from medimart.models import build as building
from medimart.models import publish as publishing
from medimart.quality import checkpoint

Visits = list[tuple[str, str, str]]
PROGRAM = Path(__file__).with_name("clinic.py")


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small models are the models, and the checks are those that their headers imply."""
    monkeypatch.setattr(checkpoint.suite, "__defaults__", (tmp_path,))
    monkeypatch.setattr(publishing, "load_manifest", models)
    monkeypatch.setattr(publishing, "seed_digests", lambda: {})


def straight(clinic: Clinic, deliveries: dict[date, Visits]) -> dict[str, bytes]:
    """The marts when all is there from the beginning and every week runs once, in order."""
    for day, visits in deliveries.items():
        clinic.deliver(day, visits)
    for day in sorted(deliveries):
        clinic.run(day)
    return canonical(clinic.conn, clinic.manifest)


def restate(clinic: Clinic) -> None:
    """Run what is stale, oldest first, until nothing is."""
    while found := publishing.stale(clinic.conn):
        clinic.run(found[0].census, f"restated {found[0].census}")


def test_weeks_in_any_order(new_clinic: Callable[[], Clinic]) -> None:
    deliveries = {week(n): [(f"V{n}", f"P{n}", "RXA"), (f"W{n}", "P0", "RXB")] for n in range(3)}
    expected = straight(new_clinic(), deliveries)
    for order in ((2, 1, 0), (1, 0, 2, 1), (2, 0, 1, 0)):
        clinic = new_clinic()
        for day, visits in deliveries.items():
            clinic.deliver(day, visits)
        for turn, number in enumerate(order):
            clinic.run(week(number), f"run {turn}")
        assert canonical(clinic.conn, clinic.manifest) == expected


def test_an_older_week_leaves_the_current_tables_to_the_newest(clinic: Clinic) -> None:
    for number in range(2):
        clinic.deliver(week(number), [(f"V{number}", "P1", "RXA")], version=number + 1)
    clinic.run(week(1))
    done = clinic.run(week(0))
    assert done.row_counts == {"fct_wait": 1}
    assert clinic.rows("select distinct version from marts.fct_visit") == [(2,)]


def test_a_late_week_brings_the_current_tables_up_to_date(new_clinic: Callable[[], Clinic]) -> None:
    deliveries = {week(n): [(f"V{n}", f"P{n}", "RXA")] for n in range(3)}
    expected = straight(new_clinic(), deliveries)
    clinic = new_clinic()
    for number in (1, 2, 0):
        clinic.deliver(week(number), deliveries[week(number)])
        clinic.run(week(number))
    assert clinic.rows("select count(*) from marts.fct_visit") == [(3,)]
    assert [found.census for found in publishing.stale(clinic.conn)] == [week(1), week(2)]
    restate(clinic)
    assert canonical(clinic.conn, clinic.manifest) == expected
    assert clinic.rows("select nspname from pg_namespace where nspname like 'build%'") == []


def test_what_a_corrected_file_takes_back_goes_when_nothing_refers_to_it(new_clinic: Callable[[], Clinic]) -> None:
    clinic = new_clinic()
    wrong = [("V0", "P0", "RXA"), ("V9", "P9", "RXZ")]
    deliveries = {week(0): wrong[:1], week(1): [("V1", "P1", "RXA")]}
    expected = straight(new_clinic(), deliveries)
    straight(clinic, deliveries | {week(0): wrong})
    clinic.deliver(week(0), wrong[:1])
    clinic.run(week(1), "newest first")
    still = "select count(*), count(*) filter (where is_current) from marts.dim_patient"
    assert clinic.rows(still) == [(4, 3)]  # week 0 as published still refers to P9
    assert clinic.rows("select count(*) from marts.fct_wait where census_date = '2026-01-04'") == [(2,)]
    assert [found.census for found in publishing.stale(clinic.conn)] == [week(0), week(1)]
    restate(clinic)
    assert clinic.rows(still) == [(3, 3)]
    assert canonical(clinic.conn, clinic.manifest) == expected


def test_a_correction_taken_back_is_taken_back_from_the_current_tables(new_clinic: Callable[[], Clinic]) -> None:
    deliveries = {week(n): [(f"V{n}", f"P{n}", "RXA")] for n in range(2)}
    clinic = new_clinic()
    expected = straight(clinic, deliveries)
    clinic.deliver(week(0), [("V9", "P9", "RXB")])
    clinic.run(week(0), "corrected")
    clinic.deliver(week(0), deliveries[week(0)])
    assert [found.census for found in publishing.stale(clinic.conn)] == [week(0), week(1)]
    clinic.run(week(1))  # under the name of its first run, whose inputs these are again
    of_correction = "select count(*) from marts.fct_visit join marts.dim_trust using (trust_sk) where trust_id = 'RXB'"
    assert clinic.rows(of_correction) == [(0,)]
    restate(clinic)
    assert canonical(clinic.conn, clinic.manifest) == expected


@pytest.mark.parametrize("seed", range(3))
def test_any_history_of_arrivals_corrections_and_runs(new_clinic: Callable[[], Clinic], seed: int) -> None:
    draw = random.Random(seed)
    days = [week(n) for n in range(3)]

    def visits(day: date) -> Visits:
        chosen = draw.sample(range(6), 3)
        return [(f"V{day}{n}", f"P{n}", f"RX{draw.choice('AB')}") for n in chosen]

    clinic, final = new_clinic(), dict[date, Visits]()
    for day in draw.sample(days, 3):
        final[day] = visits(day)
        clinic.deliver(day, final[day])
        clinic.run(draw.choice([d for d in days if d in final]), f"run {day}")
    corrected = draw.choice(days)
    final[corrected] = visits(corrected)
    clinic.deliver(corrected, final[corrected])
    for turn, day in enumerate(draw.sample(days, 3)):
        clinic.run(day, f"again {turn}")
    restate(clinic)
    assert canonical(clinic.conn, clinic.manifest) == straight(new_clinic(), final)


def test_killed_in_the_middle_of_its_transaction(new_clinic: Callable[[], Clinic]) -> None:
    deliveries = {week(n): [(f"V{n}", f"P{n}", "RXA")] for n in range(2)}
    expected = straight(new_clinic(), deliveries)
    clinic = new_clinic()
    for day, visits in deliveries.items():
        clinic.deliver(day, visits)
    clinic.run(week(0))
    before = canonical(clinic.conn, clinic.manifest)
    with connect(clinic.url) as blocker, connect(clinic.url) as watcher:
        blocker.execute("lock table marts.publication in exclusive mode")  # what is written last
        publisher = subprocess.Popen([sys.executable, PROGRAM, clinic.url, str(week(1)), "run"])
        until_waiting(watcher, "insert into marts.publication")
        publisher.kill()
        publisher.wait()
        blocker.rollback()
    assert canonical(clinic.conn, clinic.manifest) == before
    clinic.publish(building.find_build(clinic.conn, "run"))
    assert canonical(clinic.conn, clinic.manifest) == expected


def test_two_at_once(new_clinic: Callable[[], Clinic]) -> None:
    deliveries = {week(n): [(f"V{n}", f"P{n}", "RXA")] for n in range(4)}
    expected = straight(new_clinic(), deliveries)
    clinic = new_clinic()
    for day, visits in deliveries.items():
        clinic.deliver(day, visits)
    with connect(clinic.url) as blocker, connect(clinic.url) as watcher:
        blocker.execute("lock table marts.publication in exclusive mode")  # so that all are there before one goes on
        running = [
            subprocess.Popen([sys.executable, PROGRAM, clinic.url, str(week(n)), f"run {n}"]) for n in (3, 0, 2, 1)
        ]
        until_waiting(watcher, "pg_advisory_xact_lock")
        blocker.rollback()
        assert [process.wait() for process in running] == [0, 0, 0, 0]
    assert canonical(clinic.conn, clinic.manifest) == expected
