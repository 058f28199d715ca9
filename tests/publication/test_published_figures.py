"""NHS England's own monthly files, from the CSV to the published mart: the figures it printed, to the last patient.

The files are public and not shipped. They are looked for at MEDIMART_RTT_FILE and beside the project, in
`../shared/data`; where one is absent the tests that need it say so and are skipped.
"""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart.db import connect
from medimart.errors import CriticalFailure
from medimart.local.postgres import PostgresServer
from medimart.pipeline import PUBLICATION, Run, run_through
from medimart.quality import not_passed
from medimart.settings import PROJECT_ROOT

BESIDE = PROJECT_ROOT.parent / "shared" / "data"
JANUARY = Path(os.environ.get("MEDIMART_RTT_FILE") or BESIDE / "rtt-full-extract-2026-01.zip")
ONE_TRUST = BESIDE / "rtt-full-extract-2024-11-RBD.csv"
SAMPLE = PROJECT_ROOT / "data" / "publication" / "sample.zip"

Mart = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def mart(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mart]:
    """A warehouse that has published each of the files that is there."""
    home = tmp_path_factory.mktemp("publication")
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server.url(), autocommit=True) as admin:
        patch.setenv("MEDIMART_HOME", str(home))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        admin.execute("create database publication")
        with connect(server.url("publication")) as conn:
            for path in (JANUARY, ONE_TRUST):
                if path.exists():
                    run_through(conn, Run(f"publication/{path.name}", PUBLICATION, input=path))
            yield conn
        admin.execute("drop database publication with (force)")


def needs(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path.name} is absent: the figures NHS England printed were not reproduced in this run")


def england(mart: Mart, month: str, part: str) -> tuple[Any, ...]:
    row = mart.execute(
        """
        select
            total_count, within_18_weeks_count, over_52_weeks_count, over_65_weeks_count, over_78_weeks_count,
            over_104_weeks_count
        from marts.mart_rtt_published
        where period_date = %s and rtt_part_code = %s and organisation_level = 'england'
            and treatment_function_code = 'C_999'
        """,
        (month, part),
    ).fetchone()
    assert row
    return tuple(row)


def test_january_2026_as_printed(mart: Mart) -> None:
    needs(JANUARY)
    assert england(mart, "2026-01-31", "Part_2") == (7_155_958, 4_395_958, 133_860, 7_417, 1_614, 200)
    assert {part: england(mart, "2026-01-31", part)[0] for part in ("Part_2A", "Part_3", "Part_1A", "Part_1B")} == {
        "Part_2A": 1_182_193,
        "Part_3": 1_767_584,
        "Part_1A": 301_671,
        "Part_1B": 1_246_943,
    }
    rate = mart.execute(
        "select round(100 * within_18_weeks_rate, 2) from marts.mart_rtt_published where period_date = '2026-01-31'"
        " and rtt_part_code = 'Part_2' and organisation_level = 'england' and treatment_function_code = 'C_999'"
    ).fetchone()
    assert str(rate[0] if rate else None) == "61.43"


@pytest.mark.parametrize("path", [JANUARY, ONE_TRUST], ids=["January 2026", "one trust of November 2024"])
def test_every_provider_as_reckoned_from_the_file_alone(mart: Mart, path: Path) -> None:
    needs(path)
    month = "2024-11-30" if path == ONE_TRUST else "2026-01-31"
    found = {
        (provider, function, part): tuple(figures)
        for provider, function, part, *figures in mart.execute(
            """
            select
                organisation_code, treatment_function_code, rtt_part_code, total_count, within_18_weeks_count,
                over_52_weeks_count, median_weeks, p92_weeks
            from marts.mart_rtt_published
            where period_date = %s and organisation_level = 'provider' and rtt_part_code <> 'Part_3'
            """,
            (month,),
        )
    }
    expected = reckoned(path)
    assert found.keys() == expected.keys()
    assert [(key, found[key], expected[key]) for key in expected if not same(found[key], expected[key])] == []


def same(found: tuple[Any, ...], expected: tuple[Any, ...]) -> bool:
    """Counts to the unit, weeks to the four decimals that the mart keeps."""
    weeks = zip(found[3:], expected[3:], strict=True)
    return found[:3] == expected[:3] and all(
        (a is None) is (b is None) and (a is None or abs(Fraction(a) - b) <= Fraction(1, 20_000)) for a, b in weeks
    )


