"""Same answer, with the real extracts, models and runs: any order, late, repeated, overlapping, killed, rebuilt."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import clinic
import psycopg
import pytest
import weeks
from clinic import canonical, until_waiting
from conftest import Weeks, new_database
from medimart import pipeline, status
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.models import build as building
from medimart.models import publish
from medimart.models.manifest import load_manifest
from medimart.settings import PROJECT_ROOT

PROGRAM = Path(__file__).with_name("weeks.py")
SAMPLE = PROJECT_ROOT / "data" / "publication" / "sample.zip"


def test_overlapping_repeated_and_killed_runs_give_the_same_marts(
    straight: Weeks, template: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIMART_LANDING", str(straight.landing))
    first, second, third = straight.censuses
    with new_database(template) as url, connect(url) as conn, connect(url) as watcher:
        overlapping = [
            subprocess.Popen([sys.executable, PROGRAM, url, *runs])
            for runs in ((f"{third}=a", f"{first}=b"), (f"{second}=c",))
        ]
        with connect(url) as blocker:
            blocker.execute("lock table marts.publication in exclusive mode")  # what is written last
            killed = subprocess.Popen([sys.executable, PROGRAM, url, f"{first}=killed"])
            until_waiting(watcher, "insert into marts.publication")  # one of them has its rows written; all wait for it
            killed.kill()
            killed.wait()
            blocker.rollback()
        assert [process.wait() for process in overlapping] == [0, 0]
        weeks.run(conn, first, "killed")
        assert _differing(canonical(conn, load_manifest()), straight.marts) == []
        assert publish.stale(conn) == []


def test_a_late_week_and_a_rebuild_from_raw_give_the_same_marts(
    straight: Weeks, template: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = tmp_path / "landing"
    shutil.copytree(straight.landing, landing)
    monkeypatch.setenv("MEDIMART_LANDING", str(landing))
    first, second, third = straight.censuses
    late = landing / str(second)
    late.rename(tmp_path / "on its way")
    with new_database(template) as url, connect(url) as conn:
        weeks.run(conn, third, "early")
        (tmp_path / "on its way").rename(late)
        assert _states(conn, landing) == {first: "loaded", second: "landed", third: "stale"}
        for census in (third, first, second):
            weeks.run(conn, census, f"rebuilt {census}", full_rebuild=True)
        assert _differing(canonical(conn, load_manifest()), straight.marts) == []
        assert set(_states(conn, landing).values()) == {"published"}
        (landing / str(third) / "_complete.json").unlink()
        assert _states(conn, landing)[third] == "not complete"


def test_a_publish_step_killed_at_its_very_end_has_nothing_left_to_do(
    straight: Weeks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIMART_LANDING", str(straight.landing))
    census = straight.censuses[-1]
    with connect(straight.url) as conn:
        before = publish.published(conn)
        conn.commit()
        pipeline.publish(conn, pipeline.Run(f"straight {census}", census=census))
        assert publish.published(conn) == before


def test_a_revised_publication_replaces_its_month(template: PostgresServer, tmp_path: Path) -> None:
    with zipfile.ZipFile(SAMPLE) as archive:
        [member] = archive.namelist()
        lines = archive.read(member).splitlines(keepends=True)
    revised = tmp_path / "revised.csv"
    revised.write_bytes(b"".join(lines[:-1]))
    with new_database(template) as url, connect(url) as conn:
        for run_id, file, rows in (
            ("first", SAMPLE, len(lines) - 1),
            ("again", SAMPLE, len(lines) - 1),
            ("revised", revised, len(lines) - 2),
        ):
            this = pipeline.Run(run_id, pipeline.PUBLICATION, input=file)
            pipeline.begin(conn, this)
            pipeline.load_publication(conn, this)
            pipeline.pin(conn, this)
            manifest = load_manifest()
            for name in building.plan(manifest, manifest.pipeline(pipeline.PUBLICATION)):
                pipeline.build_model(conn, this, name)
            clinic.pass_all(conn, building.find_build(conn, run_id), manifest)
            pipeline.publish(conn, this)
            [done] = publish.published(conn, pipeline.PUBLICATION)
            assert (done.run_id, done.row_counts["fct_rtt_published"]) == (run_id, rows)
        assert conn.execute("select count(*) from marts.fct_rtt_published").fetchone() == (len(lines) - 2,)
        assert publish.stale(conn, pipeline.PUBLICATION) == publish.published(conn) == []


def _states(conn: psycopg.Connection[Any], landing: Path) -> dict[date, str]:
    return {week.date: week.state for week in status.weeks(conn, landing)}


def _differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
