"""NHS England's monthly file by its contract: every line, every band, the month it speaks of."""

from __future__ import annotations

import csv
import gzip
import os
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from medimart import landing
from medimart.errors import InputError
from medimart.landing.publication import period_of
from medimart.settings import PROJECT_ROOT
from published_file import HEADER, published

REAL = Path(
    os.environ.get("MEDIMART_RTT_SLICE") or PROJECT_ROOT.parent / "shared/data/rtt-full-extract-2024-11-RBD.csv"
)


@pytest.mark.parametrize("packing", ["csv", "gz", "zip"])
def test_the_period_is_read_from_the_lines(packing: str, tmp_path: Path) -> None:
    path = published(tmp_path / "january.csv", "February-2024", "1", "2")
    if packing == "gz":
        data, path = path.read_bytes(), tmp_path / "january.csv.gz"
        path.write_bytes(gzip.compress(data))
    elif packing == "zip":
        with zipfile.ZipFile(tmp_path / "january.zip", "w") as archive:
            archive.write(path, "full.csv")
        path = tmp_path / "january.zip"
    assert period_of(path) == date(2024, 2, 29)


def test_months_that_disagree(tmp_path: Path) -> None:
    path = published(tmp_path / "two.csv", "January-2026", "1")
    path.write_text(
        path.read_text() + published(tmp_path / "other.csv", "February-2026", "1").read_text()[len(HEADER) :]
    )
    with pytest.raises(
        InputError, match=r"two\.csv, line 3: the period is 'RTT-February-2026', but 'RTT-January-2026' above"
    ):
        period_of(path)


@pytest.mark.parametrize("month", ["Jan-2026", "Smarch-2026", ""])
def test_a_period_in_another_form(month: str, tmp_path: Path) -> None:
    path = published(tmp_path / "month.csv", month, "1")
    with pytest.raises(
        InputError, match=r"month\.csv, line 2: the period is 'RTT-.*expected the form RTT-January-2026"
    ):
        period_of(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist. Give NHS England's"),
        ("", "an empty file (0 bytes)"),
        (HEADER, "a header and no line below it"),
        ("patient_id,notes\nZZPRIVATE,x\n", "no header: of the first line's 2 fields 0 are known ones"),
        (HEADER.replace("Total All", "Sum"), "the required column total_all"),
        (HEADER.replace("Gt 104 Weeks", "Gt 105 Weeks"), "the required column Gt 104 Weeks SUM 1"),
    ],
)
def test_a_file_that_is_not_the_publication(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "month.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError) as error:
        period_of(path)
    assert message in str(error.value)
    assert "month.csv" in str(error.value)
    assert "ZZPRIVATE" not in str(error.value)


def test_a_month_again_and_revised(conn: psycopg.Connection[Any], tmp_path: Path) -> None:
    january, day = published(tmp_path / "month.csv", "January-2026", "7", "9"), date(2026, 1, 31)
    first = landing.load_file(conn, "rtt_published", january, day)
    assert first is not None
    assert first.rows == 2
    assert landing.load_file(conn, "rtt_published", january, day) is None, "the same bytes"
    landing.load_file(
        conn, "rtt_published", published(tmp_path / "december.csv", "December-2025", "3"), date(2025, 12, 31)
    )
    landing.load_file(conn, "rtt_published", published(tmp_path / "revised.csv", "January-2026", "8"), day)
    rows = conn.execute("select period, total_all_count from history.rtt_published order by valid_from").fetchall()
    assert rows == [("RTT-December-2025", 3), ("RTT-January-2026", 8)]
    audit = conn.execute("select file_name, status from quality.load_audit order by load_id").fetchall()
    assert audit == [("month.csv", "superseded"), ("december.csv", "typed"), ("revised.csv", "typed")]


def test_blank_bands_are_no_bands(conn: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = published(tmp_path / "month.csv", "January-2026", "7", "")
    path.write_text(path.read_text().replace(",,\n", ",,5\n"))
    landing.load_file(conn, "rtt_published", path, date(2026, 1, 31))
    rows = conn.execute(
        "select band_counts[1], band_counts[2], array_length(band_counts, 1), total_all_count "
        "from history.rtt_published order by line_no"
    ).fetchall()
    assert rows == [(7, None, 105, 7), (None, None, None, 5)]


def test_the_real_slice_of_one_trust(conn: psycopg.Connection[Any]) -> None:
    """Every number of the file is the number in history, cell by cell."""
    if not REAL.exists():
        pytest.skip(f"{REAL} is absent: NHS England's November 2024 file, the lines of RBD (or set MEDIMART_RTT_SLICE)")
    assert period_of(REAL) == date(2024, 11, 30)
    result = landing.load_file(conn, "rtt_published", REAL, date(2024, 11, 30))
    with REAL.open(newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    assert result is not None
    assert (result.rows, result.versions, result.quarantined, result.duplicates) == (len(lines), len(lines), 0, 0)
    bands = [name for name in lines[0] if name.startswith("Gt ")]
    assert len(bands) == 105

    def number(text: str) -> int | None:
        return int(text) if text else None

    expected = []
    for line in lines:
        counts = [number(line[name]) for name in bands]
        expected.append((
            line["RTT Part Type"], line["Provider Org Code"], line["Commissioner Org Code"],
            line["Treatment Function Code"],
            None if all(count is None for count in counts) else counts,
            number(line["Total"]), number(line["Patients with unknown clock start date"]), number(line["Total All"]),
        ))  # fmt: skip
    found = conn.execute(
        "select rtt_part_code, provider_code, commissioner_code, treatment_function_code, band_counts, total_count, "
        "unknown_start_count, total_all_count from history.rtt_published order by line_no"
    ).fetchall()
    assert found == expected
    assert landing.reconcile(conn, date(2024, 11, 30), ["rtt_published"]).quarantined == 0