def reckoned(path: Path) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """Totals, counts and interpolated weeks of every provider and part, in plain Python, straight from the file."""
    bands: dict[tuple[str, str, str], list[int]] = {}
    totals: dict[tuple[str, str, str], int] = {}
    with opened(path) as lines:
        for row in csv.DictReader(lines):
            part, function = row["RTT Part Type"], row["Treatment Function Code"]
            if part == "Part_3" or function == "C_999" or row["Commissioner Org Code"] == "NONC":
                continue
            counts = [int(row[name] or 0) for name in row if name and name.startswith("Gt ")]
            for key in ((row["Provider Org Code"], function, part), (row["Provider Org Code"], "C_999", part)):
                bands[key] = [a + b for a, b in zip(bands.get(key, [0] * 105), counts, strict=True)]
                totals[key] = totals.get(key, 0) + int(row["Total All"] or 0)
    return {
        key: (totals[key], sum(of[:18]), sum(of[52:]), weeks(of, Fraction(1, 2)), weeks(of, Fraction(92, 100)))
        for key, of in bands.items()
    }


def weeks(bands: list[int], share: Fraction) -> Fraction | None:
    """P = i + (p × n − count before i) ÷ count in band i; blank under 20, the bound itself in the open-ended band."""
    n, before = sum(bands), 0
    if n < 20:
        return None
    for i, count in enumerate(bands):
        if count and before + count >= share * n:
            return Fraction(i) if i == 104 else i + (share * n - before) / count
        before += count
    return None


class opened:
    """The lines of a .csv, or of the one file of a .zip."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path) if path.suffix == ".zip" else None
        self._stream = self._archive.open(self._archive.namelist()[0]) if self._archive else path.open("rb")

    def __enter__(self) -> Iterator[str]:
        return (line.decode("utf-8-sig", errors="replace") for line in self._stream)

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        if self._archive:
            self._archive.close()


WARNINGS_OF_JANUARY = {  # the few returns to ask about; nothing else failed
    "fct_rtt_published.decision_to_admit_within_incomplete_line": 5,
    "fct_rtt_published.parts_missing": 11,
    "fct_rtt_published.completed_without_incomplete": 9,
    "fct_rtt_published.new_periods_fewer_than_recent": 3,
    "fct_rtt_published.large_share_in_first_week": 6,
    "fct_rtt_published.large_share_of_unknown_starts": 1,
}


def test_the_monthly_checks_of_january_name_a_few_returns(mart: Mart) -> None:
    needs(JANUARY)
    found = not_passed(mart, f"publication/{JANUARY.name}")
    assert {v.name: v.unexpected for v in found} == WARNINGS_OF_JANUARY
    assert {(v.severity, v.status) for v in found} == {("warning", "failed")}
    assert all(v.samples for v in found), "on-call must see which returns are meant"


def test_the_sample_passes_every_check(warehouse: Mart) -> None:
    run_through(warehouse, Run("sample", PUBLICATION, input=SAMPLE))
    assert not_passed(warehouse, "sample") == []


@pytest.mark.parametrize("wrong", ["1.5", "-3", "many"])
def test_a_count_that_is_no_count_stops_the_month(warehouse: Mart, tmp_path: Path, wrong: str) -> None:
    header, *rows = csv.reader(sample_text().splitlines())
    rows[0][-1] = wrong
    path = tmp_path / "wrong.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    with pytest.raises(CriticalFailure):
        run_through(warehouse, Run("wrong", PUBLICATION, input=path))
    warehouse.rollback()
    published = warehouse.execute("select count(*) from marts.publication").fetchone()
    assert published == (0,)


def test_a_return_sent_again_is_named(warehouse: Mart, tmp_path: Path) -> None:
    december = tmp_path / "december.csv"
    december.write_text(sample_text().replace("RTT-January-2026", "RTT-December-2025"))
    run_through(warehouse, Run("december", PUBLICATION, input=december))
    run_through(warehouse, Run("january", PUBLICATION, input=SAMPLE))
    assert [v.name for v in not_passed(warehouse, "january")] == ["fct_rtt_published.identical_to_last_month"]


def sample_text() -> str:
    with opened(SAMPLE) as lines:
        return "".join(lines)


def test_a_revised_file_replaces_its_month(warehouse: Mart, tmp_path: Path) -> None:
    run_through(warehouse, Run("first", PUBLICATION, input=SAMPLE))
    first = shown(warehouse)
    header, *lines = sample_text().splitlines(keepends=True)
    gone = next(csv.reader(lines))[3]
    revised = tmp_path / "revised.csv"
    revised.write_text(header + "".join(line for line in lines if f",{gone}," not in line))
    run_through(warehouse, Run("second", PUBLICATION, input=revised))
    second = shown(warehouse)
    assert gone in first
    assert second == {provider: total for provider, total in first.items() if provider != gone}
    run_through(warehouse, Run("third", PUBLICATION, input=SAMPLE))
    assert shown(warehouse) == first


def shown(conn: Mart) -> dict[str, int]:
    rows = conn.execute(
        "select organisation_code, sum(total_count) from marts.mart_rtt_published"
        " where organisation_level = 'provider' group by 1"
    )
    return {code: int(total) for code, total in rows}
