"""The shipped samples are what the generator makes, and what they are said to be."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart import landing
from medimart.local.postgres import PostgresServer
from medimart.pipeline import Run, run_through
from medimart.quality import not_passed
from medimart.synthetic import publication, sample
from medimart.synthetic.planting import Planted
from synthetic_pipeline import build_all, expected, flagged, loaded, quarantined, rows_of, wanted_rows

SLICE = Path(__file__).parents[3] / "shared" / "data" / "rtt-full-extract-2024-11-RBD.csv"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by name; compressed ones by what is in them, because versions of zlib differ in their bytes."""
    return {
        str(path.relative_to(folder)): gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


Found = tuple[psycopg.Connection[Any], tuple[Planted, ...]]


@pytest.fixture(scope="module")
def made(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Found]]:
    """The sample made anew, loaded and built."""
    home = tmp_path_factory.mktemp("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIMART_HOME", str(home / "home"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        with loaded(server, "synthetic_sample", home / "landing", sample.OPTIONS) as found:
            build_all(found[0], sample.OPTIONS.until)
            yield home / "landing", found


def test_the_shipped_extracts_are_what_the_generator_makes(made: tuple[Path, Found]) -> None:
    shipped, again = contents(sample.LANDING), contents(made[0])
    assert shipped.keys() == again.keys()
    assert [name for name, content in shipped.items() if content != again[name]] == []


def test_the_sample_is_small_and_complete() -> None:
    assert sum(path.stat().st_size for path in sample.LANDING.rglob("*") if path.is_file()) < 10_000_000
    found = landing.extracts(sample.LANDING)
    assert [f"{e.date}" for e in found][:: len(found) - 1] == ["2026-01-18", "2026-04-05"]
    assert len(found) == 12
    assert all(e.is_complete for e in found)
    assert sum(len(e.unexpected) for e in found) == 1
    assert landing.strays(sample.LANDING) == []


def test_the_dirt_is_found_and_nothing_else(made: tuple[Path, Found]) -> None:
    conn, planted = made[1]
    assert quarantined(conn) == expected(planted, "quarantine")
    assert flagged(conn) == expected(planted, "flag")
    for one in (p for p in planted if "where" in p.find):
        assert rows_of(conn, one) == wanted_rows(one), one.name


def test_the_shipped_weeks_pass_every_critical_check(warehouse: psycopg.Connection[Any]) -> None:
    """The newest first, then weeks that come late: the first, which has no week before, and the one after it."""
    found: list[Any] = []
    for day in ("2026-04-05", "2026-01-18", "2026-01-25"):
        run_through(warehouse, Run(day, census=dt.date.fromisoformat(day)))
        found += [(day, v.name) for v in not_passed(warehouse, day) if v.status == "broken" or v.severity == "critical"]
    assert found == []
    published = warehouse.execute("select count(*) from marts.publication").fetchone()
    assert published == (3,)


def test_clinics_and_theatres_are_used_as_real_ones_are(made: tuple[Path, Found]) -> None:
    conn, _ = made[1]
    used = conn.execute(
        "select trust_sk, session_type, sum(filled_count) / sum(planned_count)::numeric, "
        "sum(overbooked_count) / sum(planned_count)::numeric, sum(dna_count) / sum(booked_count)::numeric "
        "from fct_capacity_audit where planned_count > 0 group by trust_sk, session_type"
    ).fetchall()
    assert len(used) == 8
    for _, session_type, fill_rate, overbooked_rate, dna_rate in used:
        assert 0.75 < fill_rate <= 1
        assert overbooked_rate < 0.12
        assert session_type == "theatre" or 0.02 < dna_rate < 0.12


def test_a_good_share_of_the_list_has_a_date(made: tuple[Path, Found]) -> None:
    conn, _ = made[1]
    row = conn.execute(
        "select avg(within_18_weeks::int), avg(over_52_weeks::int), avg(is_undated::int), "
        "avg((waiting_list_type = 'admitted')::int), avg(is_priority_unknown::int) from fct_waitlist"
    ).fetchone()
    assert row is not None
    within, over_52, undated, admitted, priority_unknown = map(float, row)
    assert 0.57 < within < 0.66
    assert 0.01 < over_52 < 0.03
    assert 0.45 < undated < 0.65
    assert 0.1 < admitted < 0.2
    assert priority_unknown < 0.55


def test_the_shipped_publication_is_what_the_generator_makes(tmp_path: Path) -> None:
    publication.write(tmp_path / "again.zip")
    publication.write(tmp_path / "once_more.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "once_more.zip").read_bytes()
    shipped, again = (zipfile.ZipFile(path) for path in (sample.PUBLICATION, tmp_path / "again.zip"))
    assert shipped.namelist() == again.namelist() == [publication.MEMBER]
    assert shipped.read(publication.MEMBER) == again.read(publication.MEMBER)


def test_the_publication_has_every_part_and_kind_of_line() -> None:
    with zipfile.ZipFile(sample.PUBLICATION) as archive:
        text = io.TextIOWrapper(archive.open(publication.MEMBER), encoding="utf-8", newline="")
        lines = list(csv.DictReader(text))
    assert tuple(lines[0]) == publication.HEADER
    assert {line["RTT Part Type"] for line in lines} == {"Part_1A", "Part_1B", "Part_2", "Part_2A", "Part_3"}
    assert len({line["Provider Parent Org Code"] for line in lines}) == 3
    assert len({line["Treatment Function Code"] for line in lines}) == 24
    assert any("," in line["Provider Parent Name"] for line in lines)
    assert any(line["Commissioner Org Code"] == "NONC" for line in lines)
    assert sum(int(line["Patients with unknown clock start date"] or 0) for line in lines) > 0
    assert all(line["Provider Org Code"].startswith("Z") for line in lines)


@pytest.mark.skipif(not SLICE.exists(), reason=f"NHS England's file is not at {SLICE}")
def test_the_publication_has_nhs_englands_header() -> None:
    with SLICE.open(encoding="utf-8", newline="") as file:
        assert tuple(next(csv.reader(file))) == publication.HEADER
